"""Uniformly random actions: the baseline to be better than."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rlrun.rng import Purpose, sequence
from rlrun.types import Array, Metrics, SpaceKind, Spec, State, Step

BLOCK = 1024


class Random:
    """Acts uniformly at random in any action space, in evaluation too, and learns nothing.

    It has no state: an action is a function of (seed number, step), so that evaluating it changes
    nothing either.
    """

    observes: ClassVar[tuple[SpaceKind, ...]] = ("vector", "discrete", "image")
    acts: ClassVar[tuple[SpaceKind, ...]] = ("discrete", "multi_discrete", "vector")

    def __init__(self, spec: Spec, seeds: Sequence[int]) -> None:
        self._space = spec.action
        self._seeds = tuple(seeds)
        self._memo: tuple[tuple[int, int], Array] = ((-1, -1), np.empty(0))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """``[seed, env, ...]``, for any number of environments."""
        draw = self._draw(step, obs.shape[1])  # [seed, env, *shape]
        if self._space.kind == "vector":
            return 2 * draw - 1
        choices = np.array(self._space.choices).reshape(self._space.shape)
        action: Array = (draw * choices).astype(np.int64)
        return action

    def _draw(self, step: int, envs: int) -> Array:
        block, place = divmod(step, BLOCK)
        if self._memo[0] != (block, envs):
            shape = (BLOCK, envs, *self._space.shape)
            drawn = [
                np.random.default_rng(sequence(seed, Purpose.POLICY, block)).random(shape)
                for seed in self._seeds
            ]
            self._memo = ((block, envs), np.stack(drawn))
        draw: Array = self._memo[1][:, place]
        return draw

    def learn(self, t: Step, step: int) -> Metrics:
        return {}

    def state_dict(self) -> State:
        return {"policy": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass
