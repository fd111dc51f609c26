"""A Markov chain of four states, whose expected lengths are known: a problem of prediction."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transitions, real
from rlrun.media.canvas import Colour, Picture

STATES = ("s0", "s1", "s2", "s3")
END = 3
CHANCES = {0: {0: 0.7, 1: 0.2, 3: 0.1}, 1: {2: 0.9, 3: 0.1}, 2: {1: 1.0}}
"""The probabilities of the next states of each state that is not terminal."""

Point = tuple[float, float]
WIDTH, HEIGHT, RADIUS = 640, 370, 34
PLACES: dict[int, Point] = {0: (110, 150), 1: (320, 150), 2: (530, 150), 3: (320, 318)}
BENDS: dict[tuple[int, int], Point] = {  # the middle of each arrow's curve, and so its label
    (0, 0): (110, 40),
    (0, 1): (215, 150),
    (0, 3): (185, 268),
    (1, 2): (425, 90),
    (2, 1): (425, 210),
    (1, 3): (320, 226),
}
GROUND: Colour = (238, 240, 244)
CARD: Colour = (255, 255, 255)
HERE: Colour = (37, 99, 176)
LAST: Colour = (214, 120, 20)
INK: Colour = (40, 46, 58)
FAINT: Colour = (122, 130, 145)


class MarkovChain(TableEnv):
    """Four states, s0 to s3, observed as 0 to 3, and one action, which has no choice to make.

    - s0: stays with 0.7, goes to s1 with 0.2, to s3 with 0.1.
    - s1: goes to s2 with 0.9, to s3 with 0.1.
    - s2: always goes to s1.
    - s3: terminal.

    Episodes begin in s0. Every step of an episode has the same reward, also the last one, into s3.
    With the default of 1 and ``gamma=1`` the value of a state is therefore the expected number of
    steps until the episode ends: 16 in s0, 19 in s1, 20 in s2. The registered time limit is 1,000
    steps, which less than one episode in 10^20 reaches.

    After A. Géron, "Hands-On Machine Learning", the chapter on reinforcement learning, whose
    probabilities it has.

    Args:
        reward: the reward of every step.
        render_mode: ``ansi`` or ``rgb_array``.

    Raises:
        ValueError: the reward is not a finite number.
    """

    def __init__(self, reward: float = 1.0, render_mode: str | None = None) -> None:
        reward = real("reward", reward)
        model: Transitions = {
            state: {0: [(chance, to, reward, to == END) for to, chance in there.items()]}
            for state, there in CHANCES.items()
        }
        model[END] = {0: [(1.0, END, 0.0, True)]}
        super().__init__(model, 0, STATES, ("step",), render_mode)

    def _picture(self) -> Array:
        """Draw the states and their transitions; the one of the last step is orange."""
        picture = Picture(WIDTH, HEIGHT, GROUND)
        picture.text(WIDTH - 20, 28, self._last_step() or "start", 18, INK, "rm")
        last = None if self._last is None else (self._last.state, self._last.next_state)
        for (state, to), bend in BENDS.items():
            colour = LAST if (state, to) == last else FAINT
            _draw_arrow(picture, _curve(PLACES[state], bend, PLACES[to]), colour)
            picture.disc(*bend, 19, GROUND)
            picture.text(*bend, f"{CHANCES[state][to]:.0%}", 15, colour)
        for state, place in PLACES.items():
            here = state == self.s
            picture.disc(*place, RADIUS, HERE if here else FAINT)
            picture.disc(*place, RADIUS - 3, HERE if here else CARD)
            picture.text(*place, STATES[state], 20, CARD if here else INK)
        return picture.array()


def _curve(start: Point, middle: Point, end: Point) -> Array:
    """Return points ``[point, 2]`` of a curve through three points; a circle if it is a loop."""
    a, b, c = (np.array(point, np.float64) for point in (start, middle, end))
    if start == end:
        angle = np.linspace(0.0, 2 * np.pi, 60)[:, None]
        across = np.array([b[1] - a[1], a[0] - b[0]]) / 2
        circle: Array = (a + b) / 2 + (a - b) / 2 * np.cos(angle) + across * np.sin(angle)
        return circle
    t = np.linspace(0.0, 1.0, 60)[:, None]
    control = 2 * b - (a + c) / 2
    parabola: Array = (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * c
    return parabola


def _draw_arrow(picture: Picture, curve: Array, colour: Colour) -> None:
    """Draw a curve with an arrowhead that touches the disc at its end."""
    distance = np.hypot(*(curve - curve[-1]).T)
    tip = int(np.flatnonzero(distance >= RADIUS + 2)[-1])
    picture.line([(x, y) for x, y in curve[:tip].tolist()], 3, colour)
    along = curve[tip] - curve[tip - 1]
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]])
    base = curve[tip] - 14 * along
    corners = np.array([curve[tip], base + 7 * across, base - 7 * across])
    picture.shape([(x, y) for x, y in corners.tolist()], colour)
