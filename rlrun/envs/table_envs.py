"""Environments that are tables, all stepped together by array operations.

Episodes are drawn from the model, so they have the same distribution as those of the original
environment, as tests check; the random numbers differ: they come from one stream per seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import column
from rlrun.core.types import Array, Mask, Model, Spec, State, Step
from rlrun.envs.outcomes import outcomes
from rlrun.envs.rewards import IDENTITY, RewardTransform


class TableEnvs:
    """``num_envs`` copies of a table for each seed; ``GymEnvs`` is the same for any environment.

    Args:
        model: the table, with gamma in it.
        spec: the description of the environment for its agent.
        seeds: the seed numbers.
        limit: steps after which an episode is truncated.
        purpose: which streams to draw from: training or evaluation.
        reward_transform: transforms true rewards to those that agents learn from.
        gamma: a further factor of the discounts for each row, ``[row]``; None for none.
    """

    def __init__(
        self,
        model: Model,
        spec: Spec,
        seeds: Sequence[int],
        *,
        limit: int,
        purpose: Purpose,
        reward_transform: RewardTransform = IDENTITY,
        gamma: Array | None = None,
    ) -> None:
        self._gamma = None if gamma is None else column(gamma, 2)
        self._possible = model.possible if spec.masked else None
        self.spec, self.per_seed = spec, spec.num_envs
        self._seeds, self._purpose, self.limit = tuple(seeds), purpose, limit
        states, actions, _ = model.probability.shape
        self._actions = actions
        self.outcomes = o = outcomes(model)
        self._bounds, self._terminates = o.bounds, o.terminates
        self._next_state, self._reward, self._discount = o.next_state, o.reward, o.discount
        self._reward_transform = None if reward_transform.is_identity else reward_transform
        self.learnt_reward = reward_transform(o.reward[None])
        """The rewards that agents learn from, ``[seed, outcome]`` or ``[1, outcome]``."""
        self.discounts = o.discount[None] if gamma is None else o.discount * gamma[:, None]
        """Likewise."""
        self._next_pair = o.next_state * actions
        self._starts, self._start_bounds = o.starts, o.start_bounds
        self._random_step = len(o.bounds) > states * actions
        self._random_start = len(o.starts) > 1
        self.count = self.per_seed * (self._random_step + self._random_start)
        """How many numbers are drawn for a step of a seed."""
        # A sum of a pair's number and a draw must not be rounded up into the next pair's interval.
        self._below = 1.0 - states * actions * 2.0**-51
        self.faults: dict[int, str] = {}
        """Always empty: a table's numbers are finite."""
        self.inexact: list[str] = []
        """Always empty: the state of a table is saved exactly."""
        self.restart()

    def restart(self) -> None:
        """Restart every environment at its first episode."""
        grid = (len(self._seeds), self.per_seed)
        self.streams = Streams(self._seeds, self._purpose, self._below)
        self._return = np.zeros(grid)
        self._time = 0  # steps since the restart
        self._start_time = np.zeros(grid, np.int64)  # the value of `_time` when each episode began
        self._deadline = self.limit  # no episode is truncated before this time
        self._no_ends = np.zeros(grid, np.bool_), np.zeros(grid), np.zeros(grid, np.int64)
        for each in self._no_ends:
            each.flags.writeable = False  # shared by many steps
        self.obs: Array = self._first_states(self._draw())
        """The states now, ``[seed, env]``."""
        self._pair = self.obs * self._actions
        self.legal = self._legal(self.obs)

    def step(self, action: Array) -> Step:
        """Step every environment with ``action [seed, env]``.

        Where an episode ended, ``self.obs`` is then the first state of the next one.
        """
        draw = self._draw()
        pair = self._pair + action
        if self._random_step:
            outcome = self._bounds.searchsorted(pair + draw[:, : self.per_seed], "right")
        else:
            outcome = pair
        obs, next_obs = self.obs, self._next_state[outcome]
        reward, discount = self._reward[outcome], self._discount[outcome]
        if self._gamma is not None:
            discount = discount * self._gamma
        self._return = self._return + reward  # on small arrays three times as fast as in place
        self._time += 1
        last, score, length = self._no_ends
        self.obs, self._pair = next_obs, self._next_pair[outcome]
        if self._time >= self._deadline or np.count_nonzero(discount) < discount.size:
            last = self._terminates[outcome] | (self._time - self._start_time >= self.limit)
            if last.any():
                score = np.where(last, self._return, 0.0)
                length = np.where(last, self._time - self._start_time, 0)
                self._reset(last, draw)
        if self._reward_transform is not None:
            reward = self._reward_transform(reward)
        if self._possible is None:
            return Step(obs, action, reward, discount, next_obs, last, score, length)
        legal, next_legal = self.legal, self._legal(next_obs)
        self.legal = self._legal(self.obs)
        return Step(obs, action, reward, discount, next_obs, last, score, length, legal, next_legal)

    def _legal(self, obs: Array) -> Mask:
        """Return which actions are legal in these states, bool ``[seed, env, action]``."""
        return None if self._possible is None else self._possible[obs]

    def _reset(self, last: Array, draw: Array) -> None:
        """Begin new episodes in the environments of the mask ``last``."""
        self._return[last] = 0.0
        self._start_time[last] = self._time
        self._deadline = int(self._start_time.min()) + self.limit
        self.obs = np.where(last, self._first_states(draw), self.obs)
        self._pair = self.obs * self._actions

    def _draw(self) -> Array:
        """Draw this step's random numbers ``[seed, ...]``: the same count in every step."""
        return self.streams.uniform(self.count)

    def _first_states(self, draw: Array) -> Array:
        """Return a first state for every environment, whether or not it begins an episode."""
        if not self._random_start:
            return np.full(self._return.shape, self._starts[0])
        chosen = self._start_bounds.searchsorted(draw[:, -self.per_seed :], "right")
        return self._starts[chosen]

    def now(self) -> tuple[Array, Array, Array]:
        """Return copies of the states, and of the return and length of each episode so far."""
        return self.obs.copy(), self._return.copy(), self._time - self._start_time

    def place(self, obs: Array, returns: Array, length: Array) -> None:
        """Continue from these states and episodes, ``[seed, env]`` each, as `now` returns them."""
        self.obs, self._pair, self.legal = obs, obs * self._actions, self._legal(obs)
        self._return, self._start_time = returns, self._time - length
        self._deadline = int(self._start_time.min()) + self.limit

    def state_dict(self) -> State:
        obs, returns, length = self.now()
        streams = self.streams.state_dict()
        return {"streams": streams, "obs": obs, "return": returns, "length": length}

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        self.restart()
        self.streams.load_state_dict(state["streams"])
        obs, returns, length = self.now()
        restore_into(obs, state["obs"], "the states")
        if not ((obs >= 0) & (obs < self.spec.obs.choices[0])).all():
            raise ValueError("the states are not those of this environment")
        restore_into(returns, state["return"], "the returns")
        restore_into(length, state["length"], "the lengths of the episodes")
        self.place(obs, returns, length)
        return []

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
