"""Explorers: how actions are chosen while learning.

An explorer turns action values into a policy. It draws the same random numbers at every step,
needed or not, so that the draws of a seed never depend on its actions or on the other seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.schedules import Schedule
from rlrun.core.types import Array, Spec, State

ActionValues: TypeAlias = Callable[[], Array]
"""Gives action values ``[seed, env, action]``, -inf where an action is impossible."""
ScheduleClock: TypeAlias = Literal["steps", "episodes"]


class Explore(Protocol):
    """Chooses actions by their values; structural, as agents are."""

    bonus: float
    """k of the exploration function f(Q, N) = Q + k / (1 + N), which agents that count visits N
    use instead of Q; 0 for none."""

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Actions ``[seed, env]``; ``possible [seed, env, action]`` where not all of them are."""
        ...

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        """The probability of each action, ``[seed, env, action]``."""
        ...

    def rate(self, step: int) -> Array:
        """The current exploration rate ``[seed]``: epsilon, or the temperature."""
        ...

    def observe(self, last: Array) -> None:
        """Count the episodes that ended, ``[seed, env]``."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Rate:
    """A schedule's value, by the step or by the number of episodes that each seed has finished."""

    def __init__(self, schedule: Schedule, num_seeds: int, clock: ScheduleClock) -> None:
        self._schedule, self._by_step = schedule, clock == "steps"
        self._episodes = np.zeros(num_seeds, np.int64)
        self._values = np.full((num_seeds, 1), schedule(0))

    def __call__(self, step: int) -> float | Array:
        """One value for all, or ``[seed, 1]``."""
        return self._schedule(step) if self._by_step else self._values

    def observe(self, last: Array) -> None:
        if not self._by_step and last.any():
            self._episodes += last.sum(-1)
            self._read()

    def _read(self) -> None:
        self._values = np.array([[self._schedule(count)] for count in self._episodes.tolist()])

    def state_dict(self) -> State:
        return {"episodes": self._episodes.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._episodes, state["episodes"], "the number of episodes")
        self._read()


class EpsilonGreedy:
    """With probability epsilon a uniformly random action, else a best one.

    Ties are broken uniformly. Two numbers are drawn per environment and step: whether to explore,
    and which of the candidate actions to take.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], rate: Rate, bonus: float = 0.0) -> None:
        self.epsilon, self.bonus = rate, bonus
        self._actions = spec.action.choices[0]
        self._envs, self._seeds = spec.num_envs, len(seeds)
        self._streams = Streams(seeds, Purpose.EXPLORE)

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Actions ``[seed, env]``; ``values`` is only called if not all environments explore."""
        draw = self._streams.uniform(self._envs * 2)
        which = draw[:, self._envs :]
        explores = draw[:, : self._envs] < self.epsilon(step)
        count = np.count_nonzero(explores)
        if not count:
            return best(values(), which)
        if possible is None:
            action = (which * self._actions).astype(np.int64)
        else:
            action = pick(possible, which)
        return (
            action if count == explores.size else np.where(explores, action, best(values(), which))
        )

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        share = share_of(values == values.max(-1, keepdims=True))
        everything = share_of(np.ones(values.shape) if possible is None else possible)
        epsilon = np.asarray(self.epsilon(step))[..., None]
        mixed: Array = epsilon * everything + (1.0 - epsilon) * share
        return mixed

    def rate(self, step: int) -> Array:
        return np.broadcast_to(np.ravel(self.epsilon(step)), self._seeds)

    def observe(self, last: Array) -> None:
        self.epsilon.observe(last)

    def state_dict(self) -> State:
        return {**self._streams.state_dict(), **self.epsilon.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)
        self.epsilon.load_state_dict(state)


class Softmax:
    """Actions drawn in proportion to exp(Q / temperature) (Boltzmann)."""

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
        return share_of(weight)

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
    """A best action ``[...]`` of ``values [..., action]``; ``draw`` breaks ties."""
    first = values.argmax(-1)
    # The last of the best actions, found from the end, is another one only in a tie.
    tied = first + values[..., ::-1].argmax(-1) != values.shape[-1] - 1
    chosen: Array = first
    if np.count_nonzero(tied):
        chosen = pick(values == values.max(-1, keepdims=True), draw)
    return chosen


def pick(weight: Array, draw: Array) -> Array:
    """An action sampled in proportion to ``weight [..., action]``, by a ``draw`` in [0, 1).

    Weights need not sum to 1; booleans are weights of 0 and 1.
    """
    upto = weight.cumsum(-1)
    chosen: Array = (upto > (draw * upto[..., -1])[..., None]).argmax(-1)
    return chosen


def share_of(weight: Array) -> Array:
    """Normalise ``weight [..., action]`` to probabilities."""
    share: Array = weight / weight.sum(-1, keepdims=True)
    return share
