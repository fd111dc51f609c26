"""Maps from Gymnasium's spaces to rlrun's: float vectors, whole numbers, images and grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array, Space
from rlrun.envs.arrays import ObsChoice, grid_bounds, kind_of, largest, layout_of
from rlrun.envs.conform import all_finite, short

Bins: TypeAlias = tuple[tuple[float, float, int], ...]
"""Of each number: from, to, number of bins."""
NOT_VECTORS = "env.scale_obs=true only applies to vectors; its observations are not"


class ObsMap:
    """Converts batches of Gymnasium's observations to rlrun's; always copies.

    Discrete observations, one or several, are numbers from 0. Images and grids (see
    `rlrun.envs.arrays.kind_of`) are bytes ``[stack * channels, height, width]``, from any layout;
    a grid's numbers are counted from the lowest. Other Box observations are float32 vectors.

    Args:
        space: the space of one observation.
        stack: number of frames; if it is more than one, those of an image or a grid are the first
            axis, the newest last, and those of a vector follow one another.
        scale: whether to scale the bounds of a vector's numbers to [-1, 1].
        choice: the setting ``env.obs``.

    Raises:
        ValueError: the type of the space is not supported, or it has no bounds to scale by.
    """

    def __init__(
        self,
        space: gym.Space[Any],
        stack: int = 1,
        scale: bool = False,
        choice: ObsChoice | None = None,
    ) -> None:
        kind = kind_of(space, choice, stack)
        if scale and kind != "vector":
            raise ValueError(NOT_VECTORS)
        self._scale = bounds(space) if scale else None
        self._start: Array | int | None = None
        self._range: tuple[Array, Array] | None = None
        self._outside: Array | None = None  # numbers outside a grid's bounds
        self._dtype: type[np.generic] = np.float32
        self._channels_last = False
        if kind == "image" or kind == "grid":
            layout = layout_of(space.shape or (), kind, stack)
            self._channels_last, self._dtype = layout.channels_last, np.uint8
            top: tuple[int, ...] = ()
            if kind == "grid":
                self._range, top = grid_bounds(space), largest(space, layout)
            self.space = Space(kind, layout.shape, stack=stack, top=top)
        elif kind == "vector":
            self.space = Space("vector", (int(np.prod(space.shape or ())),))
        elif isinstance(space, spaces.Discrete):
            self.space = Space("discrete", (), (int(space.n),))
            self._start, self._dtype = int(space.start) or None, np.int64
        elif isinstance(space, spaces.MultiDiscrete):
            self.space = Space("multi_discrete", space.shape, tuple(space.nvec.tolist()))
            self._start, self._dtype = space.start if space.start.any() else None, np.int64
        else:
            raise ValueError(f"observations of type {type(space).__name__} are not supported")
        if 0 in self.space.shape:
            raise ValueError(
                f"its observations have the shape {self.space.shape}, without numbers to learn from"
            )
        self._largest = np.array(self.space.choices, np.uint64) - np.uint64(1)
        if self.space.kind == "discrete":
            self._largest = self._largest[0]

    def __call__(self, raw: Any) -> Array:
        if self._range is not None:
            low, high = self._range
            numbers = np.asarray(raw, low.dtype)
            outside = (numbers < low) | (numbers > high)
            self._outside = self.ordered(outside) if np.count_nonzero(outside) else None
            # a difference that overflows the type, such as int8, still has the right byte
            raw = numbers - low
        if self._channels_last:
            raw = self.ordered(raw)
        if self._scale is not None:
            return np.asarray(scaled(raw, *self._scale), np.float32)
        if raw.dtype == np.float64:
            with np.errstate(over="ignore"):  # too large for float32: infinite, see `wrong`
                return np.array(raw, self._dtype, order="C")
        obs: Array = np.array(raw, self._dtype, order="C")
        return obs if self._start is None else obs - self._start

    def ordered(self, raw: Array) -> Array:
        """Return unscaled numbers with their axes in rlrun's order, channels first."""
        return np.moveaxis(raw, -1, -3) if self._channels_last else raw

    def wrong(self, obs: Array) -> Array | None:
        """Return a mask of the unusable numbers of ``obs [seed, env, ...]``, the latest batch.

        They are not finite, not among the choices, or outside a grid's bounds: a learner that used
        them would learn nothing, or read data of other seeds. None if all are valid.
        """
        if self.space.kind == "vector":
            return None if all_finite(obs) else ~np.isfinite(obs)
        if self.space.kind == "image":
            return None
        if self.space.kind == "grid":
            return None if self._outside is None else self._outside.reshape(obs.shape)
        wrong = obs.view(np.uint64) > self._largest  # as unsigned numbers, negative ones are large
        return wrong if np.count_nonzero(wrong) else None


def bounds(space: gym.Space[Any]) -> tuple[Array, Array]:
    """Return the bounds of each observed number. Raises ValueError if they cannot be scaled."""
    if not isinstance(space, spaces.Box):
        raise ValueError(NOT_VECTORS)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    if not (_spanned(low, high) and (low < high).all()):
        raise ValueError(
            "env.scale_obs=true needs finite bounds, the upper above the lower, with a difference "
            "that float64 can hold; its observations have others"
        )
    return low, high


def _spanned(low: Array, high: Array) -> bool:
    """Return whether all bounds and their differences are finite in float64."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(high.astype(np.float64) - low.astype(np.float64)).all())


def scaled(value: Any, low: Any, high: Any) -> Any:
    """Scale a value from [low, high] to [-1, 1]."""
    return (value - low) * (2.0 / (high - low)) - 1.0


def scaled_bins(bins: Bins, space: gym.Space[Any]) -> Bins:
    """Return the bins of a space's own numbers, converted to those of its scaled observations.

    Bins that do not fit the observations stay unchanged; the agent raises the error.
    """
    low, high = (each.ravel().tolist() for each in bounds(space))
    if len(bins) != len(low):
        return bins
    return tuple(
        (scaled(start, *ends), scaled(stop, *ends), count)
        for (start, stop, count), *ends in zip(bins, low, high, strict=True)
    )


class ActionMap:
    """Converts rlrun's actions to Gymnasium's: numbers from 0, or values in [-1, 1] for a Box."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._convert: Callable[[Array], Array]
        if isinstance(space, spaces.Discrete):
            self.space = Space("discrete", (), (int(space.n),))
            self._convert = _shift(int(space.start))
        elif isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
            self.space = Space("multi_discrete", space.shape, tuple(int(n) for n in space.nvec))
            self._convert = _shift(space.start)
        elif isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
            self.space = Space("multi_discrete", space.shape, (2,) * space.shape[0])
            self._convert = _shift(0)
        elif isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
            if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
                raise ValueError("continuous actions without finite bounds are not supported")
            if not _spanned(space.low, space.high):
                raise ValueError(
                    f"continuous actions with bounds as far apart as those of {short(space)} are "
                    "not supported: float64 cannot hold their difference"
                )
            if 0 in space.shape:
                raise ValueError("actions without any numbers are not supported")
            self.space = Space("vector", space.shape)
            self._convert = _scale(space)
        else:
            raise ValueError(f"actions of the space {space} are not supported")

    def __call__(self, action: Array) -> Array:
        """Convert ``action [env, ...]``; always a copy, which environments may modify."""
        return self._convert(action)


def _shift(start: Array | int) -> Callable[[Array], Array]:
    """Return a function that shifts numbers from 0 to numbers from ``start``, as a copy."""
    return (lambda action: action + start) if np.any(start) else (lambda action: action.copy())


def _scale(box: spaces.Box) -> Callable[[Array], Array]:
    """Return a function that scales [-1, 1] to the bounds of each dimension, and clips to them."""
    low, high = box.low.astype(np.float64), box.high.astype(np.float64)
    width = high - low

    def convert(action: Array) -> Array:  # np.clip takes three times as long
        fraction = (np.minimum(np.maximum(action, -1.0), 1.0) + 1.0) / 2.0
        scaled: Array = np.minimum(np.maximum(low + fraction * width, low), high)
        return scaled.astype(box.dtype)

    return convert
