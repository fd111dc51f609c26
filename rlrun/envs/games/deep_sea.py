"""Deep Sea (Osband et al. 2020): a treasure that only one long series of actions finds."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transition
from rlrun.media.canvas import Colour, Picture

LARGEST = 100  # size of the sea
MOVE_COST = 0.01  # of an episode that always moves right

PICTURE, HEADER, EDGE = 480, 44, 12
GROUND: Colour = (238, 240, 244)
WATER: Colour = (203, 223, 243)
FLOOR: Colour = (196, 178, 140)
TREASURE: Colour = (214, 158, 20)
DIVER: Colour = (37, 99, 176)
INK: Colour = (40, 46, 58)


class DeepSea(TableEnv):
    """A diver sinks by one row in each step, and moves to the left or to the right.

    A sea of ``size`` columns and as many rows of water has the diver at the top left at first. Each
    step leads one row down, and one column to the right or the left; at the left and right edge the
    diver sinks straight down. The step from the last row of water ends the episode on the sea
    floor, so that every episode has ``size`` steps. The observation is the number of the cell, row
    times ``size`` plus column, both counted from 0; the floor is row number ``size``.

    Which of the two actions moves right is drawn for each cell, from ``mapping_seed``: neither
    always the first nor always the last action leads to the treasure.

    A move to the right costs 0.01 / ``size``. The treasure, reward 1, is for a move to the right in
    the last row and column of water, which only an episode that moved right in every step reaches:
    one of 2^size series of actions. Its return is 0.99, the best one; without the treasure the best
    is 0, that of an episode which never moves right. Random actions find it in one of 2^size
    episodes.

    After bsuite's ``deep_sea`` without noise (Osband et al. 2020, arXiv 1908.03568), in which the
    observation after the last step is empty.

    Args:
        size: the number of rows and of columns.
        mapping_seed: seed of the actions' meanings; None for 0 left and 1 right, everywhere.
        render_mode: ``ansi`` or ``rgb_array``.

    Raises:
        ValueError: ``size`` is not a whole number from 2 to 100, or the seed not one of at least 0.
    """

    def __init__(
        self, size: int = 10, mapping_seed: int | None = 0, render_mode: str | None = None
    ) -> None:
        if type(size) is not int or not 2 <= size <= LARGEST:
            raise ValueError(f"size must be a whole number from 2 to {LARGEST}, got {size!r}")
        if mapping_seed is not None and (type(mapping_seed) is not int or mapping_seed < 0):
            raise ValueError(
                f"mapping_seed must be a whole number of at least 0, or null, got {mapping_seed!r}"
            )
        self.shape = size + 1, size  # of the grid whose cells are the states
        self._right: Array = np.ones(size * size, np.int64)
        if mapping_seed is not None:
            self._right = np.random.default_rng(mapping_seed).integers(0, 2, size * size)
        states = range(size * (size + 1))
        model = {s: {a: [self._outcome(s, a)] for a in (0, 1)} for s in states}
        names = [str(list(divmod(s, size))) for s in states]
        super().__init__(model, 0, names, ("0", "1"), render_mode)

    def _outcome(self, state: int, action: int) -> Transition:
        size = self.shape[1]
        row, column = divmod(state, size)
        if row == size:
            return 1.0, state, 0.0, True
        right = action == self._right[state]
        found = right and row == column == size - 1
        there = min(column + 1, size - 1) if right else max(column - 1, 0)
        reward = float(found) - MOVE_COST / size * right
        return 1.0, state + size + there - column, reward, row == size - 1

    def _last_step(self) -> str:
        """Describe the last step by its direction; "" before the first one."""
        if self._last is None:
            return ""
        state, action, _, reward, terminated = self._last
        water = state < len(self._right)
        words = "right" if water and action == self._right[state] else "left"
        words += f", reward {reward:.4g}"
        return f"{words}, end" if terminated else words

    def _text(self) -> str:
        """Return a line for each row, the diver as "o", the treasure as "$", and the last step."""
        rows, columns = self.shape
        cells = ["."] * (rows * columns)
        cells[columns * columns :] = "_" * columns
        cells[-1] = "$"
        cells[self.s] = "o"
        lines = ["".join(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
        return "\n".join([*lines, self._last_step() or "start"])

    def _picture(self) -> Array:
        rows, columns = self.shape
        cell = max(4, PICTURE // columns)
        picture = Picture(columns * cell + 2 * EDGE, rows * cell + HEADER + EDGE, GROUND)
        picture.text(EDGE + 2, HEADER / 2, self._last_step() or "start", 16, INK, "lm")
        water = columns * cell
        picture.box(EDGE, HEADER, water, water, WATER, 0)
        picture.box(EDGE, HEADER + water, water, cell, FLOOR, 0)
        picture.box(EDGE + water - cell, HEADER + water, cell, cell, TREASURE, 0)
        row, column = divmod(self.s, columns)
        x, y = EDGE + (column + 0.5) * cell, HEADER + (row + 0.5) * cell
        picture.disc(x, y, 0.4 * cell, DIVER)
        return picture.array()
