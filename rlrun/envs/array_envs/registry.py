"""The array versions of environments by id, to which other packages may add theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import gymnasium as gym
import numpy as np

from rlrun.core.types import Array
from rlrun.envs.array_envs.acrobot import Acrobot
from rlrun.envs.array_envs.cart_pole import cart_poles
from rlrun.envs.array_envs.mountain_car import MountainCar
from rlrun.envs.array_envs.mountain_car_continuous import MountainCarContinuous
from rlrun.envs.array_envs.pendulum import Pendulum


class ArrayEnv(Protocol):
    """Copies of one environment, numbered from 0.

    A time limit is not its concern: it is counted by the caller. What it returns may be overwritten
    by its next call.
    """

    obs: Array
    """The current observations ``[env, ...]``, of the dtype of the observation space."""

    def reset(self, env: int, rng: np.random.Generator) -> None:
        """Begin an episode in one environment.

        ``rng`` is the generator that Gymnasium's ``reset(seed=...)`` would make from the episode's
        seed: the same draws from it give the same first state.
        """
        ...

    def step(self, action: Array) -> tuple[Array, Array]:
        """Step every environment with ``action [env, ...]``, which is in the action space.

        Returns the rewards, float64 ``[env]``, and where episodes terminated, bool ``[env]``.
        """
        ...


class ArrayVersion(NamedTuple):
    """An entry of the registry."""

    make: Callable[[int], ArrayEnv]
    """Makes a number of copies."""
    least: int
    """The number of copies from which it is faster than separate environments."""
    entry_point: object
    """That of the environment in Gymnasium's registry; with another one it is not used."""


CLASSIC = "gymnasium.envs.classic_control"
ARRAY_VERSIONS: dict[str, ArrayVersion] = {
    "Acrobot-v1": ArrayVersion(Acrobot, 3, f"{CLASSIC}.acrobot:AcrobotEnv"),
    "CartPole-v0": ArrayVersion(cart_poles, 1, f"{CLASSIC}.cartpole:CartPoleEnv"),
    "CartPole-v1": ArrayVersion(cart_poles, 1, f"{CLASSIC}.cartpole:CartPoleEnv"),
    "MountainCar-v0": ArrayVersion(MountainCar, 1, f"{CLASSIC}.mountain_car:MountainCarEnv"),
    "MountainCarContinuous-v0": ArrayVersion(
        MountainCarContinuous, 4, f"{CLASSIC}.continuous_mountain_car:Continuous_MountainCarEnv"
    ),
    "Pendulum-v1": ArrayVersion(Pendulum, 2, f"{CLASSIC}.pendulum:PendulumEnv"),
}
"""The array versions by Gymnasium's id. `env.vector=auto` uses them."""


def register_arrays(env_id: str, make: Callable[[int], ArrayEnv], *, least: int = 1) -> None:
    """Register an array version of an environment, in place of any registered before.

    Args:
        env_id: the id of the environment in Gymnasium's registry, without a package.
        make: makes a number of copies.
        least: the number of copies from which `env.vector=auto` uses it.

    Raises:
        KeyError: there is no such environment yet.
    """
    ARRAY_VERSIONS[env_id] = ArrayVersion(make, least, gym.registry[env_id].entry_point)
