"""Episodes of different lengths cut into chunks of one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from rlrun.core.types import Array


class Chunk(NamedTuple):
    """Steps of one or more seeds; each tensor is ``[seed, batch, ...]``."""

    obs: Tensor
    action: Tensor
    numbers: Tensor
    """Factor of the log-probability, return, and weight of the step: 0 for padding."""


def standardized(values: Array) -> Array:
    """Scale ``values [time]`` to mean 0 and variance 1."""
    with np.errstate(invalid="ignore"):  # the loss of such a seed is not finite either
        standardized: Array = (values - values.mean()) / (values.std() + 1e-8)
    return standardized


def zero_padded(values: Array, size: int) -> Array:
    """Pad ``values [time, ...]`` with zeros to the length ``size``."""
    padded = np.zeros((size, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded
