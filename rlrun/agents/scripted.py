"""Hand-written rules, as a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rlrun.core.types import Array, Metrics, SpaceKinds, Spec, State, Step
from rlrun.envs.hand_written import rule_for


@dataclass(frozen=True, kw_only=True)
class ScriptedSettings:
    """The settings of `Scripted`."""

    rule: str | None = None
    """Hand-written rule, one of those of `rlrun list rules` (null: the environment's)."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the rule does not exist, or does not fit the environment."""
        rule_for(spec, self.rule)


class Scripted:
    """Acts by a hand-written rule, a function of the observation, and learns nothing.

    All seeds act alike; their episodes differ. It has no state.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    needs: ClassVar[str] = "rule"
    settings_class: ClassVar[type[ScriptedSettings]] = ScriptedSettings

    def __init__(self, spec: Spec, settings: ScriptedSettings) -> None:
        self._rule = rule_for(spec, settings.rule).act

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Return actions ``[seed, env, ...]``, for any number of environments."""
        return self._rule(obs)

    def freeze(self, position: int) -> None:
        """Do nothing: no seed learns anything."""

    def learn(self, t: Step, step: int) -> Metrics:
        return {}

    def state_dict(self) -> State:
        return {"policy": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass
