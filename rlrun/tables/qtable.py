"""A table of action values for each seed, with visit counts and step sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, column
from rlrun.core.schedules import Power
from rlrun.core.types import Array, Mask, Spec, State
from rlrun.rules.tabular import optimism
from rlrun.tables.settings import TableSettings
from rlrun.tables.states import States


class QTable:
    """Action values ``q [seed, state, action]``; -inf if the model rules an action out.

    A *row* is the index of a state among the states of all seeds, a *pair* the index of a
    (state, action) among the pairs of all seeds; both are ``[seed, env]``.

    ``first_pair [seed, 1]`` is the index of each seed's first pair.

    Args:
        spec, num_seeds: what the environment is, and how many seeds.
        settings: the step sizes and the initial value.
        actions: values of a state; by default one for each of its actions.
        bonus: k of the exploration function f(Q, N) = Q + k / (1 + N).

    Raises:
        BadInput: the observations need bins.
    """

    def __init__(
        self,
        spec: Spec,
        num_seeds: int,
        settings: TableSettings,
        *,
        actions: int | None = None,
        bonus: Number = 0.0,
    ) -> None:
        self.settings = s = settings
        self.states = States(spec)
        self.actions = actions or spec.action.choices[0]
        self._has_bonus = bool(np.any(bonus > 0))
        counts = self._has_bonus or s.counts_visits
        self._by_visits, self._bonus = s.lr_clock == "visits", bonus
        self._rate = Power(s.lr, s.lr_decay)
        self._by_row = isinstance(s.lr, np.ndarray) or isinstance(s.lr_decay, np.ndarray)
        self._constant = np.array(s.lr) if np.all(s.lr_decay == 0) else None
        self._fixed = None if counts or self._by_row else self._constant
        shape = (num_seeds, self.states.count, self.actions)
        self.q: Array = np.zeros(shape)
        self.q += column(s.initial_value, 3)
        self.visits: Array | None = np.zeros(shape, np.int64) if counts else None
        self._possible: Array | None = None
        # masks that the table has already need not be applied at every step
        self._has_masks = spec.model is not None and spec.model.has_masks
        self.possible_pairs: Array = np.zeros((0, self.actions), np.bool_)
        """``[state, action]``, the pairs that the model does not rule out; empty if it has all."""
        if actions is None and spec.model is not None and not spec.model.possible.all():
            self.possible_pairs = spec.model.possible
            self._possible = np.tile(spec.model.possible, (num_seeds, 1))  # [row, action]
            self.q[:, ~spec.model.possible] = -np.inf
        self._latest: tuple[Array | None, Array] = None, np.empty(0)
        self._frozen: Array | None = None  # [seed], bool: which do not change any more
        self._first = np.arange(num_seeds)[:, None] * self.states.count
        self._pairs = self.states.count * self.actions  # of a seed
        self.first_pair = self._first * self.actions
        # on small arrays numpy is twice as fast with these as with an int
        self._width, self._one = np.array(self.actions), np.array(1)
        self.flat, self._rows = self.q.reshape(-1), self.q.reshape(-1, self.actions)  # views

    def row(self, obs: Array) -> Array:
        """Return the rows ``[seed, env]`` of observations ``[seed, env, ...]``.

        The rows of the latest array are kept: an agent acts on the observations that it has just
        reached, and learns from those on which it acted. `Envs` never changes an array in place.
        """
        if obs is not self._latest[0]:
            self._latest = obs, self.states(obs) + self._first
        return self._latest[1]

    def pair(self, row: Array, action: Array) -> Array:
        pair: Array = row * self._width + action
        return pair

    def values(self, row: Array, legal: Mask = None) -> Array:
        """Return Q ``[seed, env, action]``, -inf for illegal actions."""
        q = self._rows.take(row, axis=0)
        return q if legal is None or self._has_masks else np.where(legal, q, -np.inf)

    def optimistic(self, row: Array, legal: Mask = None) -> Array:
        """Return f(Q, N) ``[seed, env, action]``; without a bonus, Q itself."""
        q = self.values(row, legal)
        if self.visits is None or not self._has_bonus:
            return q
        visits = self.visits.reshape(self._rows.shape).take(row, axis=0)
        return optimism(q, visits, column(self._bonus, 3))

    def possible(self, row: Array, legal: Mask = None) -> Array | None:
        """Return a mask of possible actions ``[seed, env, action]``; None if all are possible.

        Those that ``legal`` rules out are not.
        """
        if self._possible is None:
            return None if self._has_masks else legal
        possible: Array = self._possible.take(row, axis=0)
        return possible if legal is None or self._has_masks else possible & legal

    def step_size(self, pair: Array, step: int) -> Any:
        """Return the step size for each pair, and count the visit; of frozen seeds too."""
        if self._fixed is not None:
            return self._fixed
        k: Any = step
        if self.visits is not None:
            visits = self.visits.reshape(-1)
            before = visits[pair]
            visits[pair] = before + self._one
            k = before if self._by_visits else step
        if self._by_row:
            return self._rate(k, pair // self._pairs)
        return self._rate(k) if self._constant is None else self._constant

    def move(self, pair: Array, target: Array, step: int) -> Array:
        """Update Q ← Q + α (target - Q) for distinct pairs; return the errors target - Q."""
        old: Array = self.flat[pair]
        error: Array = target - old
        new = old + self.step_size(pair, step) * error
        frozen = self.frozen(pair)
        self.flat[pair] = new if frozen is None else np.where(frozen, old, new)
        return error

    def freeze(self, seed: int) -> None:
        """Freeze the values of the seed with this index, permanently."""
        if self._frozen is None:
            self._frozen = np.zeros(len(self.q), np.bool_)
        self._frozen[seed] = True

    def frozen(self, pair: Array) -> Array | None:
        """Return which pairs belong to frozen seeds, of the same shape; None if none does."""
        return None if self._frozen is None else self._frozen[pair // self._pairs]

    @property
    def frozen_seeds(self) -> Array:
        """A mask ``[seed]``."""
        return np.zeros(len(self.q), np.bool_) if self._frozen is None else self._frozen

    def state_dict(self) -> State:
        visits = {} if self.visits is None else {"visits": self.visits}
        return {"policy": {"q": self.q}, **visits}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.q, state["policy"]["q"], "the table")
        if self.visits is not None:
            restore_into(self.visits, state["visits"], "the counts of visits")


def one_after_another(*parts: Any) -> Iterator[tuple[Any, ...]]:
    """Yield slices ``[seed, 1, ...]`` of arrays ``[seed, env, ...]``, one environment at a time.

    A part that is None stays None.

    Tables learn from one environment at a time, as two of a seed may be in the same state.
    """
    for env in range(parts[0].shape[1]):
        yield tuple(None if part is None else part[:, env : env + 1] for part in parts)


def mean_error(errors: Sequence[Array]) -> Array:
    """Return the mean absolute error ``[seed]``, given errors ``[seed, 1]`` per environment."""
    mean: Array = np.abs(np.concatenate(errors, -1)).mean(-1)
    return mean
