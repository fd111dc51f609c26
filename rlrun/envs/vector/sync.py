"""Gymnasium's synchronous vector environment, without what costs time at every step here."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlrun.core.types import Array
from rlrun.envs.arrays import ObsChoice
from rlrun.envs.conform import REAL, Conform, one_number
from rlrun.envs.rewards import IDENTITY, RewardTransform
from rlrun.envs.watchdog import OnHang, give_up

RESUME_ACTIONS = 200_000  # more than the 108,000 frames of the longest episodes of Atari games


@dataclass(frozen=True)
class EnvOptions:
    """How environments are run that are not tables.

    ``rebuild`` makes each anew for every episode, where something of the last one would be left in
    it; ``vector`` is ``sync``, in this process, or ``async``, each in one of its own; ``timeout``
    is how many seconds a step may take; ``on_hang`` is called with a sentence about one that takes
    longer; images and grids are stacks of ``frame_stack`` frames; ``obs`` says what observations
    are taken for (``rlrun.envs.arrays``); ``scale_obs`` brings the bounds of vectors to [-1, 1];
    ``learnt`` makes the rewards that are learnt from; ``resume_actions`` is the most actions of an
    episode that are kept so that a resumed run can play them again; ``global_seed`` is what the
    global generators of an environment's own process are seeded from, where it draws from them;
    ``film`` is given every frame of an environment that is filmed and stands alone
    (``rlrun.envs.filmed``).
    """

    rebuild: bool = False
    vector: Literal["sync", "async"] = "sync"
    timeout: float | None = None
    on_hang: OnHang = give_up
    frame_stack: int = 1
    scale_obs: bool = False
    obs: ObsChoice | None = None
    learnt: RewardTransform = IDENTITY
    resume_actions: int = RESUME_ACTIONS
    global_seed: tuple[int, ...] = ()
    film: Callable[[Array], None] | None = None


class EnvFault(Exception):
    """An environment failed: which of the grid, how, and where in its code."""

    def __init__(self, place: int, error: BaseException, where: str = "") -> None:
        super().__init__(place, error)
        self.place, self.error = place, error
        frames = traceback.extract_tb(error.__traceback__)
        self.where = where or (f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "")


class SyncGrid(SyncVectorEnv[Array, Array]):
    """A `SyncVectorEnv` whose ended environments are reset by mask, and only then.

    The same calls with the same meaning. `step` collects no infos and gathers observations and
    results in place (19 us become 10 for one CartPole, 107 become 78 for ten); a masked `reset`
    touches the environments in its mask alone. The arrays returned are overwritten by the next
    call. For observations that are one array: Box and Discrete.
    """

    ended: list[int]
    """The environments whose episode ended in the last step."""
    at = 0
    """The environment that is being stepped or reset."""

    def __init__(
        self, make: Sequence[Callable[[], gym.Env[Any, Any]]], rebuild: bool = False
    ) -> None:
        """``rebuild`` makes an environment anew for every episode."""
        super().__init__(make, copy=False, autoreset_mode=AutoresetMode.DISABLED)
        self._make, self._rebuild = make, rebuild
        self._conform = [Conform(self.single_observation_space) for _ in make]

    def too_large(self, place: int) -> float | None:
        """The last number of that environment that the type of its space cannot hold."""
        return self._conform[place].too_large

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Observations, rewards, terminations, truncations ``[env, ...]``, and no infos."""
        obs, rewards = self._observations, self._rewards
        terminations, truncations = self._terminations, self._truncations
        self.ended = []
        i = 0
        try:
            for i, (env, action, conform) in enumerate(
                zip(self.envs, actions, self._conform, strict=True)
            ):
                self.at = i
                raw, reward, terminated, truncated, _ = env.step(action)
                obs[i] = conform(raw)
                rewards[i] = reward if type(reward) in REAL else one_number(reward)
                terminations[i], truncations[i] = terminated, truncated
                if terminated or truncated:
                    self.ended.append(i)
        except Exception as error:
            raise EnvFault(i, error) from error
        return obs, rewards, terminations, truncations, {}

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """The observations of all, after a reset of those in ``options["reset_mask"]``.

        ``seed`` is a list with a number for each of these.
        """
        if not isinstance(seed, Sequence):
            raise TypeError(f"each environment is reset with a seed of its own, got {seed!r}")
        mask = [True] * self.num_envs if options is None else options["reset_mask"]
        for i, (wanted, env) in enumerate(zip(mask, self.envs, strict=True)):
            if wanted:
                self.at = i
                try:
                    self._observations[i] = self._conform[i](self._begin(i, env, seed[i]))
                except Exception as error:
                    raise EnvFault(i, error) from error
        return self._observations, {}

    def _begin(self, i: int, env: gym.Env[Any, Any], seed: int | None) -> Any:
        """The first observation of a new episode of environment i."""
        if self._rebuild:
            env.close()
            env = self._make[i]()
            self.envs[i] = env
        return env.reset(seed=seed)[0]

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Array, list[list[float]]]:
        """Reset every environment and repeat what it did; the observations, and all rewards.

        ``begun`` says for each environment which of the ``actions [step][env, ...]`` was the
        first of its episode.
        """
        rewards: list[list[float]] = []
        for i, (seed, start) in enumerate(zip(seeds, begun, strict=True)):
            self.at = i
            rewards.append([])
            try:
                obs = self._begin(i, self.envs[i], seed)
                for action in actions[start:]:
                    obs, reward, *_ = self.envs[i].step(action[i])
                    rewards[-1].append(float(reward))
                self._observations[i] = self._conform[i](obs)
            except Exception as error:
                raise EnvFault(i, error) from error
        return self._observations, rewards
