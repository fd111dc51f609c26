"""Monte Carlo control with a table: values are averages of observed returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.core.fields import NonNegative, PerRow, Share
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import Explore
from rlrun.rules.planning import greedy_policy
from rlrun.rules.tabular import expected_value, first_visits, returns
from rlrun.tables.qtable import QTable
from rlrun.tables.settings import TableSettings


@dataclass(frozen=True, kw_only=True)
class MonteCarloSettings(TableSettings):
    """The settings of `MonteCarlo`; lr 1, lr_decay 1 and visits make values means of returns."""

    visit: Literal["first", "every"] = "first"
    """first or every: the visits of a pair in an episode that are learnt from."""
    lr: PerRow[Share] = 1.0
    """Step size at a pair's first visit."""
    lr_decay: PerRow[NonNegative] = 0.1
    """d in lr / (1 + d k); 1: each value is the mean of its returns, 0: constant step size."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if the table is larger than the memory, or the observations need bins."""
        self.check_memory(spec, num_seeds)


class MonteCarlo:
    """On-policy Monte Carlo control: learns from the returns of each finished episode.

    There is no bootstrap, with one exception: a truncated episode's return is completed with the
    value of the exploring policy in its last state.

    Source: Sutton and Barto 2018, sections 5.1 to 5.4.

    Raises:
        BadInput: the observations need bins.
    """

    observes: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "table"
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[MonteCarloSettings]] = MonteCarloSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        explore: Explore,
        settings: MonteCarloSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._explore, self._first_only = explore, settings.visit == "first"
        self._table = QTable(spec, len(seeds), settings)
        self.faults: dict[int, str] = {}
        """Numbers of the curiosity that were not finite, by the seed's position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)
        grid = (len(seeds), spec.num_envs)
        self._seed, self._env = (index.reshape(grid) for index in np.indices(grid))
        self._error = np.full(len(seeds), np.nan)  # mean absolute error of the latest episode
        self._length = np.zeros(grid, np.int64)  # of the unfinished episodes
        # their steps [seed, env, time, 3]: pair (counted within the seed), reward, discount
        self._steps = np.zeros((*grid, 64, 3))

    @property
    def values(self) -> Array:
        """The action values Q ``[seed, state, action]``."""
        return self._table.q

    def policy(self) -> Array:
        """Return the probabilities ``[seed, state, action]`` of the greedy policy."""
        return greedy_policy(self._table.q)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]``: the explorer's, or the first of the best ones."""
        row = self._table.row(obs)
        if explore:
            possible = self._table.possible(row, legal)
            return self._explore(step, lambda: self._table.values(row, legal), possible)
        greedy: Array = self._table.values(row, legal).argmax(-1)
        return greedy

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; learn from the episodes that end with it."""
        self._explore.observe(t.last)
        t = self._intrinsic.step(t)
        if self._length.max() == self._steps.shape[2]:
            self._steps = np.concatenate([self._steps, np.zeros_like(self._steps)], axis=2)
        pair = self._table.pair(self._table.row(t.obs), t.action)
        stored = np.stack([pair - self._table.first_pair, t.reward, t.discount], -1)
        self._steps[self._seed, self._env, self._length] = stored
        self._length += 1
        if t.last.any():
            row = self._table.row(t.next_obs)
            q = self._table.values(row, t.next_legal)
            possible = self._table.possible(row, t.next_legal)
            chance = self._explore.probabilities(step, q, possible)
            bootstrap = expected_value(q, chance)
            for s, e in np.argwhere(t.last).tolist():
                self._error[s] = self._learn_episode(s, e, float(bootstrap[s, e]), step)
            self._length[t.last] = 0
        return {
            "train/error": self._error.copy(),
            "rollout/exploration_rate": self._explore.rate(step),
            **self._intrinsic.metrics,
        }

    def _learn_episode(self, s: int, e: int, bootstrap: float, step: int) -> float:
        """Move the values of an episode's pairs towards their returns; return the mean error."""
        pair, reward, discount = self._steps[s, e, : self._length[s, e]].T
        pair = pair.astype(np.int64) + self._table.first_pair[s]
        target = returns(reward, discount, bootstrap)
        errors = []
        while len(pair):  # pairs that occur again are updated in the next round
            first = first_visits(pair)
            errors.append(np.abs(self._table.move(pair[first], target[first], step)))
            if self._first_only:
                break
            pair, target = pair[~first], target[~first]
        return float(np.concatenate(errors).mean())

    def cut(self) -> None:
        """Drop the unfinished episodes: the next step does not follow the last one."""
        self._length[...] = 0

    def freeze(self, position: int) -> None:
        """Freeze the table of a seed, permanently."""
        self._table.freeze(position)
        self._intrinsic.freeze(position)

    def state_dict(self) -> State:
        steps = [
            [self._steps[s, e, :length].copy() for e, length in enumerate(lengths)]
            for s, lengths in enumerate(self._length.tolist())
        ]
        return {
            **self._table.state_dict(),
            "explore": self._explore.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            "error": self._error,
            "steps": [{str(e): each for e, each in enumerate(envs)} for envs in steps],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._table.load_state_dict(state)
        self._explore.load_state_dict(state["explore"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        restore_into(self._error, state["error"], "the errors")
        for s, envs in enumerate(state["steps"]):
            for e, steps in envs.items():
                self._length[s, int(e)] = len(steps)
        longest = max(64, int(self._length.max()))
        self._steps = np.zeros((*self._length.shape, longest, 3))
        for s, envs in enumerate(state["steps"]):
            for e, steps in envs.items():
                self._steps[s, int(e), : len(steps)] = steps
