"""How an action is chosen while learning.

An explorer is a policy made of action values. Everything it draws is drawn whatever happens, so
that the draws of a seed never depend on its actions or on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from rlrun.core.errors import BadInput
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
    put in the place of Q; 0 for none."""

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Actions ``[seed, env]``; ``possible [seed, env, action]`` where not all of them are."""
        ...

    def probabilities(self, step: int, values: Array, possible: Array | None = None) -> Array:
        """``[seed, env, action]``: how likely each action is to be chosen."""
        ...

    def rate(self, step: int) -> Array:
        """``[seed]``, how much is explored now: epsilon, or the temperature."""
        ...

    def observe(self, last: Array) -> None:
        """Take in which episodes ended, ``[seed, env]``."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Rate:
    """A schedule's value: read by the step, or by how many episodes each seed has finished."""

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

    Of equally good ones each is as likely. Two numbers are drawn per environment and step: whether
    to explore, and which one to take of the actions that are then in question.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], rate: Rate, bonus: float = 0.0) -> None:
        self.epsilon, self.bonus = rate, bonus
        self._actions = spec.action.choices[0]
        self._envs, self._seeds = spec.num_envs, len(seeds)
        self._streams = Streams(seeds, Purpose.EXPLORE)

    def __call__(self, step: int, values: ActionValues, possible: Array | None = None) -> Array:
        """Actions ``[seed, env]``; ``values`` is only asked where somebody does not explore."""
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


def refuse_bonus(explore: Explore, agent: str) -> None:
    """Raises BadInput where the explorer has a bonus, of which ``agent`` knows nothing."""
    if explore.bonus:
        raise BadInput(
            f"the agent {agent} has no use for explore=bonus, which is for q_learning, sarsa and "
            "expected_sarsa: write explore=linear."
        )


def best(values: Array, draw: Array) -> Array:
    """A best action ``[...]`` of ``values [..., action]``; ``draw`` decides among equal ones."""
    first = values.argmax(-1)
    # The last of the best ones is the first seen from the end: another one only in a tie.
    tied = first + values[..., ::-1].argmax(-1) != values.shape[-1] - 1
    chosen: Array = first
    if np.count_nonzero(tied):
        chosen = pick(values == values.max(-1, keepdims=True), draw)
    return chosen


def pick(weight: Array, draw: Array) -> Array:
    """An action in proportion to ``weight [..., action]``, for a ``draw`` in [0, 1).

    Of bools each true one is as likely. The weights need not sum to 1.
    """
    upto = weight.cumsum(-1)
    chosen: Array = (upto > (draw * upto[..., -1])[..., None]).argmax(-1)
    return chosen


def share_of(weight: Array) -> Array:
    """``weight [..., action]`` as probabilities."""
    share: Array = weight / weight.sum(-1, keepdims=True)
    return share
