"""Temporal-difference control with features: Q-learning, SARSA and expected SARSA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.td_settings import TDControlSettings
from rlrun.core.restore import restore_into
from rlrun.core.schedules import Power, due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import Explore
from rlrun.features.linear import LinearValues
from rlrun.features.pairs import Pairs
from rlrun.rules.tabular import expected_value, greedy_value
from rlrun.tables.pending import NewestStep
from rlrun.tables.traces import Traces

SLOW_EVERY = 100  # steps between reports of the metrics that change slowly


class LinearTD:
    """TD control with values that are linear in features, with or without eligibility traces.

    Semi-gradient updates: the bootstrap value is taken as a constant. The environments of a seed
    update the same weights, one after the other.

    Sources: Sutton and Barto 2018, sections 10.1, 12.7 and 12.8; van Seijen et al. 2016.

    Raises:
        BadInput: the ranges of the observations are not known.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[TDControlSettings]] = TDControlSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        explore: Explore,
        settings: TDControlSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        s, num_actions, num_seeds = settings, spec.action.choices[0], len(seeds)
        self._bootstrap, self._lr = s.bootstrap, Power(s.lr, s.lr_decay)
        self._explore, self._stride = explore, spec.num_envs
        features = s.build_features(spec)
        size = num_actions * features.count
        self._traces = Traces(num_seeds, spec.num_envs, size, s.trace_decay, s.traces)
        self._values = LinearValues(features, num_seeds, num_actions, s.initial_value, self._traces)
        self.faults = self._values.faults
        """Sentences on numbers that cannot be learnt from, by the seed's position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)
        self._pending = Pairs(features, num_seeds, spec.num_envs)
        self._newest = NewestStep(spec, num_seeds)
        self._error: Array = np.zeros(num_seeds)  # mean absolute ones of the latest updates

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]``: the explorer's, or the first of the best ones."""
        if explore:
            return self._explore(step, lambda: self._values(self._values.active(obs), legal), legal)
        greedy: Array = self._values(self._values.active(obs), legal).argmax(-1)
        return greedy

    def learn(self, t: Step, step: int) -> Metrics:
        """Update the pairs whose return is now known, in one environment after the other."""
        self._explore.observe(t.last)
        t = self._intrinsic.step(t)
        active = self._values.active(t.obs)
        if self._bootstrap == "taken":
            self._learn_pending(_taken(self._values(active), t.action), step)
            self._pending.set(active, t)
            self._newest.set(t)
        else:
            if self._traces.used and self._bootstrap == "max":
                q = self._values(active, t.legal)
                self._traces.cut(_taken(q, t.action) < greedy_value(q))  # Watkins's Q(lambda)
            self._pending.set(active, t)
            self._update(self._next_value(t.next_obs, t.next_legal, step), t.last, step)
        metrics: dict[str, Any] = {"train/td_error": self._error, **self._intrinsic.metrics}
        if due(step, SLOW_EVERY, self._stride):
            metrics["train/q_mean"] = _taken(self._values(active), t.action).mean(-1)
            metrics["rollout/exploration_rate"] = self._explore.rate(step)
        return metrics

    def _learn_pending(self, value: Array, step: int) -> None:
        """Learn from the step before, now that the values ``[seed, env]`` of the next are known."""
        before = self._newest
        if before.last.any():  # no action was taken in the last state of an episode
            end = self._next_value(before.next_obs, before.next_legal, step)
            value = np.where(before.last, end, value)
        self._update(value, before.last, step)

    def _next_value(self, obs: Array, legal: Mask, step: int) -> Array:
        """Return the bootstrap value of observations that were just reached, ``[seed, env]``.

        No action was taken there yet, so SARSA uses the expectation.
        """
        q = self._values(self._values.active(obs), legal)
        if self._bootstrap == "max":
            return greedy_value(q)
        return expected_value(q, self._explore.probabilities(step, q, legal))

    def _update(self, value: Array, last: Array, step: int) -> None:
        """Update the pending pairs, whose next states have the values ``[seed, env]``."""
        pending, lr = self._pending, self._lr(step)
        target = pending.reward + pending.discount * value
        discount = np.where(last, 0.0, pending.discount)
        total, count = np.zeros(len(last)), np.zeros(len(last), np.int64)
        for env in range(self._stride):
            seed = np.flatnonzero(pending.waits[:, env])
            if not len(seed):
                continue
            at = seed, env
            error = self._values.move(
                env,
                seed,
                pending.active(at),
                pending.action[at],
                lr[seed] if lr.ndim else lr,
                target[at],
                value[at],
                discount[at],
            )
            total[seed] += np.abs(error)
            count[seed] += 1
        pending.clear()
        self._error = np.where(count > 0, total / np.maximum(count, 1), self._error)

    def cut(self) -> None:
        """Drop pending steps and traces: the next step does not follow the last one."""
        self._pending.clear()
        self._traces.cut()

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self._values.freeze(position)
        self._intrinsic.freeze(position)

    def state_dict(self) -> State:
        return {
            **self._values.state_dict(),
            "explore": self._explore.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            **self._traces.state_dict(),
            "waiting": self._pending.state_dict(),
            "error": self._error,
            **self._newest.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._values.load_state_dict(state)
        self._explore.load_state_dict(state["explore"])
        self._intrinsic.load_state_dict(state["curiosity"])
        self._traces.load_state_dict(state)
        self._pending.load_state_dict(state["waiting"])
        self._error = self._error.copy()  # it is also in the metrics
        restore_into(self._error, state["error"], "the errors")
        self._newest.load_state_dict(state)


def _taken(q: Array, action: Array) -> Array:
    """Return the values ``[seed, env]`` of the actions taken, given ``q [seed, env, action]``."""
    value: Array = np.take_along_axis(q, action[..., None], -1)[..., 0]
    return value
