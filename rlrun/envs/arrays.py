"""What an array of observations is: an image, a grid of small whole numbers, or a vector."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import IMAGE_SIDE, Array

ObsChoice: TypeAlias = Literal["image", "grid", "vector"]
"""``env.obs``, which decides it; None where `kind_of` is to guess."""
CHOICES: tuple[ObsChoice, ...] = ("image", "grid", "vector")
EARLIER = cast("ObsChoice", "earlier")
"""In the place of a choice: the guess of versions without ``env.obs``, which nobody can write."""
CHANNELS = (1, 3, 4)  # grey, colours, colours and depth or opacity
BYTE = 255  # the largest


def array_space(space: gym.Space[Any]) -> spaces.Box | None:
    """The space as a Box, if its observations are one array of numbers; else None."""
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
    """What the observations of a space are; None where they are not one array of numbers.

    Whole numbers (bytes, booleans, integers) with two to four axes are an image where they are
    bytes from 0 to 255 and a side has 36 pixels or more; smaller ones, and those of fewer than 256
    different numbers, are a grid. The rest are vectors.

    Args:
        space: that of one observation.
        choice: what ``env.obs`` says; for `EARLIER` bytes are images, and the rest vectors.
        stack: how many frames of one image or grid lie along the first axis.

    Raises:
        ValueError: the choice is impossible for this space.
    """
    box = array_space(space) if choice == "grid" else space
    if not isinstance(box, spaces.Box):
        if choice in ("image", "grid"):
            raise ValueError(
                f"env.obs={choice} is for arrays of whole numbers with two to four axes, and its "
                f"observations are of the kind {type(space).__name__}: leave env.obs=null"
            )
        return None
    axes = len(box.shape) - (stack > 1)
    flat = not 2 <= axes <= (3 if stack > 1 else 4) or 0 in box.shape
    if choice in ("image", "grid"):
        if flat or not _suits(choice, box):
            numbers = "from 0 to 255" if choice == "image" else "of at most 256 different values"
            raise ValueError(
                f"env.obs={choice} is for two to four axes of whole numbers {numbers}, and its "
                f"observations are {box}: leave env.obs=null"
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
    """Whether the numbers of an array fit into bytes, as they are or counted from the lowest."""
    if choice == "image":
        integers = np.issubdtype(box.dtype, np.integer)
        return bool(integers) and int(box.low.min()) >= 0 and int(box.high.max()) <= BYTE
    whole = box.dtype == np.bool_ or np.issubdtype(box.dtype, np.integer)
    return bool(whole) and max(_spans(box)) <= BYTE


def _span(box: spaces.Box) -> int:
    """From the least of all numbers to the largest."""
    return int(box.high.max()) - int(box.low.min())


def _spans(box: spaces.Box) -> list[int]:
    """From the least to the largest of each number, exact also for the bounds of int64."""
    pairs = zip(box.low.ravel().tolist(), box.high.ravel().tolist(), strict=True)
    return [int(high) - int(low) for low, high in pairs]


class Layout(NamedTuple):
    """How an image or a grid lies in an array: its frames, channels and sides."""

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
    """The layout of an array of two to four axes; with four, or a stack, the first is of frames."""
    front = 1 if stack > 1 or len(shape) == 4 else 0
    frames, frame = (shape[0] if front else 1), shape[front:]
    if len(frame) == 2:
        return Layout(frames, 1, (frame[0], frame[1]), False)
    last = _grid_channels_last(*frame) if kind == "grid" else _channels_last(*frame)
    channels = frame[2] if last else frame[0]
    height, width = frame[:2] if last else frame[1:]
    return Layout(frames, channels, (height, width), last)


def _channels_last(first: int, middle: int, last: int) -> bool:
    """Whether an image is ``[height, width, channel]``, rather than channel first."""
    return last in CHANNELS or (first not in CHANNELS and last < first)


def _grid_channels_last(first: int, middle: int, last: int) -> bool:
    """Whether a grid is ``[height, width, channel]``: it can have many channels, and is small.

    Two sides that are equal are its height and width; otherwise the channels come first only
    where they are fewest.
    """
    if first == middle or middle == last:
        return first == middle
    return first >= min(middle, last)


def largest(space: gym.Space[Any], layout: Layout) -> tuple[int, ...]:
    """The largest number in each ``frames * channels`` of a grid, counted from the lowest."""
    box = array_space(space)
    assert box is not None
    spans = np.array(_spans(box)).reshape(box.shape)
    if layout.channels_last:
        spans = np.moveaxis(spans, -1, -3)
    return tuple(spans.reshape(layout.shape[0], -1).max(1).tolist())


def grid_bounds(space: gym.Space[Any]) -> tuple[Array, Array]:
    """The least and the largest of each number of a grid, in its own type, bytes for booleans."""
    box = array_space(space)
    assert box is not None
    whole = np.uint8 if box.dtype == np.bool_ else box.dtype
    return box.low.astype(whole), box.high.astype(whole)


def blank(space: gym.Space[Any], kind: str) -> Array:
    """The environment's own frame that is all 0 for an agent: it stands before an episode."""
    low = grid_bounds(space)[0] if kind == "grid" else np.zeros(space.shape or ())
    return low.astype(space.dtype)


def assumption(space: gym.Space[Any]) -> str:
    """What several axes of numbers are taken for without ``env.obs``: a sentence, or ""."""
    shape, kind = space.shape or (), kind_of(space)
    if kind is None or len(shape) < 2:
        return ""
    found = f"{math.prod(shape)} numbers without neighbours"
    if kind != "vector":
        layout = layout_of(shape, kind)
        height, width = layout.sides
        found = f"{height} rows, {width} columns, {layout.shape[0]} channels"
        found = found.removesuffix("s") if layout.shape[0] == 1 else found
        found += ", scaled by their bounds" if kind == "grid" else ", scaled from 0..255"
    others = [f"env.obs={each}" for each in CHOICES if each != kind and _possible(space, each)]
    wrong = f"; where that is wrong write {' or '.join(others)}" if others else ""
    axes, article = "x".join(map(str, shape)), "an" if kind == "image" else "a"
    return (
        f"observations of {axes} {np.dtype(space.dtype).name} are taken for {article} {kind} "
        f"({found}){wrong}"
    )


def _possible(space: gym.Space[Any], choice: ObsChoice) -> bool:
    try:
        return kind_of(space, choice) is not None
    except ValueError:
        return False
