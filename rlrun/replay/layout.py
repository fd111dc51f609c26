"""What is stored of a step: the dtype and shape of each field."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TypeAlias

import numpy as np

from rlrun.core.types import Spec

Layout: TypeAlias = dict[str, tuple[str, tuple[int, ...]]]
"""Dtype and shape of each stored field of one environment's step, by name."""


def step_layout(spec: Spec, number: str, *names: str) -> Layout:
    """Return the layout of these fields of a `Step`, with reward and discount of dtype ``number``.

    Masks, and which agents are alive, are left out if the environment has no masks or a single
    agent: nothing is stored for them. With several agents their axis is the first of each shape.
    """
    agents = (len(spec.agents),) if spec.agents else ()
    obs = (spec.obs.dtype, (*agents, *spec.obs.shape))
    fields: Layout = {
        "obs": obs,
        "action": (spec.action.dtype, (*agents, *spec.action.shape)),
        "reward": (number, agents),
        "discount": (number, agents),
        "next_obs": obs,
        "last": ("bool", ()),  # an episode ends for all agents
    }
    if spec.masked:
        fields["legal"] = fields["next_legal"] = ("bool", (*agents, spec.num_masked))
    if spec.agents:
        fields["alive"] = ("bool", agents)
    return {name: fields[name] for name in names if name in fields}


def layout_bytes(layout: Layout) -> int:
    """Return the bytes that one step of one environment takes."""
    return sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in layout.values())


def check_names(what: str, saved: Collection[str], required: Collection[str]) -> None:
    """Raise ValueError if a saved ``what`` has other fields of a step than it must have."""
    if set(saved) != set(required):
        raise ValueError(
            f"the saved {what} has {', '.join(sorted(saved))} of each step, but must have "
            f"{', '.join(sorted(required))}"
        )
