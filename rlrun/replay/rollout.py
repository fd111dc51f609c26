"""What on-policy agents keep until they learn from it: a stretch of time, used once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Spec, State, Step


def step_bytes(spec: Spec) -> int:
    """What one step of one environment takes."""
    return sum(np.dtype(dtype).itemsize * math.prod(shape) for shape, dtype in _layout(spec))


def _layout(spec: Spec) -> list[tuple[tuple[int, ...], str]]:
    """Shape and kind of each thing that is kept of a step, in the order of `Step`."""
    obs, action = (spec.obs.shape, spec.obs.dtype), (spec.action.shape, spec.action.dtype)
    number = ((), "float64")
    return [obs, action, number, number, obs, ((), "bool")]


class Rollout:
    """The steps since the last update, ``[seed, time, env, ...]``.

    Args:
        spec: of the environments.
        seeds: how many.
        length: steps of each environment until it is full.
    """

    def __init__(self, spec: Spec, num_seeds: int, length: int) -> None:
        lead = (num_seeds, length, spec.num_envs)
        self._data = Step(*(np.zeros((*lead, *s), dtype) for s, dtype in _layout(spec)))
        self._length, self._count = length, 0

    @property
    def full(self) -> bool:
        return self._count == self._length

    def add(self, t: Step) -> None:
        """Take in one vector step.

        Raises ValueError where it is full.
        """
        if self.full:
            raise ValueError("the rollout is full: drain it first")
        for kept, values in zip(self._data, t, strict=True):
            kept[:, self._count] = values
        self._count += 1

    def cut(self) -> None:
        """What is added next does not follow the newest step: its episodes end there."""
        if self._count:
            self._data.last[:, self._count - 1] = True

    def drain(self) -> Step:
        """All steps, ``[seed, time, env, ...]``, valid until the next one is added.

        Raises ValueError where it is not full: shapes of batches are constant.
        """
        if not self.full:
            raise ValueError(f"the rollout has {self._count} of {self._length} steps")
        self._count = 0
        return self._data

    def state_dict(self) -> State:
        kept = {name: a[:, : self._count] for name, a in self._data._asdict().items()}
        return {"count": self._count, **kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError where the state is that of another rollout."""
        count = int(state["count"])
        if not 0 <= count < self._length:
            raise ValueError(f"a rollout of {self._length} steps cannot be left with {count}")
        for name, own in self._data._asdict().items():
            saved, wanted = state[name], own[:, :count]
            if saved.shape != wanted.shape or saved.dtype != wanted.dtype:
                raise ValueError(f"{name} of the rollout is of the shape {saved.shape}")
            own[:, :count] = saved
        self._count = count
