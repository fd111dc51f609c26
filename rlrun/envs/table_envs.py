"""Environments that are tables, stepped all at once by array operations.

An episode is drawn from the model itself, so it has the distribution of the original's, which the
tests compare; the random numbers are this class's own, one stream for each seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.types import Array, Episode, Model, Spec, State, Step
from rlrun.envs.rewards import IDENTITY, RewardTransform


class TableEnvs:
    """``num_envs`` copies of a table for each seed; ``GymEnvs`` does the same with any environment.

    The outcomes of all (state, action) pairs lie in one row. Pair i owns the numbers from i to
    i + 1, cut by its probabilities, so that one search finds what happens everywhere.

    Args:
        model: the table, with gamma in it.
        spec: what the agent is told.
        seeds: the seed numbers.
        limit: steps after which an episode is truncated.
        purpose: which streams are drawn from: training or evaluation.
        learnt: makes the rewards that are learnt from.
    """

    def __init__(
        self,
        model: Model,
        spec: Spec,
        seeds: Sequence[int],
        *,
        limit: int,
        purpose: Purpose,
        learnt: RewardTransform = IDENTITY,
    ) -> None:
        self.spec, self.per_seed = spec, spec.num_envs
        self._seeds, self._purpose, self._limit = tuple(seeds), purpose, limit
        states, actions, _ = model.probability.shape
        self._actions = actions
        chance, there, reward, discount, alive = _outcomes(model)
        pair = np.repeat(np.arange(states * actions), [len(row) for row in chance])
        within = np.concatenate([np.cumsum(row) for row in chance])
        last_of_pair = np.append(pair[1:] != pair[:-1], True)
        self._bounds = pair + np.where(last_of_pair, 1.0, within)
        self._there, self._reward, self._discount = there, reward, discount
        self._learnt = learnt
        self._over = alive == 0
        self._next_pair = there * actions
        self._starts, self._start_bounds = _support(model.start)
        self._random_step, self._random_start = len(pair) > states * actions, len(self._starts) > 1
        self._count = self.per_seed * (self._random_step + self._random_start)
        # A sum of a pair's number and a draw must not be rounded up into the next pair's numbers.
        self._below = 1.0 - states * actions * 2.0**-51
        self.finished: list[Episode] = []
        """Episodes that ended since somebody last cleared this list."""
        self.faults: dict[int, str] = {}
        """None: a table's numbers are finite."""
        self.inexact: list[str] = []
        """Nothing: where a table is can be saved."""
        self.restart()

    def restart(self) -> None:
        """Begin again with every environment's first episode."""
        grid = (len(self._seeds), self.per_seed)
        self._streams = Streams(self._seeds, self._purpose, self._below)
        self._return = np.zeros(grid)
        self._time = 0  # steps since the restart
        self._begun = np.zeros(grid, np.int64)  # when each episode began, on that clock
        self._deadline = self._limit  # before this time no episode is truncated
        self._nobody = np.zeros(grid, np.bool_)
        self._nobody.flags.writeable = False  # it is in many steps at once
        self.finished.clear()
        self.obs: Array = self._first_states(self._draw())
        """The states now, ``[seed, env]``."""
        self._pair = self.obs * self._actions

    def step(self, action: Array) -> Step:
        """One step of every environment with ``action [seed, env]``.

        Where an episode ended, ``self.obs`` is the first state of the next one afterwards.
        """
        draw = self._draw()
        pair = self._pair + action
        if self._random_step:
            outcome = self._bounds.searchsorted(pair + draw[:, : self.per_seed], "right")
        else:
            outcome = pair
        obs, next_obs = self.obs, self._there[outcome]
        reward, discount = self._reward[outcome], self._discount[outcome]
        self._return = self._return + reward  # for few numbers three times as fast as in place
        self._time += 1
        last = self._nobody
        self.obs, self._pair = next_obs, self._next_pair[outcome]
        if self._time >= self._deadline or np.count_nonzero(discount) < discount.size:
            last = self._over[outcome] | (self._time - self._begun >= self._limit)
            if last.any():
                self._reset(last, draw)
        return Step(obs, action, self._learnt(reward), discount, next_obs, last)

    def _reset(self, last: Array, draw: Array) -> None:
        """Begin new episodes where the mask ``last`` says that one has ended."""
        for s, e in np.argwhere(last).tolist():
            length = self._time - int(self._begun[s, e])
            self.finished.append(Episode(s, e, float(self._return[s, e]), length))
        self._return[last] = 0.0
        self._begun[last] = self._time
        self._deadline = int(self._begun.min()) + self._limit
        self.obs = np.where(last, self._first_states(draw), self.obs)
        self._pair = self.obs * self._actions

    def _draw(self) -> Array:
        """This step's random numbers ``[seed, ...]``: always as many, whatever happens."""
        return self._streams.uniform(self._count)

    def _first_states(self, draw: Array) -> Array:
        """A state to begin in for every environment, whether it needs one or not."""
        if not self._random_start:
            return np.full(self._return.shape, self._starts[0])
        chosen = self._start_bounds.searchsorted(draw[:, -self.per_seed :], "right")
        return self._starts[chosen]

    def state_dict(self) -> State:
        return {
            "streams": self._streams.state_dict(),
            "obs": self.obs.copy(),
            "return": self._return.copy(),
            "length": self._time - self._begun,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        self.restart()
        self._streams.load_state_dict(state["streams"])
        restore_into(self.obs, state["obs"], "the states")
        if not ((self.obs >= 0) & (self.obs < self.spec.obs.choices[0])).all():
            raise ValueError("the states are not those of this environment")
        self._pair = self.obs * self._actions
        restore_into(self._return, state["return"], "the returns")
        restore_into(self._begun, state["length"], "the lengths of the episodes")
        self._begun *= -1
        self._deadline = int(self._begun.min()) + self._limit
        return []

    def close(self) -> None:
        """Nothing is open."""


def _outcomes(model: Model) -> tuple[list[Array], Array, Array, Array, Array]:
    """Each pair's probabilities, and all outcomes' next states, rewards, discounts and lives.

    An impossible action, which has no outcome, leaves everything as it is and pays nothing.
    """
    states, actions, width = model.probability.shape
    chance = model.probability.reshape(-1, width).copy()
    there, reward, discount, alive = (
        each.reshape(-1, width).copy()
        for each in (model.next_state, model.reward, model.discount, model.alive)
    )
    impossible = ~model.possible.reshape(-1)
    chance[impossible, 0] = 1.0
    there[impossible, 0] = np.repeat(np.arange(states), actions)[impossible]
    real = chance > 0
    rows = [row[kept] for row, kept in zip(chance, real, strict=True)]
    return rows, there[real], reward[real], discount[real], alive[real]


def _support(distribution: Array) -> tuple[Array, Array]:
    """The states that have a probability, and where each one's share of [0, 1) ends."""
    states = np.flatnonzero(distribution)
    bounds = np.cumsum(distribution[states])
    bounds[-1] = 1.0
    return states, bounds
