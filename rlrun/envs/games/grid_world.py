"""A grid world of any size, with walls, terminal cells and moves that may slip to the side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transition, real, signed
from rlrun.media.canvas import Colour, Picture

ACTIONS = ("up", "right", "down", "left")
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # rows and columns, of the actions
MOST_CELLS = 10_000  # of a grid

CELL, HEADER, EDGE = 72, 44, 12
NARROWEST, LARGEST = 288, 720  # the width of the text of a step, and of a large grid
GROUND: Colour = (238, 240, 244)
FLOOR: Colour = (255, 255, 255)
WALL: Colour = (120, 124, 134)
GOOD: Colour = (22, 128, 74)
BAD: Colour = (52, 56, 70)
HERE: Colour = (37, 99, 176)
INK: Colour = (40, 46, 58)


class GridWorld(TableEnv):
    """A robot in a grid of rows and columns, whose moves may slip to the side.

    Actions: 0 up, 1 right, 2 down, 3 left. With probability ``slip`` the robot moves at a right
    angle to what the action says instead, to either side with the same probability; where a wall or
    the edge of the grid is in its way it stays. The observation is the number of its cell: row
    times ``columns`` plus column, both counted from 0 at the top left.

    The reward of every step is ``step_reward``; a step into a terminal cell also has the reward of
    that cell. The registered time limit is 100 steps.

    The default is the world of 3 x 4 cells in S. Russell and P. Norvig, "Artificial Intelligence: A
    Modern Approach", the chapter on complex decisions. With ``gamma=1`` the values are those of its
    third edition, which adds up the rewards of the states on the way; the fourth does not count
    ``step_reward`` for the last step, so its values are 0.04 higher.

    Args:
        rows, columns: the size of the grid.
        walls: the cells ``[row, column]`` that cannot be entered.
        start: the cell in which episodes begin.
        terminals: the goals and other cells that end an episode, ``[row, column, reward]``.
        step_reward: the reward of every step.
        slip: the probability of a move to the side.
        render_mode: ``ansi`` or ``rgb_array``.

    Raises:
        ValueError: these do not describe a grid world.
    """

    def __init__(
        self,
        rows: int = 3,
        columns: int = 4,
        walls: Sequence[Sequence[int]] = ((1, 1),),
        start: Sequence[int] = (2, 0),
        terminals: Sequence[Sequence[float]] = ((0, 3, 1.0), (1, 3, -1.0)),
        step_reward: float = -0.04,
        slip: float = 0.2,
        render_mode: str | None = None,
    ) -> None:
        for name, number in (("rows", rows), ("columns", columns)):
            if not isinstance(number, int) or number < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {number}")
        if rows * columns > MOST_CELLS:
            raise ValueError(f"rows times columns must be at most {MOST_CELLS:,}")
        slip = real("slip", slip, 0.0, 1.0)
        step_reward = real("step_reward", step_reward)
        self.shape = rows, columns  # of the grid whose cells are the states
        self._walls = {self._cell("walls", each) for each in _listed("walls", walls)}
        self._ends = {
            self._cell("terminals", each, ", reward"): float(each[2])
            for each in _listed("terminals", terminals)
        }
        begin = self._cell("start", start)
        for name, cells in (("walls", self._walls), ("terminals", self._ends)):
            if begin in cells:
                raise ValueError(f"start={list(start)} is one of the {name}: choose another cell")
        for cell in self._walls & self._ends.keys():
            raise ValueError(f"{list(divmod(cell, columns))} is in both walls and terminals")
        states = range(rows * columns)
        model = {s: self._outcomes(s, step_reward, slip) for s in states}
        names = [str(list(divmod(s, columns))) for s in states]
        super().__init__(model, begin, names, ACTIONS, render_mode)

    def _cell(self, name: str, values: Any, more: str = "") -> int:
        """Return the number of a cell of the grid. Raises ValueError if it is not one."""
        rows, columns = self.shape
        try:
            row, column, *reward = values
            valid = 0 <= row < rows and 0 <= column < columns and row == int(row)
            valid &= column == int(column) and len(reward) == bool(more)
            valid = valid and all(math.isfinite(number) for number in reward)
        except (TypeError, ValueError):
            valid = False
        if not valid:
            shown = list(values) if isinstance(values, Sequence) else values
            raise ValueError(
                f"{name} has [row, column{more}] with rows from 0 to {rows - 1} and columns from 0 "
                f"to {columns - 1}, got {shown}"
            )
        return int(row) * columns + int(column)

    def _outcomes(self, state: int, step_reward: float, slip: float) -> dict[int, list[Transition]]:
        """Return the outcomes of each action; those of walls and terminals are never used."""
        if state in self._walls or state in self._ends:
            return {action: [(1.0, state, 0.0, True)] for action in range(len(ACTIONS))}
        outcomes = {}
        for action in range(len(ACTIONS)):
            chances: dict[int, float] = {}
            for turn, chance in ((0, 1 - slip), (-1, slip / 2), (1, slip / 2)):
                there = self._moved(state, (action + turn) % len(ACTIONS))
                chances[there] = chances.get(there, 0.0) + chance
            outcomes[action] = [
                (chance, there, step_reward + self._ends.get(there, 0.0), there in self._ends)
                for there, chance in chances.items()
                if chance > 0
            ]
        return outcomes

    def _moved(self, state: int, action: int) -> int:
        """Return the cell in a direction; the same one if a wall or the edge is in the way."""
        rows, columns = self.shape
        row, column = (x + dx for x, dx in zip(divmod(state, columns), MOVES[action], strict=True))
        there = row * columns + column
        inside = 0 <= row < rows and 0 <= column < columns
        return there if inside and there not in self._walls else state

    def _label(self, state: int) -> str:
        """Return the reward of a terminal cell, "#" for a wall, "." for any other cell."""
        if state in self._walls:
            return "#"
        return signed(self._ends[state]) if state in self._ends else "."

    def _text(self) -> str:
        """Return a line for each row, with the robot's cell in brackets, and the last step."""
        rows, columns = self.shape
        labels = [self._label(s) for s in range(rows * columns)]
        width = max(map(len, labels))
        cells = [
            f"[{label:^{width}}]" if s == self.s else f" {label:^{width}} "
            for s, label in enumerate(labels)
        ]
        lines = ["".join(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
        return "\n".join([*lines, self._last_step() or "start"])

    def _picture(self) -> Array:
        rows, columns = self.shape
        cell = max(8, min(CELL, LARGEST // max(rows, columns)))
        width = max(columns * cell, NARROWEST) + 2 * EDGE
        picture = Picture(width, rows * cell + HEADER + EDGE, GROUND)
        picture.text(EDGE + 2, HEADER / 2, self._last_step() or "start", 16, INK, "lm")
        for state in range(rows * columns):
            row, column = divmod(state, columns)
            x, y = EDGE + column * cell, HEADER + row * cell
            colour = WALL if state in self._walls else FLOOR
            if reward := self._ends.get(state):
                colour = GOOD if reward > 0 else BAD
            picture.box(x + 1, y + 1, cell - 2, cell - 2, colour, cell / 12)
            if state in self._ends:
                ink = FLOOR if reward else INK
                picture.text(x + cell / 2, y + cell / 2, self._label(state), cell / 3, ink)
            if state == self.s:
                picture.disc(x + cell / 2, y + cell / 2, 0.3 * cell, HERE)
        return picture.array()


def _listed(name: str, value: Any) -> Sequence[Any]:
    """Return a list of cells. Raises ValueError if the value is not one."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"{name} must be a list of cells, such as [[1,1],[0,2]], got {value}")
    return value
