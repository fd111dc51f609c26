"""Environments with goals: where these are in observations, and rewards under other goals.

Such an environment observes a dictionary of ``observation``, ``achieved_goal`` and
``desired_goal``, and has a method ``compute_reward(achieved_goal, desired_goal, info)``: the
interface of gymnasium-robotics (Plappert et al. 2018, arXiv 1802.09464).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.errors import BadInput
from rlrun.core.rows import Number, column
from rlrun.core.types import Array
from rlrun.envs.conform import Compound
from rlrun.envs.faults import reason
from rlrun.envs.rewards import RewardTransform
from rlrun.envs.vector.sync import EnvOptions

OBSERVATION, ACHIEVED, DESIRED = "observation", "achieved_goal", "desired_goal"
REWARD, TERMINATED = "compute_reward", "compute_terminated"
TRIED = 8  # pairs of goals

Judge: TypeAlias = Callable[[Array, Array], Array]
"""A function of goals achieved and desired, ``[batch, ...]`` each, with results ``[batch]``."""


@dataclass(frozen=True)
class GoalLayout:
    """Where an environment's flattened observations have their goals, and the space of a goal."""

    achieved: int
    desired: int
    space: gym.Space[Any]


def goal_layout(
    env: gym.Env[Any, Any], adapted: gym.Env[Any, Any], options: EnvOptions
) -> GoalLayout | None:
    """Return where the goals are in the observations of ``adapted``, the same as agents see it.

    None if there are no goals, they are not numbers, or they are scaled or in several frames.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Dict) or not {OBSERVATION, ACHIEVED, DESIRED} <= set(space):
        return None
    if options.scale_obs or options.frame_stack > 1 or any(options.last):
        return None
    one, other = space[ACHIEVED], space[DESIRED]
    if not all(isinstance(goal, spaces.Box | spaces.MultiBinary) for goal in (one, other)):
        return None
    if one.shape != other.shape or not env.has_wrapper_attr(REWARD):
        return None
    numbers = isinstance(adapted.observation_space, spaces.MultiDiscrete)
    first, places = 0, {}
    for leaf in Compound(space).leaves:
        places[leaf.path] = first
        # discrete parts are one number each, or one-hot
        first += math.prod(leaf.space.shape or ()) if numbers else spaces.flatdim(leaf.space)
    return GoalLayout(places[ACHIEVED,], places[DESIRED,], one)


class EnvOutcomes:
    """The rewards and discounts of steps under other goals, from the environment's own methods.

    These are ``compute_reward`` and, if there is one, ``compute_terminated``, of an instance that
    is made for them and never stepped. They get batches of goals, and an empty ``info``; if the
    results for a batch are not those for single pairs they are called for each pair.

    Args:
        make: makes one environment.
        env_id: its id, for messages.
        space: the space of a goal.
        gamma: the discount of a step that does not terminate, or one for each row.
        transform: makes rewards to learn from of the environment's own.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        env_id: str,
        space: gym.Space[Any],
        gamma: Number,
        transform: RewardTransform,
    ) -> None:
        self._make, self._env_id, self._space = make, env_id, space
        self._gamma, self._transform = column(gamma, 2), transform

    def prepare(self) -> None:
        """Make the environment. Raises BadInput if it cannot compute rewards of other goals."""
        self._judges  # noqa: B018 - makes it

    def __call__(self, achieved: Array, desired: Array) -> tuple[Array, Array | None]:
        reward, terminated = self._judges
        learnt = self._transform(self._each_seed(reward, achieved, desired))
        if terminated is None:
            return learnt, None
        return learnt, self._gamma * (self._each_seed(terminated, achieved, desired) == 0)

    def _each_seed(self, judge: Judge, achieved: Array, desired: Array) -> Array:
        """Return the results ``[seed, batch]``.

        Each seed has its own call, since sums of another number of rows may be rounded otherwise.
        """
        return np.stack(
            [
                judge(self._as_goals(one), self._as_goals(other))
                for one, other in zip(achieved, desired, strict=True)
            ]
        )

    def _as_goals(self, numbers: Array) -> Array:
        """Return numbers ``[batch, number]`` as the environment's own goals."""
        return numbers.reshape(-1, *(self._space.shape or ())).astype(self._space.dtype)

    @cached_property
    def _judges(self) -> tuple[Judge, Judge | None]:
        """The functions of rewards and, unless there is none, of terminations."""
        method = REWARD
        try:
            env = self._make()
            reward = _batched(env.get_wrapper_attr(REWARD), self._space)
            if not env.has_wrapper_attr(TERMINATED):
                return reward, None
            method = TERMINATED
            return reward, _batched(env.get_wrapper_attr(TERMINATED), self._space)
        except Exception as error:
            raise BadInput(
                f"replay=hindsight cannot use {method} of {self._env_id}, which must take two "
                f"goals and an empty dictionary: {reason(error)}"
            ) from error


def _batched(function: Callable[..., Any], space: gym.Space[Any]) -> Judge:
    """Return a function of batches: this one, if it gives for a batch what it gives for pairs."""

    def whole(achieved: Array, desired: Array) -> Array:
        return np.asarray(function(achieved, desired, {}), np.float64)

    def one_by_one(achieved: Array, desired: Array) -> Array:
        pairs = zip(achieved, desired, strict=True)
        return np.array([float(function(*pair, {})) for pair in pairs], np.float64)

    space.seed(0)
    achieved = np.stack([space.sample() for _ in range(TRIED)])
    desired = np.stack([space.sample() for _ in range(TRIED)])
    desired[::2] = achieved[::2]  # half of them are achieved
    expected = one_by_one(achieved, desired)
    try:
        found = whole(achieved, desired)
    except Exception:  # a function of single goals may raise anything for a batch
        return one_by_one
    same = found.shape == expected.shape and np.allclose(found, expected)
    return whole if same else one_by_one
