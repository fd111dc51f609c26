"""The settings of the environment, checked, and how to make it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Literal

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rlrun.core.checks import at_least, positive
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.types import Envs, Spec
from rlrun.envs import global_generators, reproducible
from rlrun.envs.arrays import EARLIER, ObsChoice, assumption
from rlrun.envs.conform import Compound
from rlrun.envs.factory import open_envs
from rlrun.envs.faults import reason
from rlrun.envs.filmed import ATARI_FPS, Film, fps_of
from rlrun.envs.ids import check_env_kwargs, env_spec, is_atari
from rlrun.envs.rewards import RewardTransform
from rlrun.envs.spaces import bounds, scaled
from rlrun.envs.survey import check_steps
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import RESUME_ACTIONS, EnvOptions
from rlrun.envs.watchdog import OnHang, give_up


class EnvSettings:
    """The ``env`` settings, and how to make that environment."""

    def __init__(
        self,
        *,
        id: str,
        num_envs: int,
        max_episode_steps: int | None,
        bins: tuple[tuple[float, float, int], ...] | None,
        rebuild: bool,
        vector: Literal["sync", "async"],
        timeout: float | None,
        kwargs: Mapping[str, Any],
        reward_clip: float | None = None,
        reward_scale: float = 1.0,
        resume_actions: int | None = None,
        obs: ObsChoice | None = EARLIER,  # runs of earlier versions have none
        scale_obs: bool = False,
        frame_stack: int | None = None,
        frame_skip: int | None = None,
        noop_max: int | None = None,
        sticky: bool | None = None,
        life_loss: bool | None = None,
    ) -> None:
        at_least(1, num_envs=num_envs, max_episode_steps=max_episode_steps, frame_stack=frame_stack)
        for low, high, count in bins or ():
            if not low < high or count < 1:
                raise ValueError(
                    "bins are [from, to, how many] with from below to and at least 1 of them, "
                    f"got [{low}, {high}, {count}]"
                )
        self.id, self.num_envs, self.bins, self.scale_obs = id, num_envs, bins, scale_obs
        at_least(0, resume_actions=resume_actions)
        positive(timeout=timeout, reward_clip=reward_clip, reward_scale=reward_scale)
        self.obs = obs
        self._kwargs = dict(kwargs)
        check_env_kwargs(id, self._kwargs)
        spec = env_spec(id)
        own = {
            "sticky": sticky,
            "life_loss": life_loss,
            "noop_max": noop_max,
            "frame_skip": frame_skip,
        }
        own = {name: value for name, value in own.items() if value is not None}
        self._how = EnvOptions(
            rebuild,
            vector,
            timeout,
            frame_stack=frame_stack or (4 if is_atari(spec) else 1),
            scale_obs=scale_obs,
            obs="image" if is_atari(spec) else obs,
            learnt=RewardTransform(reward_clip, reward_scale),
            resume_actions=RESUME_ACTIONS if resume_actions is None else resume_actions,
        )
        self._global_seed: tuple[int, ...] = ()
        self._atari: Atari | None = None
        if is_atari(spec):
            self._atari = self._game(spec, own, max_episode_steps)
            self.limit: int | None = self._atari.limit
        else:
            for name in own:
                raise ValueError(f"{name} is for Atari games (env=ALE/Pong-v5), and {id} is none")
            self.limit = max_episode_steps or spec.max_episode_steps

    def _game(self, spec: EnvSpec, own: dict[str, Any], limit: int | None) -> Atari:
        """The Atari game with its ``own`` settings, as it is trained on."""
        for name, wrong in (("rebuild", self._how.rebuild), ("vector", self._how.vector != "sync")):
            if wrong:
                raise ValueError(
                    f"{name} must be left alone for Atari games: ALE steps all of them together, "
                    "in threads of its own, and every episode begins anew"
                )
        if self.obs in ("grid", "vector"):
            raise ValueError(f"obs={self.obs} is not for Atari games, which show images")
        at_least(1, frame_skip=own.get("frame_skip"))
        at_least(0, noop_max=own.get("noop_max"))
        game = Atari(spec.kwargs["game"], 1, kwargs=self._kwargs, **{"life_loss": True, **own})
        usual: int = spec.kwargs["max_num_frames_per_episode"] // game.frame_skip
        return dataclasses.replace(game, limit=limit or usual)

    def make(self, limit: int | None = None, shown: bool = False) -> gym.Env[Any, Any]:
        """One environment, its episodes cut after ``limit`` steps (None: as the settings say).

        Where it is ``shown`` it renders pictures, if it can. Not for Atari games, which are never
        single.
        """
        render = {"render_mode": "rgb_array"} if shown and self._renders else {}
        return gym.make(
            self.id,
            max_episode_steps=limit or self.limit,
            disable_env_checker=True,  # it costs time at every step; `spec` checks once
            **{**self._kwargs, **render},
        )

    @property
    def is_game(self) -> bool:
        """Whether it is an Atari game that ALE runs, and never a single environment."""
        return self._atari is not None

    @property
    def _renders(self) -> bool:
        return "rgb_array" in (self._metadata.get("render_modes") or ())

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        """What its class says of how it is shown."""
        env = gym.make(self.id, disable_env_checker=True, **self._kwargs)
        env.close()
        return dict(env.metadata)

    @property
    def fps(self) -> float:
        """Steps in a second when it is shown. Raises BadInput where it cannot be shown."""
        if self._atari is not None:
            return ATARI_FPS / self._atari.frame_skip
        if not self._renders and self.spec(1.0).obs.kind != "image":
            raise BadInput(
                f"{self.id} cannot be filmed: it has no render mode rgb_array, and its "
                "observations are no images."
            )
        return fps_of(self._metadata)

    def open(
        self,
        seeds: Sequence[int],
        num_envs: int,
        *,
        gamma: float,
        limit: int | None = None,
        purpose: Purpose = Purpose.TRAIN_EPISODES,
        on_hang: OnHang = give_up,
        film: Film | None = None,
    ) -> Envs:
        """``num_envs`` of them for each seed; ``on_hang`` is called if one does not respond.

        A ``film`` is of one environment of one seed.
        """
        seeded = (*self._global_seed, int(purpose)) if self._global_seed else ()
        how = dataclasses.replace(self._how, on_hang=on_hang, film=film, global_seed=seeded)
        atari = self._atari
        if atari is not None and limit is not None:
            atari = dataclasses.replace(atari, limit=limit)
        return open_envs(
            atari or partial(self.make, limit, film is not None),
            self.id,
            seeds,
            num_envs,
            gamma=gamma,
            purpose=purpose,
            how=how,
        )

    def spec(self, gamma: float) -> Spec:
        """What an agent is told, found by making one environment and taking one step in it.

        Raises BadInput where the environment cannot be made, its spaces are not supported, or it
        does not keep to them.
        """
        left_out: tuple[str, ...] = ()
        try:
            if self._atari is None:
                env = self.make()
                check_steps(env, self._how.frame_stack, self.obs)
                left_out = tuple(Compound(env.observation_space).texts)
            envs = self.open([0], 1, gamma=gamma)
            envs.close()
        except Exception as error:
            why = reason(error).removeprefix("ValueError: ")
            raise BadInput(f"{self.id} cannot be used: {why}") from error
        bins = self._scaled_bins() if self._how.scale_obs else self.bins
        return dataclasses.replace(envs.spec, num_envs=self.num_envs, bins=bins, left_out=left_out)

    def check_reproducible(self, seed: int, on_hang: OnHang = give_up) -> str:
        """Why a run in this environment is not exact, as a sentence; empty where it may be.

        Where it is not, the global generators are seeded from the seed number: those of this
        process now, those of asynchronous environments when they are opened. It may draw from
        them, and then the same command gives the same numbers as long as nothing interrupts it.
        Atari games are not tried: ALE seeds everything in them.
        """
        if self._atari is not None:
            return ""
        how = dataclasses.replace(self._how, vector="sync", on_hang=on_hang)
        trial = partial(open_envs, self.make, self.id, [0], 1, gamma=1.0, how=how)
        sentence = reproducible.doubt(partial(trial, purpose=Purpose.EVAL_EPISODES))
        if sentence:
            self._global_seed = (seed,)
            global_generators.seed_all(seed)
        return sentence

    def assumption(self) -> str:
        """What the observations are taken for, where that is a guess: a sentence, else ""."""
        if self.is_game or self.obs is not None:
            return ""
        env = self.make()
        env.close()
        return assumption(env.observation_space)

    def _scaled_bins(self) -> tuple[tuple[float, float, int], ...] | None:
        """The bins, said in the environment's own numbers, where these are scaled.

        Those that do not fit its observations are left as they are: who uses them refuses them.
        """
        env = self.make()
        low, high = (each.ravel().tolist() for each in bounds(env.observation_space))
        env.close()
        if self.bins is None or len(self.bins) != len(low):
            return self.bins
        return tuple(
            (scaled(start, *ends), scaled(stop, *ends), count)
            for (start, stop, count), *ends in zip(self.bins, low, high, strict=True)
        )
