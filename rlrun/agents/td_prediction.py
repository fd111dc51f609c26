"""TD(0) prediction: the value of a given policy, learnt from samples (Sutton 1988)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from rlrun.core.errors import RunFailed
from rlrun.core.fields import NonNegative, PerRow, Share
from rlrun.core.rng import ByStep, Purpose, pick
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.tables.qtable import QTable, mean_error, one_after_another
from rlrun.tables.settings import LrClock, TableSettings
from rlrun.tables.states import States


@dataclass(frozen=True, kw_only=True)
class TDPredictionSettings(TableSettings):
    """The settings of `TDPrediction`."""

    policy: Literal["uniform"] | int | tuple[int, ...] = "uniform"
    """uniform, the number of one action, or a list of the action's number in each state."""
    lr: PerRow[Share] = 1.0
    """Step size at a state's first visit."""
    lr_decay: PerRow[NonNegative] = 0.1
    lr_clock: LrClock = "visits"
    """visits or steps: k counts earlier visits of the state, or steps of the run."""
    initial_value: PerRow[float] = 0.0
    """Initial value of every state."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if the table is larger than the memory, or the observations need bins.

        Raises ValueError if the policy does not fit the states and actions.
        """
        self.check_memory(spec, num_seeds, actions=1)
        self.probabilities(spec)

    def probabilities(self, spec: Spec) -> Array:
        """Return the policy ``[state, action]``; ``uniform`` is over the possible actions.

        Raises ValueError if it does not fit the states and actions.
        """
        return _probabilities(self.policy, spec, States(spec).count)


class TDPrediction:
    """Follows a fixed policy and learns the value of each state: V(s) ← V(s) + α (r + γ V(s') - V).

    Raises:
        BadInput: the observations need bins.
    """

    observes: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    needs: ClassVar[str] = "table"
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[TDPredictionSettings]] = TDPredictionSettings

    def __init__(self, spec: Spec, seeds: Sequence[int], settings: TDPredictionSettings) -> None:
        self._table = QTable(spec, len(seeds), settings, actions=1)
        self._policy = settings.probabilities(spec)
        self._draw = ByStep(seeds, Purpose.POLICY)
        self._seeds, self._stride = len(seeds), spec.num_envs

    @property
    def values(self) -> Array:
        """The state values V ``[seed, state, 1]``."""
        return self._table.q

    def policy(self) -> Array:
        """Return the probabilities ``[seed, state, action]`` of the fixed policy."""
        return np.broadcast_to(self._policy, (self._seeds, *self._policy.shape))

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]`` of the policy; random ones are a function of the step.

        Of a policy with several actions only the legal ones are taken. Raises RunFailed if none is.
        """
        stride = self._stride if explore else 1  # the clock of an evaluation counts vector steps
        draw = self._draw(step, obs.shape[1], stride=stride)
        chance = self._policy[self._table.states(obs)]
        if legal is not None:
            chance = chance * legal
            if not chance.any(-1).all():
                raise RunFailed("agent.policy takes an action that is not legal (env.action_mask)")
        return pick(chance, draw)

    def learn(self, t: Step, step: int) -> Metrics:
        """Update V(s), in one environment after the other."""
        row, next_row = self._table.row(t.obs), self._table.row(t.next_obs)
        parts = one_after_another(row, next_row, t.reward, t.discount)
        errors = [
            self._table.move(here, reward + discount * self._table.flat[there], step)
            for here, there, reward, discount in parts
        ]
        return {"train/td_error": mean_error(errors)}

    def freeze(self, position: int) -> None:
        """Freeze the values of a seed, permanently."""
        self._table.freeze(position)

    def state_dict(self) -> State:
        return self._table.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._table.load_state_dict(state)


def _probabilities(
    policy: Literal["uniform"] | int | tuple[int, ...], spec: Spec, states: int
) -> Array:
    """Return the policy ``[state, action]``; ``uniform`` is over the possible actions."""
    actions = spec.action.choices[0]
    if policy == "uniform":
        everything = np.ones((states, actions))
        possible = everything if spec.model is None else spec.model.possible.astype(np.float64)
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
            raise ValueError(
                f"policy takes action {action} in state {state}, where it is impossible"
            )
    fixed: Array = np.eye(actions)[list(chosen)]
    return fixed
