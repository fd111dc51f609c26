"""The Mars rover: seven places in a row, a little to gain on the left and much on the right."""

from __future__ import annotations

from rlrun.games.table import Colour, Model, Outcome, Picture, TableEnv
from rlrun.types import Array

STATES = ("s1", "s2", "s3", "s4", "s5", "s6", "s7")
ACTIONS = ("left", "stay", "right")
START = 3
REWARDS = (0.0, 1.0, 0.0, 0.0, 0.0, 10.0, 0.0)  # of the state entered
LAST = len(STATES) - 1

CELL, EDGE = 84, 66  # width of a place, and of the abyss or the rock at either end
WIDTH, HEIGHT, GROUND = len(STATES) * CELL + 2 * EDGE, 230, 140  # GROUND is the surface's y
SKY: Colour = (246, 219, 194)
ABYSS: Colour = (74, 43, 41)
SOIL: Colour = (193, 92, 57)
SAND: Colour = (222, 130, 86)
ROCK: Colour = (126, 73, 60)
CREAM: Colour = (255, 246, 232)
INK: Colour = (52, 38, 41)
METAL: Colour = (226, 230, 236)
PANEL: Colour = (44, 92, 150)
GOLD: Colour = (247, 190, 48)


class MarsRover(TableEnv):
    """A rover among states s1 to s7, observed as 0 to 6, that begins in the middle, in s4.

    Actions: 0 left, 1 stay, 2 right. Rewards belong to the state entered: 1 in s2, 10 in s6, and
    again for every step in which the rover stays there. Going left from s1 or right from s7 it
    falls off: reward 0, terminated, and the observation is still the state it left.

    In the stochastic variant (a Markov reward process) the action does not matter: 0.4 to the
    left, 0.2 to stay, 0.4 to the right; s1 and s7 have a rock at their edge, so that the rover
    stays there with 0.6. Nothing terminates; the registered time limit of 100 steps ends an
    episode in both variants.

    Source: E. Brunskill, Stanford CS234 "Reinforcement Learning", lecture 2, in which the
    rewards stand at s1 and s7.

    Args:
        stochastic: whether the rover drifts as it likes.
        render_mode: ``ansi`` or ``rgb_array``.
    """

    def __init__(self, stochastic: bool = False, render_mode: str | None = None) -> None:
        self._stochastic = stochastic
        super().__init__(_drifting() if stochastic else _driven(), START, STATES, ACTIONS, render_mode)

    def _picture(self) -> Array:
        picture = Picture(WIDTH, HEIGHT, SKY)
        picture.disc(WIDTH - 128, 48, 22, CREAM)  # the sun
        for side in (0, WIDTH - EDGE):
            if self._stochastic:
                picture.box(side, GROUND - 62, EDGE, HEIGHT, ROCK)
            else:
                picture.box(side, GROUND, EDGE, HEIGHT, ABYSS)
        for place, reward in enumerate(REWARDS):
            x = EDGE + place * CELL
            picture.box(x, GROUND, CELL, HEIGHT, SOIL)
            picture.box(x + 1, GROUND, CELL - 2, 9, SAND)
            picture.text(x + CELL / 2, GROUND + 34, STATES[place], 22, CREAM)
            if reward:
                picture.box(x + CELL / 2 - 23, GROUND + 52, 46, 24, GOLD, 12)
                picture.text(x + CELL / 2, GROUND + 64, f"{reward:+g}", 16, INK)
        picture.text(24, 36, self._said() or "start", 18, INK, "lm")
        self._draw_rover(picture)
        return picture.array()

    def _draw_rover(self, picture: Picture) -> None:
        place, y = self.s, GROUND
        if self._last and self._last.terminated:
            place, y = place + self._last.action - 1, GROUND + 62  # over the edge and down
        x = EDGE + (place + 0.5) * CELL
        picture.box(x + 11, y - 56, 3, 26, INK)  # mast
        picture.box(x + 5, y - 62, 17, 10, METAL, 3)  # camera
        picture.disc(x + 17, y - 57, 3, INK)
        picture.shape([(x - 29, y - 44), (x + 3, y - 44), (x + 7, y - 37), (x - 25, y - 37)], PANEL)
        picture.box(x - 13, y - 38, 4, 8, INK)
        picture.box(x - 27, y - 32, 54, 15, METAL, 5)
        for wheel in (-20, 0, 20):
            picture.disc(x + wheel, y - 9, 9, INK)
            picture.disc(x + wheel, y - 9, 4, METAL)


def _driven() -> Model:
    """The model in which the rover goes where it is told."""

    def outcome(state: int, move: int) -> Outcome:
        there = state + move
        if 0 <= there <= LAST:
            return 1.0, there, REWARDS[there], False
        return 1.0, state, 0.0, True

    return {
        s: {a: [outcome(s, a - START_MOVE)] for a in range(len(ACTIONS))} for s in range(LAST + 1)
    }
