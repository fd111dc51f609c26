"""Action values that are linear in features: q(s, a) = w_a · x(s)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Mask, State
from rlrun.features.bases import Active, Features
from rlrun.tables.traces import TracedStep, Traces

LARGEST = 1e100  # magnitude of errors; squares of larger ones are infinite


class LinearValues:
    """Weights ``[seed, action, feature]``, and how steps change them.

    Args:
        features: the features of an observation.
        num_seeds, num_actions: numbers of seeds and of actions.
        initial_value: the value of every pair at the start.
        traces: the eligibility traces; unused ones for one-step updates.
    """

    def __init__(
        self,
        features: Features,
        num_seeds: int,
        num_actions: int,
        initial_value: Number,
        traces: Traces,
    ) -> None:
        self.features, self._traces = features, traces
        self.faults: dict[int, str] = {}
        """Sentences on values that diverged, by the seed's position in the stack."""
        self.weights: Array = np.zeros((num_seeds, num_actions, features.count))
        self.weights += column(initial_value, 3) * features.constant
        self._flat = self.weights.reshape(num_seeds, -1)  # a view
        self._first = np.arange(num_actions) * features.count  # of each action's weights
        self._latest: tuple[Array | None, Active] = None, Active(np.empty(0), np.empty(0))
        self._frozen = np.zeros(num_seeds, np.bool_)

    def active(self, obs: Array) -> Active:
        """Return the features ``[seed, env, active]`` of observations ``[seed, env, number]``.

        Those of the latest array are kept: an agent acts on the observations that it has just
        reached, and learns from those on which it acted. `Envs` never changes an array in place.
        """
        if obs is not self._latest[0]:
            self._latest = obs, self.features(obs)
        return self._latest[1]

    def __call__(self, active: Active, legal: Mask = None) -> Array:
        """Return action values ``[seed, env, action]``, -inf for illegal actions."""
        place = active.number[..., None, :] + self._first[:, None]  # [seed, env, action, active]
        rows = np.arange(len(place))[:, None, None, None]
        q: Array = (self._flat[rows, place] * active.x[..., None, :]).sum(-1)
        return q if legal is None else np.where(legal, q, -np.inf)

    def move(
        self,
        env: int,
        seed: Array,
        active: Active,
        action: Array,
        lr: Any,
        target: Array,
        bootstrap: Array,
        discount: Array,
    ) -> Array:
        """Move the values of the pairs of ``n`` seeds in one environment; return errors ``[n]``.

        All arrays but the features, ``[n, active]``, are ``[n]``; see `TracedStep`.
        """
        index = action[:, None] * self.features.count + active.number
        at = seed[:, None], index
        value = (self._flat[at] * active.x).sum(-1)
        rate = self.features.rate[active.number]
        error: Array = target - value
        self._check(seed, error)
        frozen = self._frozen[seed]
        if self._traces.used:
            t = TracedStep(
                seed, index, active.x, rate, lr, frozen, value, target, bootstrap, discount
            )
            return self._traces.move(self._flat, env, t)
        change = np.where(frozen, 0.0, lr * error)
        self._flat[at] += change[:, None] * (rate * active.x)
        return error

    def _check(self, seed: Array, error: Array) -> None:
        """Freeze the seeds with errors ``[n]`` that are not finite, or soon will not be."""
        for k in np.flatnonzero(~(np.abs(error) < LARGEST)).tolist():
            position = int(seed[k])
            sentence = (
                f"its values diverged, to a TD error of {error[k]:.3g}: use a smaller agent.lr"
            )
            self.faults.setdefault(position, sentence)
            self.freeze(position)

    def freeze(self, seed: int) -> None:
        """Freeze the weights of the seed with this position, permanently."""
        self._frozen[seed] = True

    def state_dict(self) -> State:
        return {"policy": {"weights": self.weights}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.weights, state["policy"]["weights"], "the weights")
