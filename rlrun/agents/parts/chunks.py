"""Episodes of different lengths cut into chunks of one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from rlrun.core.types import Array


class Chunk(NamedTuple):
    """Steps of some seeds, ``[seed, batch, ...]``."""

    obs: Tensor
    action: Tensor
    numbers: Tensor
    """Factor of the log-probability, return, and weight of the step: 0 where it is padding."""


def standardized(values: Array) -> Array:
    """``values [time]`` with mean 0 and variance 1."""
    with np.errstate(invalid="ignore"):  # a seed that is not finite is found by its loss
        standardized: Array = (values - values.mean()) / (values.std() + 1e-8)
    return standardized


def filled_up(values: Array, size: int) -> Array:
    """``values [time, ...]`` with zeros up to ``size``."""
    filled = np.zeros((size, *values.shape[1:]), values.dtype)
    filled[: len(values)] = values
    return filled
