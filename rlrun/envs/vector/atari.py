"""Atari games in ALE's own C++ vector environment, with the interface of `SyncGrid`.

ALE preprocesses the frames as in Mnih et al. (2015) and Machado et al. (2018): grey, 84 x 84,
every action repeated over four frames of which the last two are merged by their maximum, up to 30
no-ops at the start of an episode, and sticky actions.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.fields import Count
from rlrun.core.schema import check, convert
from rlrun.core.types import Array
from rlrun.envs.vector.sync import EnvFault

USUAL = {
    "frame_stack": 4,
    "frame_skip": 4,
    "noop_max": 30,
    "sticky": True,
    "life_loss": True,
    "reward_clip": 1.0,
}
"""The default settings of Atari games, which are chosen by their id."""

STICKY = 0.25  # the probability that an action is repeated, as in ALE/*-v5
NO_LIMIT = 2**30  # frames: the grid counts steps itself, since ALE's count is not exact

SETTINGS = {
    "game": "env=ALE/NAME-v5",
    "num_envs": "env.num_envs",
    "batch_size": "env.num_envs",
    "max_num_frames_per_episode": "env.max_episode_steps",
    "repeat_action_probability": "env.sticky",
    "stack_num": "env.frame_stack",
    "frameskip": "env.frame_skip",
    "noop_max": "env.noop_max",
    "episodic_life": "env.life_loss",
    "life_loss_info": "env.life_loss",
    "reward_clipping": "env.reward_clip",
}
"""Arguments of ALE's vector environment that are settings of rlrun."""
_OURS = (*SETTINGS, "self", "autoreset_mode", "thread_affinity_offset")


@dataclass(frozen=True)
class Atari:
    """A game and its settings.

    ``limit`` is the most steps of an episode; ``kwargs`` are further arguments of ALE's vector
    environment.
    """

    game: str
    limit: int
    sticky: bool = True
    life_loss: bool = False
    noop_max: int = 30
    frame_skip: int = 4
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def check_atari_kwargs(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Check and return keyword arguments for ALE's vector environment. Raises BadInput."""
    for name in kwargs:
        if name in SETTINGS:
            key = f"env.kwargs.{name}"
            raise BadInput(f"{key} is a setting of rlrun: write {SETTINGS[name]} instead.", key)
    checked = check(_ale().AtariVectorEnv, kwargs, "env.kwargs", _OURS)
    for name in ("img_height", "img_width", "num_threads"):
        if name in kwargs:
            convert(kwargs[name], Count, f"env.kwargs.{name}")
    return checked


class AtariGrid:
    """``num_envs`` copies of a game, stepped together by ALE's threads.

    ALE always resets automatically, but an environment that is reset by mask before the next step,
    with a seed, begins as if it had been created with that seed. The returned arrays are not
    overwritten later.
    """

    masks: None = None
    """There are none: all buttons are legal."""
    ended: list[int]
    """The environments whose episode ended in the last step."""

    def __init__(self, atari: Atari, num_envs: int, frame_stack: int) -> None:
        """Open the games; an observation consists of ``frame_stack`` frames."""
        self._env = _ale().AtariVectorEnv(
            atari.game,
            num_envs,
            max_num_frames_per_episode=NO_LIMIT,
            repeat_action_probability=STICKY if atari.sticky else 0.0,
            stack_num=frame_stack,
            frameskip=atari.frame_skip,
            noop_max=atari.noop_max,
            reward_clipping=False,
            **{
                "num_threads": min(num_envs, _cores()),  # the results do not depend on it
                "use_fire_reset": False,
                **atari.kwargs,
            },
        )
        self.single_observation_space = self._env.single_observation_space
        self.single_action_space = self._env.single_action_space
        self._limit, self._life_loss = atari.limit, atari.life_loss
        self._length = np.zeros(num_envs, np.int64)
        self._lives = np.zeros(num_envs, np.int64)

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Return observations, rewards, terminations, truncations ``[env, ...]``, empty infos.

        With ``life_loss`` a lost life counts as a termination; the episode continues after it, and
        its environment is not in ``ended``.
        """
        try:
            obs, rewards, terminated, _, info = self._env.step(actions)
        except Exception as error:
            raise EnvFault(0, error) from error
        self._length += 1
        truncated = self._length >= self._limit
        self.ended = np.flatnonzero(terminated | truncated).tolist()
        lives = info["lives"]
        terminations = terminated | (lives < self._lives) if self._life_loss else terminated
        self._lives = lives
        return obs, rewards, terminations, truncated, {}

    def reset(
        self,
        *,
        seed: Sequence[int | None],
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Reset the environments in ``options["reset_mask"]``; return the observations of all.

        ``seed`` is a list with an entry for every environment, read for those in the mask.
        """
        mask = np.ones(len(seed), np.bool_) if options is None else options["reset_mask"]
        seeds = np.array([number for number, selected in zip(seed, mask, strict=True) if selected])
        try:
            obs, info = self._env.reset(seed=seeds, options={"reset_mask": mask})
        except Exception as error:
            raise EnvFault(0, error) from error
        self._length[mask] = 0
        self._lives = info["lives"]
        return obs, {}

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Array, list[list[float]]]:
        """Reset every environment and replay its actions; return observations and all rewards.

        ``begun`` is, for each environment, the index in ``actions [step][env, ...]`` of the first
        action of its episode. All are stepped together; the steps of an environment before its
        episode begins have no effect, since it is reset then.
        """
        first = np.array(begun)
        obs, _ = self.reset(seed=seeds)
        rewards: list[list[float]] = [[] for _ in seeds]
        for time in range(len(actions) + 1):
            if time and (first == time).any():
                obs, _ = self.reset(seed=seeds, options={"reset_mask": first == time})
            if time < len(actions):
                obs, reward, *_ = self.step(actions[time])
                for i in np.flatnonzero(first <= time):
                    rewards[i].append(float(reward[i]))
        return obs, rewards

    def close(self) -> None:
        """End ALE's threads; a second call does nothing."""
        self._env.close()
        vars(self._env).pop("ale", None)  # else closing twice would fail


def _ale() -> Any:
    """Import the module of ALE's vector environment, only when a game is played, and silence it."""
    ale_py = importlib.import_module("ale_py")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return importlib.import_module("ale_py.vector_env")


def _cores() -> int:
    """Return how many of the machine's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # missing on some systems
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
