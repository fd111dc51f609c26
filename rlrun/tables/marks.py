"""What the cells of a grid world are, from its model: start, goals, holes, cliffs, walls, rewards.

A model has no names for its cells. They follow from what happens at them: an episode ends there,
nothing leads there, a step towards them is punished, has no effect, or is rewarded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from rlrun.core.types import Array, Model

SIGNS = "→↗↑↖←↙↓↘"
Kind = Literal["goal", "hole", "cliff", "wall"]


class Arrow(NamedTuple):
    """The direction of an action: a sign, and a vector (right, down) of length 1 or 0."""

    sign: str
    right: float
    down: float


@dataclass(frozen=True)
class Marks:
    """The marked cells of a grid world, by state."""

    starts: frozenset[int] = frozenset()
    """Where episodes begin; empty if they may begin anywhere."""
    kinds: dict[int, Kind] = field(default_factory=dict)
    """The cells in which no action is taken.

    In a goal the episode ends well, in a hole it ends badly; a cliff is out of bounds, and a step
    into it is punished; a wall cannot be entered.
    """
    rewards: dict[int, float] = field(default_factory=dict)
    """The other cells that are rewarded when they are entered."""


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


def marks(model: Model) -> Marks:
    """Return the marked cells of the model's grid; nothing is marked without a grid."""
    if model.grid is None:
        return Marks()
    closed = ends(model)
    acting = np.array([s not in closed for s in range(len(model.start))])
    possible = (model.probability > 0) & acting[:, None, None]  # [state, action, outcome]
    steps = _Steps(*(each[possible] for each in (model.next_state, model.reward, model.alive)))
    usual = _most_common(steps.reward)
    kinds: dict[int, Kind] = _terminal(steps, closed, usual)
    directions = arrows(model)
    for state in closed - kinds.keys():
        if kind := _unreachable(state, model, directions, possible, usual):
            kinds[state] = kind
    starts = np.flatnonzero((model.start > 0) & acting)
    anywhere = len(starts) == acting.sum() > 1
    return Marks(
        frozenset() if anywhere else frozenset(starts.tolist()),
        kinds,
        _rewarded(steps, closed, usual),
    )


class _Steps(NamedTuple):
    """All steps that are possible, ``[step]`` each."""

    next_state: Array
    reward: Array
    alive: Array


def _most_common(rewards: Array) -> float:
    """Return the most common reward, the lowest one of several; 0 without any step."""
    values, counts = np.unique(rewards, return_counts=True)
    return float(values[counts.argmax()]) if len(values) else 0.0


def _terminal(steps: _Steps, closed: frozenset[int], usual: float) -> dict[int, Kind]:
    """Return the cells in which an episode ends: goals are those with the highest reward."""
    last = steps.alive == 0
    rewards = {
        state: float(steps.reward[last & (steps.next_state == state)].max())
        for state in np.unique(steps.next_state[last]).tolist()
        if state in closed
    }
    best = max(rewards.values(), default=0.0)
    return {s: "goal" if reward == best >= usual else "hole" for s, reward in rewards.items()}


def _unreachable(
    state: int, model: Model, directions: Sequence[Arrow], possible: Array, usual: float
) -> Kind | None:
    """Return what a cell is that no step leads to, by the steps towards it; None if unknown."""
    blocked = False
    for neighbour, action in _towards(state, model.grid or (0, 0), directions):
        here = possible[neighbour, action]
        reward, next_state = model.reward[neighbour, action], model.next_state[neighbour, action]
        if (here & (reward < usual) & (next_state != neighbour)).any():
            return "cliff"
        blocked |= bool((here & (next_state == neighbour)).any())
    return "wall" if blocked else None


def _towards(
    state: int, grid: tuple[int, int], directions: Sequence[Arrow]
) -> list[tuple[int, int]]:
    """Return the neighbours of a cell, each with an action in its direction."""
    rows, columns = grid
    row, column = divmod(state, columns)
    found = []
    for action, arrow in enumerate(directions):
        right, down = round(arrow.right), round(arrow.down)
        r, c = row - down, column - right
        if (right or down) and 0 <= r < rows and 0 <= c < columns:
            found.append((r * columns + c, action))
    return found


def _rewarded(steps: _Steps, closed: frozenset[int], usual: float) -> dict[int, float]:
    """Return the cells where episodes continue and that are always entered with more reward."""
    found = {}
    for state in set(np.unique(steps.next_state).tolist()) - closed:
        rewards = np.unique(steps.reward[(steps.next_state == state) & (steps.alive > 0)])
        if len(rewards) == 1 and rewards[0] > usual:
            found[state] = float(rewards[0])
    return found
