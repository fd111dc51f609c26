"""Pictures of tables: the values and policy of a grid world, or all values of a table."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np

from rlrun.core.types import Array, Model
from rlrun.media.canvas import Colour, Picture

SCALE = np.array(  # from low to high, perceptually even, safe for colour-blind readers
    [(40, 30, 92), (58, 82, 139), (32, 144, 141), (94, 201, 98), (253, 231, 37)], np.float64
)
NOTHING: Colour = (226, 228, 233)  # impossible, or no action is taken there
WHITE: Colour = (255, 255, 255)
INK: Colour = (28, 30, 40)
PLACE = 72  # width of a grid cell, in pixels
EDGE = 6
LEGEND = 30
MAX_NUMBERED = 128  # values up to which numbers are shown too
WIDE, HIGH = 92, 30  # width and height of a cell with a number
SIGNS = "→↗↑↖←↙↓↘"


class Arrow(NamedTuple):
    """The direction of an action: a sign, and a vector (right, down) of length 1 or 0."""

    sign: str
    right: float
    down: float


def arrows(model: Model) -> list[Arrow]:
    """Return the direction of each action on the model's grid: that of its average step.

    This works for any grid world, including slippery ones. Without a grid the list is empty.
    """
    if model.grid is None:
        return []
    states = np.arange(len(model.start))
    row, column = np.divmod(states, model.grid[1])
    down = row[model.next_state] - row[:, None, None]
    right = column[model.next_state] - column[:, None, None]
    near = (np.abs(down) <= 1) & (np.abs(right) <= 1)  # not resets to the start
    chance = model.probability * near
    x, y = ((chance * way).sum((0, 2)) for way in (right, down))
    return [_arrow(float(a), float(b)) for a, b in zip(x, y, strict=True)]


def _arrow(right: float, down: float) -> Arrow:
    if math.hypot(right, down) < 1e-9:
        return Arrow("·", 0.0, 0.0)
    turn = round(math.atan2(-down, right) / (math.pi / 4)) % 8
    angle = turn * math.pi / 4
    return Arrow(SIGNS[turn], math.cos(angle), -math.sin(angle))


def ends(model: Model) -> frozenset[int]:
    """Return the states in which no action is ever taken: holes, goals, unreachable ones."""
    leads = (model.probability > 0) & (model.alive > 0)  # [state, action, outcome]
    reached = model.start > 0
    while True:
        successors = np.zeros_like(reached)
        successors[model.next_state[reached][leads[reached]]] = True
        if not (successors & ~reached).any():
            return frozenset(np.flatnonzero(~reached).tolist())
        reached |= successors


def grid_world(
    values: Array,
    policy: Array,
    grid: tuple[int, int],
    arrows: Sequence[Arrow],
    ends: Container[int],
) -> Array:
    """Draw a heat map of max_a Q(s, a), with arrows for the policy's actions.

    Args:
        values, policy: ``[state, action]``.
        grid: number of rows and columns.
        arrows: direction of each action.
        ends: states in which no action is taken.
    """
    rows, columns = grid
    picture = Picture(columns * PLACE + 2 * EDGE, rows * PLACE + 2 * EDGE + LEGEND, WHITE)
    value = values.max(-1)
    known = np.array([s not in ends and np.isfinite(v) for s, v in enumerate(value)])
    low, high = (value[known].min(), value[known].max()) if known.any() else (0.0, 0.0)
    colours = colour_of(value, low, high)
    for s in range(rows * columns):
        row, column = divmod(s, columns)
        x, y = EDGE + column * PLACE, EDGE + row * PLACE
        if not known[s]:
            picture.box(x + 1, y + 1, PLACE - 2, PLACE - 2, NOTHING, 6)
            continue
        colour = tuple(colours[s].tolist())
        ink = _ink(colour)
        picture.box(x + 1, y + 1, PLACE - 2, PLACE - 2, colour, 6)
        for action in np.flatnonzero(policy[s]).tolist():
            _draw_arrow(picture, x + PLACE / 2, y + PLACE / 2 - 7, arrows[action], ink)
        picture.text(x + PLACE / 2, y + PLACE - 13, f"{value[s]:.3g}", 13, ink)
    label = f"value from {low:.3g} (dark) to {high:.3g} (light)"
    picture.text(EDGE + 2, rows * PLACE + EDGE + LEGEND / 2 + 2, label, 13, INK, "lm")
    return picture.array()


def _ink(ground: Colour) -> Colour:
    """Return a text colour that is legible on ``ground``."""
    red, green, blue = ground
    return INK if 0.3 * red + 0.6 * green + 0.1 * blue > 125 else WHITE


def _draw_arrow(picture: Picture, x: float, y: float, arrow: Arrow, colour: Colour) -> None:
    """Draw an arrow centred at a point, or a dot for an action that does not move."""
    _, right, down = arrow
    if not right and not down:
        picture.disc(x, y, 4, colour)
        return

    def at(along: float, across: float) -> tuple[float, float]:
        return x + along * right - across * down, y + along * down + across * right

    picture.shape([at(-15, -2), at(6, -2), at(6, 2), at(-15, 2)], colour)
    picture.shape([at(5, -8), at(17, 0), at(5, 8)], colour)


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
    picture = Picture((actions + 1) * WIDE, (states + 1) * HIGH, WHITE)
    for action in range(actions):
        title = f"action {action}" if actions > 1 else "value"
        picture.text((action + 1.5) * WIDE, HIGH / 2, title, 13, INK)
    for s in range(states):
        y = (s + 1) * HIGH
        picture.text(WIDE / 2, y + HIGH / 2, f"state {s}", 13, INK)
        for action in range(actions):
            x, colour = (action + 1) * WIDE, tuple(colours[s, action].tolist())
            picture.box(x + 1, y + 1, WIDE - 2, HIGH - 2, colour, 4)
            value = values[s, action]
            label = f"{value:.4g}" if np.isfinite(value) else "impossible"
            picture.text(x + WIDE / 2, y + HIGH / 2, label, 13, _ink(colour))
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
