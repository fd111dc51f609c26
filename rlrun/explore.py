"""Exploration: how an action is chosen while learning. Constructors are the ``explore`` group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.rng import Purpose, Streams
from rlrun.schedules import Exponential, Linear, Schedule
from rlrun.types import Array, Spec, State


class EpsilonGreedy:
    """With probability epsilon a uniformly random action, else the greedy one.

    Two numbers are drawn per environment and step whatever happens, so that the draws of a seed
    never depend on its actions.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], epsilon: Schedule) -> None:
        self.epsilon = epsilon
        self._actions = spec.action.choices[0]
        self._shape = (len(seeds), spec.num_envs, 2)
        self._count = spec.num_envs * 2
        self._streams = Streams(seeds, Purpose.EXPLORE)

    def __call__(self, step: int, greedy: Callable[[], Array]) -> Array:
        """Actions ``[seed, env]``; ``greedy`` is only called where somebody does not explore."""
        draw = self._streams.uniform(self._count).reshape(self._shape)
        explores = draw[..., 0] < self.epsilon(step)
        if not explores.any():
            return greedy()
        action = (draw[..., 1] * self._actions).astype(np.int64)
        return action if explores.all() else np.where(explores, action, greedy())

    def state_dict(self) -> State:
        return self._streams.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)


def linear(
    spec: Spec, seeds: Sequence[int], horizon: int, *, start: float, end: float, fraction: float
) -> EpsilonGreedy:
    """Epsilon falls in a straight line over ``fraction`` of the run.

    Raises ValueError where a value is not a probability or a fraction.
    """
    _check_probabilities(start, end)
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    return EpsilonGreedy(spec, seeds, Linear(start, end, fraction * horizon))


def exponential(
    spec: Spec, seeds: Sequence[int], *, start: float, end: float, decay: float
) -> EpsilonGreedy:
    """Epsilon comes nearer to ``end`` by a factor of e each ``decay`` steps.

    Raises ValueError where a value is not a probability, or ``decay`` not positive.
    """
    _check_probabilities(start, end)
    if decay <= 0:
        raise ValueError(f"decay must be positive, got {decay}")
    return EpsilonGreedy(spec, seeds, Exponential(start, end, decay))


def _check_probabilities(start: float, end: float) -> None:
    for name, value in (("start", start), ("end", end)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a probability between 0 and 1, got {value}")


EXPLORE: dict[str, Callable[..., EpsilonGreedy]] = {"linear": linear, "exponential": exponential}
