"""The environment of a run, opened for training, evaluation and films."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.goals import Goals
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Envs, Spec
from rlrun.envs import global_generators, reproducible
from rlrun.envs.arrays import assumption
from rlrun.envs.env_info import EnvInfo, env_info, read_env_info
from rlrun.envs.factory import open_envs
from rlrun.envs.facts import Facts
from rlrun.envs.filmed import ATARI_FPS, Film, fps_of
from rlrun.envs.goals import EnvOutcomes
from rlrun.envs.ids import env_spec, is_parallel
from rlrun.envs.parallel_info import Parallel, parallel_of
from rlrun.envs.recent import Last
from rlrun.envs.rewards import RewardTransform
from rlrun.envs.settings import GAME_SETTINGS, EnvSettings
from rlrun.envs.spaces import scaled_bins
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import RESUME_ACTIONS, EnvOptions
from rlrun.envs.velocities import WithoutVelocities
from rlrun.envs.watchdog import OnHang, give_up


class Environment:
    """The environment of a run.

    Args:
        settings: its settings.
        gamma: the discount of a step that does not terminate, or one for each row ``[row]``; then
            the table of ``spec`` has 1 instead.
        on_hang: called with a sentence if an environment does not respond.
    """

    def __init__(self, settings: EnvSettings, gamma: Number, on_hang: OnHang = give_up) -> None:
        self.settings, self._gamma = settings, gamma
        s = settings
        self._atari = _atari(s) if s.is_game else None
        self._options = EnvOptions(
            s.rebuild,
            s.vector,
            s.timeout,
            on_hang,
            frame_stack=s.frame_stack or (4 if s.is_game else 1),
            last=Last(s.last_action, s.last_reward),
            scale_obs=s.scale_obs,
            obs="image" if s.is_game else s.obs,
            shaping=s.shaping,
            reward_transform=RewardTransform(s.reward_clip, s.reward_scale),
            masks=s.action_mask == "auto",
            episode_seed=s.episode_seed,
            resume_actions=RESUME_ACTIONS if s.resume_actions is None else s.resume_actions,
        )
        self._global_seed: tuple[int, ...] = ()

    @property
    def limit(self) -> int | None:
        """Steps after which a training episode is truncated; None if there is no limit."""
        if self._atari is not None:
            return self._atari.limit
        return self.settings.max_episode_steps or env_spec(self.settings.id).max_episode_steps

    def make(self, limit: int | None = None, shown: bool = False) -> gym.Env[Any, Any]:
        """Make one environment, whose episodes are truncated after ``limit`` steps (None: default).

        With ``shown`` it renders pictures, if it can. Not for Atari games, which ALE only runs as a
        vector.
        """
        render = {"render_mode": "rgb_array"} if shown and self._renders else {}
        env = gym.make(
            self.settings.id,
            max_episode_steps=limit or self.limit,
            disable_env_checker=True,  # it costs time at every step; `env_info` checks once
            **{**self.settings.kwargs, **render},
        )
        if self.settings.facts:
            return Facts(env)
        return WithoutVelocities(env) if self.settings.mask == "velocity" else env

    @cached_property
    def _info(self) -> EnvInfo:
        return env_info(self._atari or self.make, self.settings, self._options, self._table_gamma)

    @property
    def _table_gamma(self) -> float:
        """The gamma that is in the environment's table."""
        return 1.0 if isinstance(self._gamma, np.ndarray) else self._gamma

    @cached_property
    def _parallel(self) -> Parallel | None:
        """The environment if it has several agents. Raises BadInput if it cannot be used."""
        spec = env_spec(self.settings.id)
        return parallel_of(self.settings, spec) if is_parallel(spec) else None

    @cached_property
    def spec(self) -> Spec:
        """The specification for agents. Raises BadInput if the environment cannot be used."""
        if self._parallel is not None:
            return dataclasses.replace(self._parallel.spec, num_envs=self.settings.num_envs)
        bins = self.settings.bins
        if self.settings.scale_obs and bins is not None:
            bins = scaled_bins(bins, self._info.observation_space)
        return dataclasses.replace(
            self._info.spec,
            num_envs=self.settings.num_envs,
            bins=bins,
            goals=self._goals(),
            same_episodes=self.settings.episode_seed == "fixed",
        )

    def _goals(self) -> Goals | None:
        layout = self._info.goals
        if layout is None:
            return None
        size, env_id = math.prod(layout.space.shape or ()), self.settings.id
        transform = self._options.reward_transform
        outcomes = EnvOutcomes(self.make, env_id, layout.space, self._gamma, transform)
        return Goals(layout.achieved, layout.desired, size, outcomes)

    @property
    def _renders(self) -> bool:
        return "rgb_array" in (self._metadata.get("render_modes") or ())

    @property
    def _metadata(self) -> dict[str, Any]:
        return self._info.metadata if self._parallel is None else self._parallel.metadata

    @property
    def fps(self) -> float:
        """Steps per second of a film. Raises BadInput if the environment cannot be filmed."""
        if self._atari is not None:
            return ATARI_FPS / self._atari.frame_skip
        if not self._renders and self.spec.obs.kind != "image":
            raise BadInput(
                f"{self.settings.id} cannot be filmed: it has no render mode rgb_array, and its "
                "observations are not images."
            )
        return fps_of(self._metadata)

    def open(
        self,
        seeds: Sequence[int],
        num_envs: int,
        *,
        limit: int | None = None,
        purpose: Purpose = Purpose.TRAIN_EPISODES,
        film: Film | None = None,
    ) -> Envs:
        """Open ``num_envs`` environments for each seed; a ``film`` needs one of one seed."""
        seeded = (*self._global_seed, int(purpose)) if self._global_seed else ()
        options = dataclasses.replace(self._options, film=film, global_seed=seeded)
        if self._parallel is not None:
            most = limit or self.limit
            return self._parallel.open(
                seeds, num_envs, gamma=self._gamma, limit=most, purpose=purpose, options=options
            )
        atari = self._atari
        if atari is not None and limit is not None:
            atari = dataclasses.replace(atari, limit=limit)
        return open_envs(
            atari or partial(self.make, limit, film is not None),
            self._info,
            seeds,
            num_envs,
            gamma=self._gamma,
            limit=limit,
            purpose=purpose,
            options=options,
        )

    def check_reproducible(self, seed: int) -> str:
        """Return a sentence on why a run would not be reproducible; "" if it may be reproducible.

        If not, the global random generators are seeded from ``seed``: those of this process
        now, those of asynchronous environments when they are opened. If the environment draws from
        them, the same command gives the same numbers unless it is interrupted. Atari games are not
        tested: ALE seeds everything in them.
        """
        if self._atari is not None:
            return ""
        options = dataclasses.replace(self._options, vector="sync")

        def trial() -> Envs:
            if self._parallel is not None:
                return self.open([0], 1, purpose=Purpose.EVAL_EPISODES)
            info = read_env_info(self.make, self.settings.id, options, self._table_gamma)
            return open_envs(
                self.make,
                info,
                [0],
                1,
                gamma=self._table_gamma,
                purpose=Purpose.EVAL_EPISODES,
                options=options,
            )

        if sentence := reproducible.doubt(trial):
            self._global_seed = (seed,)
            global_generators.seed_all(seed)
        return sentence

    def assumption(self) -> str:
        """Return a sentence on the assumed kind of observations; "" if the space determines it."""
        if self.settings.is_game or self._parallel or self.settings.obs is not None:
            return ""
        return assumption(self._info.observation_space)

    def arrays_differ(self) -> str:
        """Return a sentence if the array version would give other numbers; "" if not."""
        deviation = (self._parallel or self._info).deviation
        if not deviation:
            return ""
        versions = f"gymnasium {gym.__version__} and numpy {np.__version__}"
        return (
            f"the array version of {self.settings.id} is not used: with {versions} on this "
            f"processor it gives {deviation}"
        )


def _atari(settings: EnvSettings) -> Atari:
    """Return the description of an Atari game, with the settings of training."""
    spec = env_spec(settings.id)
    options = {name: getattr(settings, name) for name in GAME_SETTINGS}
    options = {name: value for name, value in options.items() if value is not None}
    kwargs = settings.kwargs
    game = Atari(spec.kwargs["game"], 1, kwargs=kwargs, **{"life_loss": True, **options})
    default: int = spec.kwargs["max_num_frames_per_episode"] // game.frame_skip
    return dataclasses.replace(game, limit=settings.max_episode_steps or default)
