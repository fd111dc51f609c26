"""Random numbers of agents with continuous actions: warm-up actions and normal samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from rlrun.core.rng import Normals, Purpose, Streams
from rlrun.core.types import Array, Spec, State
from rlrun.nets.device import Device


class Warmup:
    """Uniformly random actions ``[seed, env, ...]`` until the first update."""

    def __init__(self, spec: Spec, seeds: Sequence[int]) -> None:
        self._shape = (len(seeds), spec.num_envs, *spec.action.shape)
        self._streams = Streams(seeds, Purpose.POLICY)

    def __call__(self) -> Array:
        """Return actions in [-1, 1]."""
        uniform = self._streams.uniform(math.prod(self._shape[1:]))
        action: Array = (2 * uniform - 1).reshape(self._shape).astype(np.float32)
        return action

    def state_dict(self) -> State:
        return self._streams.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)


class NormalDraws:
    """Samples of N(0, 1) as tensors, from each seed's own stream."""

    def __init__(self, seeds: Sequence[int], purpose: Purpose, device: Device) -> None:
        self._streams, self._device = Normals(seeds, purpose), device

    def __call__(self, *shape: int) -> Tensor:
        """Return samples ``[seed, *shape]``."""
        normal = self._streams.normal(math.prod(shape))
        numbers = np.ascontiguousarray(normal, np.float32)
        return self._device.tensor(numbers.reshape(-1, *shape))

    def state_dict(self) -> State:
        return self._streams.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)
