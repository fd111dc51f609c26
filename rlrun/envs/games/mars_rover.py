"""The Mars rover: seven states in a row, a small reward on the left, a large one on the right."""

from __future__ import annotations

from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transition, signed
from rlrun.media.canvas import Colour, Picture

STATES = ("s1", "s2", "s3", "s4", "s5", "s6", "s7")
ACTIONS = ("left", "stay", "right")
START = 3
REWARDS = (0.0, 1.0, 0.0, 0.0, 0.0, 10.0, 0.0)  # of the state entered
MOVES = (-1, 0, 1)  # of the actions

CELL = 80  # the width of a state, and of the abyss or the rock at either end
WIDTH, HEIGHT, GROUND = (len(STATES) + 2) * CELL, 230, 140  # GROUND is the height of the surface
SKY: Colour = (246, 219, 194)
ABYSS: Colour = (112, 72, 64)
SOIL: Colour = (193, 92, 57)
SAND: Colour = (222, 130, 86)
ROCK: Colour = (126, 73, 60)
CREAM: Colour = (255, 246, 232)
INK: Colour = (52, 38, 41)
METAL: Colour = (128, 139, 158)
PANEL: Colour = (34, 88, 160)
GOLD: Colour = (247, 190, 48)


class MarsRover(TableEnv):
    """A rover that moves among states s1 to s7, observed as 0 to 6, and starts in the middle, s4.

    Actions: 0 left, 1 stay, 2 right. Rewards belong to the state entered: 1 in s2, 10 in s6, also
    for every step in which the rover stays there. A rover that moves left from s1 or right from s7
    falls off: reward 0, terminated, and the observation is still the state before the fall.

    In the stochastic variant (a Markov reward process) the action has no effect: the rover moves
    left with probability 0.4, stays with 0.2 and moves right with 0.4. Rocks stop it at both ends,
    so in s1 and s7 it stays with 0.6, and no episode terminates. In both variants the registered
    time limit truncates episodes after 100 steps.

    After the Mars rover in E. Brunskill's lectures on reinforcement learning (Stanford CS234).

    Args:
        stochastic: whether the rover drifts at random.
        render_mode: ``ansi`` or ``rgb_array``.
    """

    shape = (1, len(STATES))  # of the grid whose cells are the states

    def __init__(self, stochastic: bool = False, render_mode: str | None = None) -> None:
        self._stochastic = stochastic
        outcomes = _drift if stochastic else _drive
        model = {s: {a: outcomes(s, a) for a in range(len(ACTIONS))} for s in range(len(STATES))}
        super().__init__(model, START, STATES, ACTIONS, render_mode)

    def _picture(self) -> Array:
        picture = Picture(WIDTH, HEIGHT, SKY)
        picture.disc(WIDTH - 140, 48, 22, CREAM)  # the sun
        for side in (0, WIDTH - CELL):
            if self._stochastic:
                picture.box(side, GROUND - 62, CELL, HEIGHT, ROCK)
            else:
                picture.box(side, GROUND, CELL, HEIGHT, ABYSS)
        for place, reward in enumerate(REWARDS):
            x = (place + 1) * CELL
            picture.box(x, GROUND, CELL, HEIGHT, SOIL)
            picture.box(x + 1, GROUND, CELL - 2, 9, SAND)
            picture.text(x + CELL / 2, GROUND + 34, STATES[place], 22, CREAM)
            if reward:
                picture.box(x + CELL / 2 - 23, GROUND + 52, 46, 24, GOLD, 12)
                picture.text(x + CELL / 2, GROUND + 64, signed(reward), 16, INK)
        picture.text(24, 36, self._last_step() or "start", 18, INK, "lm")
        self._draw_rover(picture)
        return picture.array()

    def _draw_rover(self, picture: Picture) -> None:
        place, y = self.s, GROUND
        if self._last and self._last.terminated:
            place, y = place + MOVES[self._last.action], GROUND + 62  # over the edge and down
        x = (place + 1.5) * CELL
        picture.box(x + 11, y - 56, 3, 26, INK)  # mast
        picture.box(x + 5, y - 62, 17, 10, METAL, 3)  # camera
        picture.disc(x + 17, y - 57, 3, INK)
        picture.shape([(x - 29, y - 44), (x + 3, y - 44), (x + 7, y - 37), (x - 25, y - 37)], PANEL)
        picture.box(x - 13, y - 38, 4, 8, INK)
        picture.box(x - 27, y - 32, 54, 15, METAL, 5)
        for wheel in (-20, 0, 20):
            picture.disc(x + wheel, y - 9, 9, INK)
            picture.disc(x + wheel, y - 9, 4, METAL)


def _drive(state: int, action: int) -> list[Transition]:
    """Return the outcome of an action: the rover moves as it says."""
    next_state = state + MOVES[action]
    if 0 <= next_state < len(STATES):
        return [(1.0, next_state, REWARDS[next_state], False)]
    return [(1.0, state, 0.0, True)]


def _drift(state: int, action: int) -> list[Transition]:
    """Return the outcomes of a random move; at the edges the rover stays instead of falling off."""
    stay = 0.6 if state in (0, len(STATES) - 1) else 0.2
    chances = ((state - 1, 0.4), (state, stay), (state + 1, 0.4))
    return [(p, s, REWARDS[s], False) for s, p in chances if 0 <= s < len(STATES)]
