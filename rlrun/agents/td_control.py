"""Temporal-difference control with a table: Q-learning, SARSA and expected SARSA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.td_settings import TDControlSettings
from rlrun.core.restore import restore_into
from rlrun.core.schedules import due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import EpsilonGreedy, Explore
from rlrun.rules.planning import greedy_policy
from rlrun.rules.tabular import expected_value, greedy_value
from rlrun.tables.learner import Learner, learner
from rlrun.tables.pending import CompletedStep, NewestStep, PendingSteps
from rlrun.tables.qtable import QTable, mean_error, one_after_another
from rlrun.tables.traces import TracedStep, Traces

SLOW_EVERY = 100  # steps between reports of the metrics that change slowly


class TDControl:
    """TD control with a table: each update moves Q(s, a) towards a bootstrapped return.

    The environments of a seed update the same table, one after the other.

    Raises:
        BadInput: the observations need bins.
    """

    observes: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "table"
    has_features: ClassVar[bool] = True
    counts_visits: ClassVar[bool] = True
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
        self._settings = s = settings
        self._explore, self._stride = explore, spec.num_envs
        self._table = QTable(spec, len(seeds), s, bonus=explore.bonus)
        self.faults: dict[int, str] = {}
        """Numbers of the curiosity that were not finite, by the seed's position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)
        pairs = self._table.states.count * self._table.actions
        self._traces = Traces(len(seeds), spec.num_envs, pairs, s.trace_decay, s.traces)
        self._immediate = s.n_step == 1 and s.bootstrap != "taken" and not self._traces.used
        self._pending = PendingSteps(self._table.first_pair, spec.num_envs, s.n_step)
        self._error: Array = np.zeros(len(seeds))  # mean absolute ones of the latest updates
        self._newest = NewestStep(spec, len(seeds))

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
        if not explore:
            greedy: Array = self._table.values(row, legal).argmax(-1)
            return greedy
        possible = self._table.possible(row, legal)
        return self._explore(step, lambda: self._table.optimistic(row, legal), possible)

    def learn(self, t: Step, step: int) -> Metrics:
        """Update the pairs whose return is now known, in one environment after the other."""
        self._explore.observe(t.last)
        t = self._intrinsic.step(t)
        table, stride = self._table, self._stride
        pair = table.pair(table.row(t.obs), t.action)
        if not self._immediate:
            error = self._learn_delayed(t, pair, step)
        elif stride == 1:
            now = step, t.next_obs, t.next_legal, t.reward, t.discount, pair
            error = np.abs(self._one_step(*now))[:, 0]
        else:
            parts = one_after_another(t.next_obs, t.next_legal, t.reward, t.discount, pair)
            error = mean_error([self._one_step(step, *each) for each in parts])
        metrics: dict[str, Any] = {"train/td_error": error, **self._intrinsic.metrics}
        if due(step, SLOW_EVERY, stride):
            metrics["train/q_mean"] = table.flat[pair].mean(-1)
            metrics["rollout/exploration_rate"] = self._explore.rate(step)
        return metrics

    def learner(self) -> tuple[Learner, EpsilonGreedy] | None:
        """Return what compiled code learns and acts with; None if it cannot do the same."""
        s, explore = self._settings, self._explore
        one_step = s.n_step == 1 and not self._traces.used and self._intrinsic.bonus is None
        short = s.bootstrap == "max" or self._table.actions < 8  # numpy sums eight in another order
        if not (one_step and short and isinstance(explore, EpsilonGreedy) and explore.by_step):
            return None
        return learner(s.bootstrap, self._table, self._pending, self._newest, self._error), explore

    def _one_step(
        self,
        step: int,
        next_obs: Array,
        next_legal: Mask,
        reward: Array,
        discount: Array,
        pair: Array,
    ) -> Array:
        """Learn from the step just taken in one environment of each seed; return the errors."""
        value = self._next_value(self._table.row(next_obs), next_legal, step)
        return self._table.move(pair, reward + discount * value, step)

    def _next_value(self, row: Array, legal: Mask, step: int) -> Array:
        """Return the bootstrap value of rows that were just reached.

        No action was taken there yet, so SARSA uses the expectation.
        """
        q = self._table.optimistic(row, legal)
        if self._settings.bootstrap == "max":
            return greedy_value(q)
        possible = self._table.possible(row, legal)
        return expected_value(q, self._explore.probabilities(step, q, possible))

    def _learn_delayed(self, t: Step, pair: Array, step: int) -> Array:
        """Learn from steps whose return is known now; return mean absolute errors ``[seed]``."""
        if self._settings.bootstrap == "taken":
            value, before = self._value_taken(t), self._newest
            if before.last.any():  # no action was taken in the last state of an episode
                end = self._table.row(before.next_obs)
                value = np.where(before.last, self._next_value(end, before.next_legal, step), value)
            completed = self._pending.complete(value, before.last)
            error = self._update_completed(completed, value, before.last, step)
            self._pending.push(pair, t.reward, t.discount)
            before.set(t)
            return error
        if self._traces.used and self._settings.bootstrap == "max":
            best = greedy_value(self._table.optimistic(self._table.row(t.obs), t.legal))
            self._traces.cut(self._value_taken(t) < best)
        self._pending.push(pair, t.reward, t.discount)
        value = self._next_value(self._table.row(t.next_obs), t.next_legal, step)
        completed = self._pending.complete(value, t.last)
        return self._update_completed(completed, value, t.last, step)

    def _value_taken(self, t: Step) -> Array:
        """Return the values ``[seed, env]`` of the actions just taken."""
        q = self._table.optimistic(self._table.row(t.obs))
        value: Array = np.take_along_axis(q, t.action[..., None], -1)[..., 0]
        return value

    def _update_completed(
        self, completed: Sequence[CompletedStep], value: Array, last: Array, step: int
    ) -> Array:
        """Update the pairs of completed steps; return each seed's mean absolute error.

        ``value [seed, env]`` is what the newest step bootstraps from, and ``last`` its end.
        """
        total, count = np.zeros(len(last)), np.zeros(len(last), np.int64)
        for each in completed:
            for env in range(self._stride):
                ready = each.ready[:, env]
                if not ready.any():
                    continue
                pair, target = each.pair[ready, env], each.target[ready, env]
                if self._traces.used:
                    discount = each.discount[ready, env] * ~last[ready, env]
                    ends = target, value[ready, env], discount
                    error = self._move_traced(np.flatnonzero(ready), env, pair, *ends, step)
                else:
                    error = self._table.move(pair, target, step)
                total[ready] += np.abs(error)
                count += ready
        self._error = np.where(count > 0, total / np.maximum(count, 1), self._error)
        return self._error

    def _move_traced(
        self,
        seed: Array,
        env: int,
        pair: Array,
        target: Array,
        bootstrap: Array,
        discount: Array,
        step: int,
    ) -> Array:
        """Move all pairs of some seeds in proportion to their traces; return errors ``[n]``."""
        table, ones = self._table, np.ones((len(seed), 1))
        weights = table.q.reshape(len(table.q), -1)
        now = TracedStep(
            seed=seed,
            active=(pair % weights.shape[1])[:, None],
            x=ones,
            rate=ones,
            lr=table.step_size(pair, step),
            frozen=table.frozen(pair),
            value=table.flat[pair],
            target=target,
            bootstrap=bootstrap,
            discount=discount,
        )
        return self._traces.move(weights, env, now)

    def cut(self) -> None:
        """Drop pending steps and traces: the next step does not follow the last one."""
        self._pending.cut()
        self._traces.cut()

    def freeze(self, position: int) -> None:
        """Freeze the table of a seed, permanently."""
        self._table.freeze(position)
        self._intrinsic.freeze(position)

    def state_dict(self) -> State:
        return {
            **self._table.state_dict(),
            "explore": self._explore.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            **self._traces.state_dict(),
            "waiting": self._pending.state_dict(),
            "error": self._error,
            **self._newest.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._table.load_state_dict(state)
        self._explore.load_state_dict(state["explore"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._traces.load_state_dict(state)
        self._pending.load_state_dict(state["waiting"])
        restore_into(self._error, state["error"], "the errors")
        self._newest.load_state_dict(state)
