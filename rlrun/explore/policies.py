"""Explorers choose actions by their values while learning.

An explorer draws the same number of random numbers at every step, needed or not, so that the draws
of a seed never depend on its actions or on the other seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams, pick
from rlrun.core.rows import Number, column
from rlrun.core.schedules import Linear, Schedule
from rlrun.core.types import Array, Spec, State

ActionValues: TypeAlias = Callable[[], Array]
"""A function that returns action values ``[seed, env, action]``, -inf if impossible."""
ScheduleClock: TypeAlias = Literal["steps", "episodes"]


class Explore(Protocol):
    """Chooses actions by their values (a structural protocol)."""

    bonus: Number
    """k of the exploration function f(Q, N) = Q + k / (1 + N), which agents that count visits N
    use instead of Q; 0 for none."""

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Return actions ``[seed, env]``.

        ``possible [seed, env, action]`` is a mask; None if all actions are possible.
        """
        ...

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        """Return the probability of each action, ``[seed, env, action]``."""
        ...

    def rate(self, step: int) -> Array:
        """Return the current exploration rate ``[seed]``: epsilon, or the temperature."""
        ...

    def observe(self, last: Array) -> None:
        """Count the episodes that ended: the mask ``last [seed, env]``."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Rate:
    """A schedule's value, by the step or by each seed's number of finished episodes."""

    def __init__(self, schedule: Schedule, num_seeds: int, clock: ScheduleClock) -> None:
        self._schedule = schedule
        self.by_step = clock == "steps"
        """Whether it is a function of the step alone."""
        self._episodes = np.zeros(num_seeds, np.int64)
        self._values: Array = np.zeros((num_seeds, 1))
        self._values += column(schedule(0), 2)

    def __call__(self, step: int) -> Number:
        """Return one value for all seeds, or ``[seed, 1]``."""
        if not self.by_step:
            return self._values
        value = self._schedule(step)
        if isinstance(value, np.ndarray):
            by_row: Array = value[:, None]
            return by_row
        return value

    def many(self, steps: Array) -> Array:
        """Return the values at many steps, ``[step, seed]``, or ``[step, 1]`` for all seeds."""
        if isinstance(self._schedule, Linear):
            return self._schedule.many(steps)
        values = [self(step) for step in steps.tolist()]
        return np.array(values, np.float64).reshape(len(values), -1)

    def observe(self, last: Array) -> None:
        if not self.by_step and last.any():
            self._episodes += last.sum(-1)
            self._read()

    def _read(self) -> None:
        values = [self._schedule(count) for count in self._episodes.tolist()]
        by_row = [v[k] if isinstance(v, np.ndarray) else v for k, v in enumerate(values)]
        self._values = np.array(by_row)[:, None]  # a new array: metrics keep the earlier ones

    def state_dict(self) -> State:
        return {"episodes": self._episodes.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._episodes, state["episodes"], "the number of episodes")
        self._read()


class EpsilonGreedy:
    """Takes a uniformly random action with probability epsilon, else a best one.

    Ties are broken uniformly. Two numbers are drawn per environment and step: one decides whether
    to explore, the other chooses among the candidate actions.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], rate: Rate, bonus: Number = 0.0) -> None:
        self.epsilon, self.bonus = rate, bonus
        self._actions = spec.action.choices[0]
        self._envs, self._seeds = spec.num_envs, len(seeds)
        self.streams = Streams(seeds, Purpose.EXPLORE)
        self.count = 2 * spec.num_envs
        """How many numbers are drawn for a step of a seed: first those that decide to explore."""

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Return actions ``[seed, env]``; ``values`` is not called if all environments explore."""
        draw = self.streams.uniform(self.count)
        which = draw[:, self._envs :]
        exploring = draw[:, : self._envs] < self.epsilon(step)
        count = np.count_nonzero(exploring)
        if not count:
            return best(values(), which)
        if possible is None:
            action = (which * self._actions).astype(np.int64)
        else:
            action = pick(possible, which)
        return (
            action
            if count == exploring.size
            else np.where(exploring, action, best(values(), which))
        )

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        greedy = normalized(values == values.max(-1, keepdims=True))
        uniform = normalized(np.ones(values.shape) if possible is None else possible)
        epsilon = np.asarray(self.epsilon(step))[..., None]
        mixed: Array = epsilon * uniform + (1.0 - epsilon) * greedy
        return mixed

    @property
    def by_step(self) -> bool:
        """Whether it depends on the step and the values alone."""
        return self.epsilon.by_step and not np.any(self.bonus)

    def rate(self, step: int) -> Array:
        return np.broadcast_to(np.ravel(self.epsilon(step)), self._seeds)

    def observe(self, last: Array) -> None:
        self.epsilon.observe(last)

    def state_dict(self) -> State:
        return {**self.streams.state_dict(), **self.epsilon.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.streams.load_state_dict(state)
        self.epsilon.load_state_dict(state)


class Softmax:
    """Samples actions in proportion to exp(Q / temperature) (Boltzmann)."""

    def __init__(self, spec: Spec, seeds: Sequence[int], rate: Rate) -> None:
        self.bonus = 0.0
        self.temperature = rate
        self._envs, self._seeds = spec.num_envs, len(seeds)
        self._streams = Streams(seeds, Purpose.EXPLORE)

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        draw = self._streams.uniform(self._envs)
        return pick(self.probabilities(step, values(), possible), draw)

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        above = (values - values.max(-1, keepdims=True)).astype(np.float64)
        weight = np.exp(above / np.asarray(self.temperature(step))[..., None])
        return normalized(weight)

    def rate(self, step: int) -> Array:
        return np.broadcast_to(np.ravel(self.temperature(step)), self._seeds)

    def observe(self, last: Array) -> None:
        self.temperature.observe(last)

    def state_dict(self) -> State:
        return {**self._streams.state_dict(), **self.temperature.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)
        self.temperature.load_state_dict(state)


def best(values: Array, draw: Array) -> Array:
    """Return a best action ``[...]`` of ``values [..., action]``; ``draw`` breaks ties."""
    first = values.argmax(-1)
    # The first best action from the end is a different one only in a tie.
    tied = first + values[..., ::-1].argmax(-1) != values.shape[-1] - 1
    chosen: Array = first
    if np.count_nonzero(tied):
        chosen = pick(values == values.max(-1, keepdims=True), draw)
    return chosen


def normalized(weight: Array) -> Array:
    """Return ``weight [..., action]`` normalised to probabilities."""
    probabilities: Array = weight / weight.sum(-1, keepdims=True)
    return probabilities
