"""Pictures of tables: the values and policy of a grid world, or all values of a table."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

import numpy as np

from rlrun.core.types import Array
from rlrun.media.canvas import Colour, Picture
from rlrun.tables.marks import Arrow, Kind, Marks

SCALE = np.array(  # from low to high, perceptually even, safe for colour-blind readers
    [(40, 30, 92), (58, 82, 139), (32, 144, 141), (94, 201, 98), (253, 231, 37)], np.float64
)
NOTHING: Colour = (226, 228, 233)  # impossible, or no action is taken there
WHITE: Colour = (255, 255, 255)
INK: Colour = (28, 30, 40)
GROUNDS: dict[Kind, Colour] = {
    "goal": (22, 128, 74),
    "hole": (52, 56, 70),
    "cliff": (150, 60, 40),
    "wall": (120, 124, 134),
}
GOLD: Colour = (247, 190, 48)
THUMBNAIL = 350  # width at which TensorBoard shows a picture until it is clicked
NARROWEST = 48  # width of a cell with a number
MOST_CELLS = 30  # rows or columns up to which a cell has a number and an arrow
SMALLEST, LARGEST = 11, 16  # size of text at the width of the thumbnail
MAX_NUMBERED = 128  # values up to which numbers are shown too
HIGH = 22  # height of a line with numbers, at the width of the thumbnail


def grid_world(
    values: Array,
    policy: Array,
    grid: tuple[int, int],
    arrows: Sequence[Arrow],
    ends: Container[int],
    marks: Marks | None = None,
) -> Array:
    """Draw a heat map of max_a Q(s, a), with arrows for the policy's actions.

    Its width is a multiple of TensorBoard's thumbnails, so that those are sharp, and numbers are
    as wide as a cell.

    Args:
        values, policy: ``[state, action]``.
        grid: number of rows and columns.
        arrows: direction of each action.
        ends: states in which no action is taken.
        marks: the start, goals, holes, ...; None: none.
    """
    marks = marks or Marks()
    rows, columns = grid
    value = values.max(-1)
    known = np.array([s not in ends and np.isfinite(v) for s, v in enumerate(value)])
    low, high = (value[known].min(), value[known].max()) if known.any() else (0.0, 0.0)
    colours = colour_of(value, low, high)
    colours[~known] = NOTHING
    for s, kind in marks.kinds.items():
        colours[s] = GROUNDS[kind]
    if max(rows, columns) > MOST_CELLS:
        cell = max(1, THUMBNAIL // columns)
        return colours.reshape(rows, columns, 3).repeat(cell, 0).repeat(cell, 1)
    zoom = math.ceil(columns * NARROWEST / THUMBNAIL)
    cell = THUMBNAIL * zoom // columns
    edge = (THUMBNAIL * zoom - columns * cell) / 2
    line = (LARGEST + 4) * zoom
    lines = _legend(marks, low, high)
    picture = Picture(THUMBNAIL * zoom, rows * cell + line * len(lines) + 8 * zoom, WHITE)
    for s in range(rows * columns):
        row, column = divmod(s, columns)
        x, y = edge + column * cell, float(row * cell + 2 * zoom)
        colour = tuple(colours[s].tolist())
        picture.box(x + zoom, y + zoom, cell - 2 * zoom, cell - 2 * zoom, colour, cell / 12)
        if s in marks.kinds:
            if letter := LETTERS[marks.kinds[s]]:
                picture.text(x + cell / 2, y + cell / 2, letter, cell / 2, WHITE)
        elif known[s]:
            ink = _ink(colour)
            for action in np.flatnonzero(policy[s]).tolist():
                _draw_arrow(picture, x + cell / 2, y + 0.37 * cell, arrows[action], ink, cell)
            _fit(picture, x + cell / 2, y + 0.81 * cell, short(value[s]), cell, 0.34 * cell, ink)
            _draw_badges(picture, x, y, cell, zoom, s, marks)
    for number, text in enumerate(lines):
        y = rows * cell + line * (number + 0.5) + 5.0 * zoom
        picture.text(6 * zoom, y, text, (SMALLEST + 2) * zoom, INK, "lm")
    return picture.array()


LETTERS: dict[Kind, str] = {"goal": "G", "hole": "H", "cliff": "C", "wall": ""}


def _legend(marks: Marks, low: float, high: float) -> list[str]:
    """Return the lines below a grid world."""
    names = ["S start"] * bool(marks.starts)
    names += [f"{LETTERS[kind]} {kind}" for kind in LETTERS if kind in marks.kinds.values()]
    if marks.rewards:
        names.append("gold: reward on entering")
    value = f"value from {short(low)} (dark) to {short(high)} (light)"
    return [value, ", ".join(name.strip() for name in names)] if names else [value]


def short(value: float) -> str:
    """Format a value in about five characters, the most that fit into a cell."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    size = abs(value)
    if size >= 99_999.5 or size < 0.005:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.2f}" if size < 9.995 else f"{value:.1f}" if size < 99.95 else f"{value:.0f}"


def _draw_badges(
    picture: Picture, x: float, y: float, cell: float, zoom: int, state: int, marks: Marks
) -> None:
    """Mark a cell, whose corner is given, as a start (S) and with the reward for entering it."""
    size = max(0.29 * cell, SMALLEST * zoom)
    if state in marks.starts:
        picture.disc(x + 0.55 * size, y + 0.55 * size, size / 2, WHITE)
        picture.text(x + 0.55 * size, y + 0.55 * size, "S", 0.85 * size, INK)
    if state in marks.rewards:
        label = f"{marks.rewards[state]:+.3g}"
        width = 0.42 * size * (len(label) + 1)
        left = x + cell - width - 0.1 * size
        picture.box(left, y + 0.1 * size, width, size, GOLD, size / 2)
        picture.text(left + width / 2, y + 0.6 * size, label, 0.75 * size, INK)


def _fit(
    picture: Picture, x: float, y: float, words: str, width: float, size: float, colour: Colour
) -> None:
    """Write text centred at a point, smaller than ``size`` if the width does not suffice."""
    room = 0.9 * width / picture.width_of(words, 1.0)
    picture.text(x, y, words, min(size, room), colour)


def _ink(ground: Colour) -> Colour:
    """Return a text colour that is legible on ``ground``."""
    red, green, blue = ground
    return INK if 0.3 * red + 0.6 * green + 0.1 * blue > 125 else WHITE


def _draw_arrow(
    picture: Picture, x: float, y: float, arrow: Arrow, colour: Colour, cell: float
) -> None:
    """Draw an arrow centred at a point, or a dot for an action that does not move."""
    _, right, down = arrow
    unit = cell / 84
    if not right and not down:
        picture.disc(x, y, 5 * unit, colour)
        return

    def at(along: float, across: float) -> tuple[float, float]:
        along, across = along * unit, across * unit
        return x + along * right - across * down, y + along * down + across * right

    picture.shape([at(-16, -3), at(5, -3), at(5, 3), at(-16, 3)], colour)
    picture.shape([at(4, -10), at(19, 0), at(4, 10)], colour)


def whole_table(values: Array) -> Array:
    """Draw all values ``[state, action]``, one line per state; small tables also show numbers.

    A large table is split into columns to make the picture about square.
    """
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    colours = colour_of(values, low, high)
    colours[~np.isfinite(values)] = NOTHING
    return _numbers(values, colours) if values.size <= MAX_NUMBERED else _blocks(colours)


def _numbers(values: Array, colours: Array) -> Array:
    """Draw a small table with its numbers."""
    states, actions = values.shape
    zoom = math.ceil((actions + 1) * NARROWEST / THUMBNAIL)
    width, high = THUMBNAIL * zoom / (actions + 1), HIGH * zoom
    size = LARGEST * zoom
    picture = Picture(THUMBNAIL * zoom, (states + 1) * high, WHITE)
    for action in range(actions):
        title = f"action {action}" if actions > 1 else "value"
        _fit(picture, (action + 1.5) * width, high / 2, title, width, size, INK)
    for s in range(states):
        y = (s + 1) * high
        _fit(picture, width / 2, y + high / 2, f"state {s}", width, size, INK)
        for action in range(actions):
            x, colour = (action + 1) * width, tuple(colours[s, action].tolist())
            picture.box(x + zoom, y + zoom, width - 2 * zoom, high - 2 * zoom, colour, 3 * zoom)
            value = values[s, action]
            label = short(value) if np.isfinite(value) else "impossible"
            _fit(picture, x + width / 2, y + high / 2, label, width, size, _ink(colour))
    return picture.array()


def _blocks(colours: Array) -> Array:
    """Draw a large table as colours only, from ``colours [state, action, channel]``."""
    states, actions, _ = colours.shape
    cell = max(1, min(24, int(math.sqrt(250_000 / (states * actions)))))
    lines = min(states, math.ceil(math.sqrt(states * (actions + 1))))
    columns = math.ceil(states / lines)
    page = np.full((lines, columns, actions + 1, 3), WHITE, np.uint8)  # white between columns
    for column in range(columns):
        part = colours[column * lines : (column + 1) * lines]
        page[: len(part), column, :actions] = part
    flat = page.reshape(lines, columns * (actions + 1), 3)[:, :-1]
    return flat.repeat(cell, 0).repeat(cell, 1)


def colour_of(values: Array, low: float, high: float) -> Array:
    """Return colours uint8 ``[..., channel]`` on the scale from ``low`` to ``high``.

    If the two are equal, that is the middle of the scale.
    """
    span = high - low
    share = (values - low) / span if span > 0 else np.full(values.shape, 0.5)
    place = np.clip(np.nan_to_num(share), 0.0, 1.0) * (len(SCALE) - 1)
    below = np.minimum(place.astype(np.int64), len(SCALE) - 2)
    part = (place - below)[..., None]
    colour: Array = (1 - part) * SCALE[below] + part * SCALE[below + 1]
    return colour.round().astype(np.uint8)
