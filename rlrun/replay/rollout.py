"""The rollout of on-policy agents: consecutive steps that are used once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Spec, State, Step
from rlrun.replay.layout import check_names, layout_bytes, step_layout

FIELDS = ("obs", "action", "reward", "discount", "next_obs", "last", "legal", "alive")


def step_bytes(spec: Spec) -> int:
    """Return the bytes that one step of one environment takes."""
    return layout_bytes(step_layout(spec, "float64", *FIELDS))


class Rollout:
    """The steps since the last update, ``[seed, time, env, ...]``.

    Of masks only ``legal`` is kept: values of next observations do not depend on what is legal.

    Args:
        spec: the specification of the environments.
        num_seeds: number of seeds.
        length: steps of each environment in a full rollout.
        memory: numbers in an agent's memory, which is kept too; None if it has none.
    """

    def __init__(self, spec: Spec, num_seeds: int, length: int, memory: int | None = None) -> None:
        lead = (num_seeds, length, spec.num_envs)
        layout = step_layout(spec, "float64", *FIELDS)
        if memory is not None:
            layout |= {"memory": ("float32", (memory,)), "first": ("bool", ())}
        self._data = {name: np.zeros((*lead, *s), dtype) for name, (dtype, s) in layout.items()}
        self._length, self._count = length, 0

    @property
    def full(self) -> bool:
        return self._count == self._length

    def add(self, t: Step) -> None:
        """Add one vector step.

        Raises ValueError if the rollout is full.
        """
        if self.full:
            raise ValueError("the rollout is full: drain it first")
        for name, array in self._data.items():
            array[:, self._count] = getattr(t, name)
        self._count += 1

    def cut(self) -> None:
        """End the newest step's episodes: the next step does not follow it."""
        if self._count:
            self._data["last"][:, self._count - 1] = True

    def drain(self) -> Step:
        """Return all steps, ``[seed, time, env, ...]``, valid until the next one is added.

        Raises ValueError if the rollout is not full: the shapes of batches are constant.
        """
        if not self.full:
            raise ValueError(f"the rollout has only {self._count} of {self._length} steps")
        self._count = 0
        return Step(**self._data)

    def state_dict(self) -> State:
        arrays = {name: a[:, : self._count] for name, a in self._data.items()}
        return {"count": self._count, **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state; raises ValueError if it does not fit this rollout."""
        count = int(state["count"])
        if not 0 <= count < self._length:
            raise ValueError(f"an unfinished rollout of {self._length} steps cannot have {count}")
        check_names("rollout", state.keys() - {"count"}, self._data)
        for name, own in self._data.items():
            saved, target = state[name], own[:, :count]
            if saved.shape != target.shape or saved.dtype != target.dtype:
                raise ValueError(
                    f"{name} of the rollout is {saved.dtype} of shape {saved.shape}, but must be "
                    f"{target.dtype} of shape {target.shape}"
                )
            own[:, :count] = saved
        self._count = count
