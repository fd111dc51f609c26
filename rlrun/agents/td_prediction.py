"""TD(0): what a given policy is worth, learnt from samples (Sutton 1988)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from rlrun.core.rng import ByStep, Purpose
from rlrun.core.types import Array, Metrics, SpaceKinds, Spec, State, Step
from rlrun.explore.policies import pick
from rlrun.tables.qtable import LrClock, QTable, mean_error, one_after_another


class TDPrediction:
    """Follows a fixed policy and learns the value of each state: V(s) ← V(s) + α (r + γ V(s') - V).

    Args:
        spec, seeds: what the run is made of.
        policy: ``uniform``, the number of the action to take everywhere, or a list with the number
            of each state's.
        lr, lr_decay, lr_clock, initial_value: as in ``Table``, of states instead of pairs.

    Raises:
        ValueError: a value is out of range.
        BadInput: the table is larger than the memory, or the observations need bins.
    """

    observes: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "table"

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        *,
        policy: Literal["uniform"] | int | tuple[int, ...],
        lr: float,
        lr_decay: float,
        lr_clock: LrClock,
        initial_value: float,
    ) -> None:
        self._table = QTable(
            spec,
            len(seeds),
            lr=lr,
            lr_decay=lr_decay,
            lr_clock=lr_clock,
            initial_value=initial_value,
            actions=1,
        )
        self._policy = _probabilities(policy, spec, self._table.states.count)
        self._draw = ByStep(seeds, Purpose.POLICY)
        self._seeds, self._stride = len(seeds), spec.num_envs

    @property
    def values(self) -> Array:
        """V ``[seed, state, 1]``."""
        return self._table.q

    def policy(self) -> Array:
        """Probabilities ``[seed, state, action]`` of the policy that is followed."""
        return np.broadcast_to(self._policy, (self._seeds, *self._policy.shape))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env]`` of the policy; where it is random, a function of the step."""
        stride = self._stride if explore else 1  # the clock of an evaluation counts vector steps
        draw = self._draw(step, obs.shape[1], stride=stride)
        return pick(self._policy[self._table.states(obs)], draw)

    def learn(self, t: Step, step: int) -> Metrics:
        """Move V(s), in one environment after the other."""
        row, next_row = self._table.row(t.obs), self._table.row(t.next_obs)
        parts = one_after_another(row, next_row, t.reward, t.discount)
        errors = [
            self._table.move(now, reward + discount * self._table.flat[then], step)
            for now, then, reward, discount in parts
        ]
        return {"train/td_error": mean_error(errors)}

    def state_dict(self) -> State:
        return self._table.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._table.load_state_dict(state)


def _probabilities(
    policy: Literal["uniform"] | int | tuple[int, ...], spec: Spec, states: int
) -> Array:
    """``[state, action]``; uniform over the actions that are possible."""
    actions = spec.action.choices[0]
    if policy == "uniform":
        all_of_them = np.ones((states, actions))
        possible = all_of_them if spec.model is None else spec.model.possible.astype(np.float64)
        uniform: Array = possible / possible.sum(-1, keepdims=True)
        return uniform
    chosen = (policy,) * states if isinstance(policy, int) else tuple(policy)
    if len(chosen) != states:
        raise ValueError(
            f"policy must have an action for each of {states} states, got {len(chosen)}"
        )
    if not all(0 <= action < actions for action in chosen):
        raise ValueError(f"policy must be made of actions from 0 to {actions - 1}")
    for state, action in enumerate(chosen):
        if spec.model is not None and not spec.model.possible[state, action]:
            raise ValueError(f"policy takes action {action} in state {state}, where it cannot be")
    fixed: Array = np.eye(actions)[list(chosen)]
    return fixed
