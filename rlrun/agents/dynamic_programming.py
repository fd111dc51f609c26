"""Planning with a known model: value iteration, Q-value iteration, policy iteration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from rlrun.core.fields import Count, Positive
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.rules.planning import greedy_policy, q_from_v, under_policy

SAME = 1e-12  # values that differ by less count as equal


@dataclass(frozen=True, kw_only=True)
class PlannerSettings:
    """The settings of `Planner`."""

    method: Literal["value", "q_value", "policy"] = "value"
    """value, q_value or policy iteration.

    ``value`` iterates V(s) ← max_a Q(s, a), ``q_value`` iterates Q(s, a) itself, and ``policy``
    evaluates a policy at each step and then makes it greedy.
    """
    tolerance: Positive = 1e-10
    """Stop when no value changes by more than this."""
    evaluation_sweeps: Count = 1000
    """Largest number of sweeps to evaluate a policy.

    Without a discount, a policy whose episodes never end has no value.
    """


class Planner:
    """Dynamic programming: one sweep over the model's states per step, and its greedy policy.

    The environment's steps are ignored. The result is the same for every seed and is computed once;
    it is complete when no value changes by more than ``tolerance``.

    Source: Sutton and Barto 2018, chapter 4.
    """

    observes: ClassVar[SpaceKinds] = ("discrete",)
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "model"
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[PlannerSettings]] = PlannerSettings

    def __init__(self, spec: Spec, seeds: Sequence[int], settings: PlannerSettings) -> None:
        model = spec.model
        assert model is not None, "checked before"
        self._seeds, self._settings = len(seeds), settings
        self._model = (model.probability, model.next_state, model.reward, model.discount)
        self._impossible, self._start = ~model.possible, model.start
        self._has_masks = model.has_masks
        self._sweep = {
            "value": self._value_sweep,
            "q_value": self._q_value_sweep,
            "policy": self._policy_step,
        }[settings.method]
        self._v = np.zeros(len(model.start))
        self._q = np.where(model.possible, 0.0, -np.inf)
        self._policy = greedy_policy(self._q)
        self._sweeps, self._done = 0, False

    @property
    def values(self) -> Array:
        """The action values Q ``[seed, state, action]``."""
        return np.broadcast_to(self._q, (self._seeds, *self._q.shape))

    def policy(self) -> Array:
        """Return the probabilities ``[seed, state, action]`` of the current policy."""
        return np.broadcast_to(self._policy, (self._seeds, *self._q.shape))

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]`` of the current policy; ``explore`` has no effect.

        Where the policy's action is not legal, the best legal one.
        """
        action: Array = self._policy.argmax(-1)[obs]
        if legal is not None and not self._has_masks:
            allowed = np.take_along_axis(legal, action[..., None], -1)[..., 0]
            best = np.where(legal, self._q[obs], -np.inf).argmax(-1)
            action = np.where(allowed, action, best)
        return action

    def learn(self, t: Step, step: int) -> Metrics:
        """Do one sweep over all states, or one policy improvement, unless planning is complete."""
        if self._done:
            return {}
        change = self._sweep()
        self._done = change <= self._settings.tolerance
        ones = np.ones(self._seeds)
        return {
            "train/change": change * ones,
            "train/sweeps": np.full(self._seeds, self._sweeps),
            "train/value_of_start": (self._start * self._q.max(-1)).sum() * ones,
        }

    def _backup(self, value: Array) -> Array:
        """Return Q ``[state, action]`` from the values of the states, -inf if impossible."""
        q = q_from_v(*self._model, value)
        q[self._impossible] = -np.inf
        return q

    def _value_sweep(self) -> float:
        """Set V(s) ← max_a Q(s, a) for all states; return the largest change."""
        self._q = self._backup(self._v)
        before, self._v = self._v, self._q.max(-1)
        self._policy = greedy_policy(self._q)
        self._sweeps += 1
        return float(np.abs(self._v - before).max())

    def _q_value_sweep(self) -> float:
        """Set Q(s, a) ← Σ T (R + γ max_a' Q(s', a')) for all pairs; return the largest change."""
        before, self._q = self._q, self._backup(self._q.max(-1))
        self._policy = greedy_policy(self._q)
        self._sweeps += 1
        possible = ~self._impossible
        return float(np.abs(self._q[possible] - before[possible]).max())

    def _policy_step(self) -> float:
        """Evaluate the policy, then improve it.

        Returns the largest gain, or the evaluation's last change if that is larger.
        """
        change = math.inf
        for _ in range(self._settings.evaluation_sweeps):
            self._q = self._backup(self._v)
            before, self._v = self._v, under_policy(self._q, self._policy)
            self._sweeps += 1
            change = float(np.abs(self._v - before).max())
            if change <= self._settings.tolerance:
                break
        self._q = self._backup(self._v)
        gain = self._q.max(-1) - under_policy(self._q, self._policy)
        better = gain > SAME  # else unchanged, so that equally good policies do not alternate
        self._policy = np.where(better[:, None], greedy_policy(self._q), self._policy)
        return max(float(gain.max()), change)  # not complete before the evaluation has converged

    def state_dict(self) -> State:
        every = {"q": self.values.copy(), "plan": self.policy().copy()}
        v = np.broadcast_to(self._v, (self._seeds, len(self._v))).copy()
        return {"policy": every, "v": v, "sweeps": self._sweeps, "done": self._done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._q, state["policy"]["q"][0], "the table")
        restore_into(self._policy, state["policy"]["plan"][0], "the plan")
        restore_into(self._v, state["v"][0], "the values of the states")
        self._sweeps, self._done = int(state["sweeps"]), bool(state["done"])
