"""Classification of observation arrays: images, grids of small whole numbers, and vectors."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import IMAGE_SIDE, Array

ObsChoice: TypeAlias = Literal["image", "grid", "vector"]
"""The setting ``env.obs``; None if `kind_of` is to choose by the space."""
CHOICES: tuple[ObsChoice, ...] = ("image", "grid", "vector")
EARLIER = cast("ObsChoice", "earlier")
"""Instead of a choice: the rule of versions without ``env.obs``; not a valid setting."""
CHANNELS = (1, 3, 4)  # grey, colours, colours and depth or opacity
BYTE = 255  # the largest


def array_space(space: gym.Space[Any]) -> spaces.Box | None:
    """Return the space as a Box if its observations are one array of numbers, else None."""
    match space:
        case spaces.Box():
            return space
        case spaces.MultiBinary():
            return spaces.Box(0, 1, space.shape, np.int8)
        case spaces.MultiDiscrete():
            high = space.start + space.nvec - 1
            return spaces.Box(space.start, high, space.shape, np.int64)
    return None


def kind_of(
    space: gym.Space[Any], choice: ObsChoice | None = None, stack: int = 1
) -> Literal["image", "grid", "vector"] | None:
    """Return the kind of a space's observations; None if they are not one array of numbers.

    Whole numbers (bytes, booleans, integers) with two to four axes are an image if they are bytes
    from 0 to 255 and a side has 36 pixels or more; smaller ones, and arrays of fewer than 256
    different numbers, are a grid. All others are vectors.

    Args:
        space: the space of one observation.
        choice: the setting ``env.obs``; with `EARLIER` bytes are images, all others vectors.
        stack: number of frames of one image or grid along the first axis.

    Raises:
        ValueError: the choice is impossible for this space.
    """
    box = array_space(space) if choice == "grid" else space
    if not isinstance(box, spaces.Box):
        if choice in ("image", "grid"):
            raise ValueError(
                f"env.obs={choice} only applies to arrays of whole numbers with two to four axes; "
                f"its observations are of type {type(space).__name__}: leave env.obs=null"
            )
        return None
    axes = len(box.shape) - (stack > 1)
    flat = not 2 <= axes <= (3 if stack > 1 else 4) or 0 in box.shape
    if choice in ("image", "grid"):
        if flat or not _suits(choice, box):
            numbers = "from 0 to 255" if choice == "image" else "of at most 256 different values"
            raise ValueError(
                f"env.obs={choice} only applies to two to four axes of whole numbers {numbers}; "
                f"its observations are {box}: leave env.obs=null"
            )
        return choice
    if flat or choice == "vector":
        return "vector"
    byte = box.dtype == np.uint8
    if choice == EARLIER:
        return "image" if byte else "vector"
    if byte and int(box.low.min()) == 0 and int(box.high.max()) == BYTE:
        return "image" if max(layout_of(box.shape, "image", stack).sides) >= IMAGE_SIDE else "grid"
    return "grid" if _suits("grid", box) and _span(box) < BYTE else "vector"


def _suits(choice: Literal["image", "grid"], box: spaces.Box) -> bool:
    """Return whether an array's numbers fit into bytes; those of a grid count from the lowest."""
    if choice == "image":
        integers = np.issubdtype(box.dtype, np.integer)
        return bool(integers) and int(box.low.min()) >= 0 and int(box.high.max()) <= BYTE
    whole = box.dtype == np.bool_ or np.issubdtype(box.dtype, np.integer)
    return bool(whole) and max(_spans(box)) <= BYTE


def _span(box: spaces.Box) -> int:
    """Return the difference between the largest and the least of all numbers."""
    return int(box.high.max()) - int(box.low.min())


def _spans(box: spaces.Box) -> list[int]:
    """Return the difference between the bounds of each number, exact even for those of int64."""
    pairs = zip(box.low.ravel().tolist(), box.high.ravel().tolist(), strict=True)
    return [int(high) - int(low) for low, high in pairs]


class Layout(NamedTuple):
    """The layout of an image or a grid in an array: its frames, channels and sides."""

    frames: int
    channels: int
    sides: tuple[int, int]
    """Height and width."""
    channels_last: bool
    """Whether the axes are ``[..., height, width, channel]``."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(frames * channels, height, width)``."""
        return (self.frames * self.channels, *self.sides)


def layout_of(shape: tuple[int, ...], kind: str, stack: int = 1) -> Layout:
    """Return the layout of an array of two to four axes; in four, or a stack, frames are first."""
    front = 1 if stack > 1 or len(shape) == 4 else 0
    frames, frame = (shape[0] if front else 1), shape[front:]
    if len(frame) == 2:
        return Layout(frames, 1, (frame[0], frame[1]), False)
    last = _grid_channels_last(*frame) if kind == "grid" else _channels_last(*frame)
    channels = frame[2] if last else frame[0]
    height, width = frame[:2] if last else frame[1:]
    return Layout(frames, channels, (height, width), last)


def _channels_last(first: int, middle: int, last: int) -> bool:
    """Return whether an image is ``[height, width, channel]``, rather than channel first."""
    return last in CHANNELS or (first not in CHANNELS and last < first)


def _grid_channels_last(first: int, middle: int, last: int) -> bool:
    """Return whether a grid, which is small but can have many channels, has its channels last.

    If two adjacent axes are equal they are height and width; otherwise the channels are first only
    if they are the shortest axis.
    """
    if first == middle or middle == last:
        return first == middle
    return first >= min(middle, last)


def largest(space: gym.Space[Any], layout: Layout) -> tuple[int, ...]:
    """Return the largest number in each of ``frames * channels`` of a grid, from the lowest."""
    box = array_space(space)
    assert box is not None
    spans = np.array(_spans(box)).reshape(box.shape)
    if layout.channels_last:
        spans = np.moveaxis(spans, -1, -3)
    return tuple(spans.reshape(layout.shape[0], -1).max(1).tolist())


def grid_bounds(space: gym.Space[Any]) -> tuple[Array, Array]:
    """Return the bounds of each number of a grid, in its own type, or bytes for booleans."""
    box = array_space(space)
    assert box is not None
    dtype = np.uint8 if box.dtype == np.bool_ else box.dtype
    return box.low.astype(dtype), box.high.astype(dtype)


def blank(space: gym.Space[Any], kind: str) -> Array:
    """Return the environment's frame that is all 0 for an agent, the padding before an episode."""
    low = grid_bounds(space)[0] if kind == "grid" else np.zeros(space.shape or ())
    return low.astype(space.dtype)


def assumption(space: gym.Space[Any]) -> str:
    """Return a sentence on the default kind of observations of several axes, else ""."""
    shape, kind = space.shape or (), kind_of(space)
    if kind is None or len(shape) < 2:
        return ""
    details = f"{math.prod(shape)} numbers without spatial structure"
    if kind != "vector":
        layout = layout_of(shape, kind)
        height, width = layout.sides
        details = f"{height} rows, {width} columns, {layout.shape[0]} channels"
        details = details.removesuffix("s") if layout.shape[0] == 1 else details
        details += ", scaled by their bounds" if kind == "grid" else ", scaled from 0..255"
    others = [f"env.obs={each}" for each in CHOICES if each != kind and _possible(space, each)]
    hint = f"; if that is wrong, set {' or '.join(others)}" if others else ""
    axes, article = "x".join(map(str, shape)), "an" if kind == "image" else "a"
    return (
        f"observations of {axes} {np.dtype(space.dtype).name} are treated as {article} {kind} "
        f"({details}){hint}"
    )


def _possible(space: gym.Space[Any], choice: ObsChoice) -> bool:
    try:
        return kind_of(space, choice) is not None
    except ValueError:
        return False
