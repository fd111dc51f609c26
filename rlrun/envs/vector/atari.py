"""Atari games in ALE's own C++ vector environment, with the calls of `rlrun.envs.vector.sync.Grid`.

The frames are preprocessed there as Mnih et al. (2015) and Machado et al. (2018) describe: grey,
84 x 84, every action repeated over four frames of which the last two are merged by their maximum,
up to 30 no-ops at the start of an episode, and actions that sometimes stick.
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
"""The settings of a game that is named by its id."""

STICKY = 0.25  # the probability that an action is repeated, as in ALE/*-v5
NO_LIMIT = 2**30  # frames: the grid counts an episode's steps itself, ALE's count is not exact

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
    """A game and how it is played.

    ``limit`` is how many steps an episode may have; ``kwargs`` are further arguments of ALE's
    vector environment.
    """

    game: str
    limit: int
    sticky: bool = True
    life_loss: bool = False
    noop_max: int = 30
    frame_skip: int = 4
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def check_atari_kwargs(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments for ALE's vector environment, checked; raises BadInput."""
    for name in given:
        if name in SETTINGS:
            key = f"env.kwargs.{name}"
            raise BadInput(f"{key} is a setting of rlrun: write {SETTINGS[name]} instead.", key)
    kwargs = check(_ale().AtariVectorEnv, given, "env.kwargs", _OURS)
    for name in ("img_height", "img_width", "num_threads"):
        if name in kwargs:
            convert(kwargs[name], Count, f"env.kwargs.{name}")
    return kwargs


class AtariGrid:
    """``num_envs`` copies of a game, stepped together by ALE's threads.

    ALE knows no environment without automatic reset, but one that is reset by mask before the
    next step, with a seed, begins as if it had been made with it. The arrays that are returned
    are never written to again.
    """

    ended: list[int]
    """The environments whose episode ended in the last step."""

    def __init__(self, atari: Atari, num_envs: int, frame_stack: int) -> None:
        """``frame_stack`` frames are one observation."""
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
                "num_threads": min(num_envs, _cores()),  # what is seen does not depend on it
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
        """Observations, rewards, terminations, truncations ``[env, ...]``, and no infos.

        With ``life_loss`` a lost life counts as a termination; the episode goes on after it, and
        is not among those that ``ended``.
        """
        try:
            obs, rewards, over, _, info = self._env.step(actions)
        except Exception as error:
            raise EnvFault(0, error) from error
        self._length += 1
        cut = self._length >= self._limit
        self.ended = np.flatnonzero(over | cut).tolist()
        terminations = over | (info["lives"] < self._lives) if self._life_loss else over
        self._lives = info["lives"]
        return obs, rewards, terminations, cut, {}

    def reset(
        self,
        *,
        seed: Sequence[int | None],
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """The observations of all, after a reset of those in ``options["reset_mask"]``.

        ``seed`` is a list with a number for each of these.
        """
        mask = np.ones(len(seed), np.bool_) if options is None else options["reset_mask"]
        seeds = np.array([number for number, wanted in zip(seed, mask, strict=True) if wanted])
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
        """Reset every environment and repeat what it did; the observations, and all rewards.

        ``begun`` says for each environment which of the ``actions [step][env, ...]`` was the
        first of its episode. All are stepped together; what one does before its episode begins
        is forgotten when it is reset.
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
        """Let ALE's threads end."""
        self._env.close()
        vars(self._env).pop("ale", None)  # closing twice is no mistake


def _ale() -> Any:
    """The module of ALE's vector environment: imported where a game is played, and silent."""
    ale_py = importlib.import_module("ale_py")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return importlib.import_module("ale_py.vector_env")


def _cores() -> int:
    """How many of the machine's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
