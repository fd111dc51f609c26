"""Uniformly random actions, as a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rlrun.agents.parts.uniform import uniform_actions
from rlrun.core.fields import NoSettings
from rlrun.core.rng import ByStep, Purpose
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step


class Random:
    """Acts uniformly at random in any action space, in evaluation too, and learns nothing.

    It has no state: actions are a function of the seed number and the step, so an evaluation does
    not change those of training.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[NoSettings]] = NoSettings

    def __init__(self, spec: Spec, seeds: Sequence[int]) -> None:
        self._space = spec.action
        self._stride = spec.num_envs
        self._draw = ByStep(seeds, Purpose.POLICY)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, for any number of environments.

        With masks they are uniform among the legal choices.
        """
        stride = self._stride if explore else 1  # the clock of an evaluation counts vector steps
        draw = self._draw(step, obs.shape[1], *self._space.shape, stride=stride)
        return uniform_actions(self._space, draw, legal)

    def freeze(self, position: int) -> None:
        """Do nothing: no seed learns anything."""

    def learn(self, t: Step, step: int) -> Metrics:
        return {}

    def state_dict(self) -> State:
        return {"policy": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass
