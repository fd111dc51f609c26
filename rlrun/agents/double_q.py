"""Double Q-learning with tables (van Hasselt 2010)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import repeat
from rlrun.core.schedules import due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import Explore
from rlrun.rules.planning import greedy_policy
from rlrun.tables.qtable import QTable, mean_error, one_after_another
from rlrun.tables.settings import TableSettings

SLOW_EVERY = 100  # steps between reports of the metrics that change slowly


@dataclass(frozen=True, kw_only=True)
class DoubleQSettings(TableSettings):
    """The settings of `DoubleQ`."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if the tables are larger than the memory, or observations need bins."""
        self.check_memory(spec, 2 * num_seeds)


class DoubleQ:
    """Two tables for each seed; at each step a random one of them is updated.

    The updated table chooses the best next action and the other one estimates its value, which
    removes the overestimation of a maximum over noisy values. The agent acts on the mean of both.

    Raises:
        BadInput: the observations need bins.
    """

    observes: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "table"
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[DoubleQSettings]] = DoubleQSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        explore: Explore,
        settings: DoubleQSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._explore, self._stride, self._seeds = explore, spec.num_envs, len(seeds)
        self._tables = QTable(
            spec, 2 * len(seeds), repeat(settings, 2)
        )  # seed k has tables 2k and 2k + 1
        self.faults: dict[int, str] = {}
        """Numbers of the curiosity that were not finite, by the seed's position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)
        self._next_table = self._tables.states.count  # offset to the same row of the second table
        self._first = np.arange(len(seeds))[:, None] * 2 * self._next_table
        self._coins = Streams(seeds, Purpose.TABLE)

    @property
    def values(self) -> Array:
        """The mean Q of the two tables, ``[seed, state, action]``."""
        pairs = self._tables.q.reshape(self._seeds, 2, *self._tables.q.shape[1:])
        mean: Array = (pairs[:, 0] + pairs[:, 1]) / 2
        return mean

    def policy(self) -> Array:
        """Return the probabilities ``[seed, state, action]`` of the greedy policy."""
        return greedy_policy(self.values)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]``: the explorer's, or the first of the best ones."""
        row = self._row(obs)
        if explore:
            possible = self._tables.possible(row, legal)
            return self._explore(step, lambda: self._mean(row, legal), possible)
        greedy: Array = self._mean(row, legal).argmax(-1)
        return greedy

    def _row(self, obs: Array) -> Array:
        """Return the rows ``[seed, env]`` of observations in each seed's first table."""
        return self._tables.states(obs) + self._first

    def _mean(self, row: Array, legal: Mask) -> Array:
        first, second = row, row + self._next_table
        return (self._tables.values(first, legal) + self._tables.values(second, legal)) / 2

    def learn(self, t: Step, step: int) -> Metrics:
        """Update Q(s, a) in one of the tables, in one environment after the other."""
        self._explore.observe(t.last)
        t = self._intrinsic.step(t)
        second = self._coins.uniform(self._stride) < 0.5
        updated = self._row(t.obs) + second * self._next_table
        pair = self._tables.pair(updated, t.action)
        parts = one_after_another(t.next_obs, t.next_legal, t.reward, t.discount, pair, second)
        errors = [self._one_step(step, *each) for each in parts]
        error = mean_error(errors)
        metrics: dict[str, Any] = {"train/td_error": error, **self._intrinsic.metrics}
        if due(step, SLOW_EVERY, self._stride):
            metrics["train/q_mean"] = self._tables.flat[pair].mean(-1)
            metrics["rollout/exploration_rate"] = self._explore.rate(step)
        return metrics

    def _one_step(
        self,
        step: int,
        next_obs: Array,
        next_legal: Mask,
        reward: Array,
        discount: Array,
        pair: Array,
        second: Array,
    ) -> Array:
        """Update one environment's pair of each seed; return the errors.

        The target is r + discount · Q_other(s', argmax_a Q_updated(s', a)).
        """
        first = self._row(next_obs)
        updated, other = first + second * self._next_table, first + ~second * self._next_table
        best = self._tables.values(updated, next_legal).argmax(-1)
        value = self._tables.flat[self._tables.pair(other, best)]
        return self._tables.move(pair, reward + discount * value, step)

    def freeze(self, position: int) -> None:
        """Freeze both tables of a seed, permanently."""
        for table in (2 * position, 2 * position + 1):
            self._tables.freeze(table)
        self._intrinsic.freeze(position)

    def state_dict(self) -> State:
        tables = self._tables.state_dict()
        by_seed = {"policy": {"q": self._by_seed(tables["policy"]["q"])}}
        visits = {"visits": self._by_seed(tables["visits"])} if "visits" in tables else {}
        return {
            **by_seed,
            **visits,
            "explore": self._explore.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            "coins": self._coins.state_dict(),
        }

    def _by_seed(self, array: Array) -> Array:
        """Return an array of all tables as ``[seed, table, state, action]``."""
        return array.reshape(self._seeds, 2, *array.shape[1:])

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        flat = {"policy": {"q": state["policy"]["q"].reshape(self._tables.q.shape)}}
        if "visits" in state:
            flat["visits"] = state["visits"].reshape(self._tables.q.shape)
        self._tables.load_state_dict(flat)
        self._explore.load_state_dict(state["explore"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._coins.load_state_dict(state["coins"])
