"""Episodes of different lengths cut into chunks of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from rlrun.core.types import Array, Mask
from rlrun.replay.episodes import Episode
from rlrun.rules.tabular import returns

CHUNK = 256  # steps of a forward pass: a fixed shape for episodes of any length


class Chunk(NamedTuple):
    """Steps of one or more seeds; each tensor is ``[seed, batch, ...]``."""

    obs: Tensor
    action: Tensor
    numbers: Tensor
    """Factor of the log-probability, return, and weight of the step: 0 for padding."""
    legal: Tensor | None = None
    """Which actions were legal; None if there are no masks."""


def standardized_returns(values: Array) -> Array:
    """Scale ``values [time]``, those of one seed in an update, to mean 0 and variance 1."""
    with np.errstate(invalid="ignore"):  # the loss of such a seed is not finite either
        standardized: Array = (values - values.mean()) / (values.std() + 1e-8)
    return standardized


class Steps(NamedTuple):
    """The steps of several seeds, each array ``[seed, time, ...]``, padded with zeros."""

    obs: Array
    action: Array
    ret: Array
    """The returns."""
    legal: Mask
    lengths: list[int]
    """How many steps of each seed are not padding."""


def joined(batches: Sequence[Sequence[Episode]]) -> Steps:
    """Return the episodes of each seed one after another, padded to a multiple of `CHUNK` steps."""
    rets = [
        np.concatenate([returns(e.reward, e.discount, float(e.bootstrap)) for e in episodes])
        for episodes in batches
    ]
    lengths = [len(ret) for ret in rets]
    size = -(-max(lengths) // CHUNK) * CHUNK

    def padded(name: str) -> Array:
        seeds = (np.concatenate([getattr(e, name) for e in episodes]) for episodes in batches)
        return np.stack([zero_padded(each, size) for each in seeds])

    return Steps(
        padded("obs"),
        padded("action"),
        np.stack([zero_padded(ret, size) for ret in rets]),
        None if batches[0][0].legal is None else padded("legal"),
        lengths,
    )


def cut(steps: Array) -> list[Array]:
    """Cut ``[seed, time, ...]`` into chunks ``[seed, CHUNK, ...]``."""
    starts = range(0, steps.shape[1], CHUNK)
    return [np.ascontiguousarray(steps[:, start : start + CHUNK]) for start in starts]


def zero_padded(values: Array, size: int) -> Array:
    """Pad ``values [time, ...]`` with zeros to the length ``size``."""
    padded = np.zeros((size, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded
