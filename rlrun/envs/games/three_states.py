"""The three-state problem: whether a large cost pays off depends on the discount."""

from __future__ import annotations

from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transition, Transitions, signed
from rlrun.media.canvas import Colour, Picture

STATES = ("s0", "s1", "s2")
ACTIONS = ("a0", "a1", "a2")

CARD, GAP, TOP, ROW = 216, 18, 56, 28  # sizes of a state's card, gap, header and row
WIDTH, HEIGHT = 3 * CARD + 4 * GAP, 292
GROUND: Colour = (238, 240, 244)
CARD_COLOUR: Colour = (255, 255, 255)
HERE: Colour = (37, 99, 176)
LAST: Colour = (255, 236, 179)
INK: Colour = (40, 46, 58)
FAINT: Colour = (122, 130, 145)
GAIN: Colour = (32, 134, 84)
FIRE: Colour = (200, 55, 45)


class ThreeStates(TableEnv):
    """Three states s0 to s2, observed as 0 to 2; three actions a0 to a2, not all possible in each.

    - s0: a0 stays with 0.7, with reward 10, else goes to s1; a1 stays; a2 stays with 0.8, else
      goes to s1.
    - s1: a0 stays; a2 walks through the fire to s2, with reward -50.
    - s2: a1 goes to s0 with 0.8, with reward 40, goes to s1 with 0.1, stays with 0.1.

    All other rewards are 0. a1 in s1, a0 and a2 in s2 are impossible: ``P[s][a]`` is empty and
    ``info["action_mask"]`` is 0 for them. If they are taken they change nothing, with reward 0,
    which is never better than the best possible action: an agent that ignores the mask learns
    an optimal policy too.

    Episodes begin in s0 and never terminate; the registered time limit is 100 steps. With a
    discount of 0.90 the best action in s1 is to stay, with 0.95 to walk.

    Source: A. Géron, "Hands-On Machine Learning", the chapter on reinforcement learning.

    Args:
        render_mode: ``ansi`` or ``rgb_array``.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(_model(), 0, STATES, ACTIONS, render_mode)

    def _picture(self) -> Array:
        """Draw a card for each state with the outcomes of its actions; the last step is yellow."""
        picture = Picture(WIDTH, HEIGHT, GROUND)
        picture.text(GAP + 2, TOP / 2, self._last_step() or "start", 18, INK, "lm")
        for state, name in enumerate(STATES):
            x, here = GAP + state * (CARD + GAP), state == self.s
            if here:
                picture.box(x - 4, TOP - 4, CARD + 8, HEIGHT - TOP - GAP + 8, HERE, 16)
            picture.box(x, TOP, CARD, HEIGHT - TOP - GAP, CARD_COLOUR, 12)
            picture.disc(x + 36, TOP + 36, 22, HERE if here else GROUND)
            picture.text(x + 36, TOP + 36, name, 20, CARD_COLOUR if here else FAINT)
            if here:
                picture.text(x + 68, TOP + 36, "the agent is here", 15, HERE, "lm")
            y = TOP + 84
            for action, outcomes in self.P[state].items():
                for i, outcome in enumerate(outcomes):
                    if self._happened(state, action, outcome):
                        picture.box(x + 8, y - ROW / 2, CARD - 16, ROW, LAST, 6)
                    if i == 0:
                        picture.text(x + 18, y, ACTIONS[action], 16, INK, "lm")
                    _draw_outcome(picture, x, y, state, outcome)
                    y += ROW
        return picture.array()

    def _happened(self, state: int, action: int, outcome: Transition) -> bool:
        last = self._last
        return last is not None and (last.state, last.action, last.next_state) == (
            state,
            action,
            outcome[1],
        )


def _draw_outcome(picture: Picture, x: float, y: float, state: int, outcome: Transition) -> None:
    """Draw a row on the card at x: probability, next state, and the reward if it is not 0."""
    chance, next_state, reward, _ = outcome
    picture.text(x + 98, y, f"{chance:.0%}", 16, FAINT, "rm")
    words = "stay" if next_state == state else f"to {STATES[next_state]}"
    picture.text(x + 108, y, words, 16, INK, "lm")
    if reward:
        picture.box(x + CARD - 58, y - 11, 44, 22, GAIN if reward > 0 else FIRE, 11)
        picture.text(x + CARD - 36, y, signed(reward), 15, CARD_COLOUR)


def _model() -> Transitions:
    return {
        0: {
            0: [(0.7, 0, 10.0, False), (0.3, 1, 0.0, False)],
            1: [(1.0, 0, 0.0, False)],
            2: [(0.8, 0, 0.0, False), (0.2, 1, 0.0, False)],
        },
        1: {0: [(1.0, 1, 0.0, False)], 1: [], 2: [(1.0, 2, -50.0, False)]},
        2: {0: [], 1: [(0.8, 0, 40.0, False), (0.1, 1, 0.0, False), (0.1, 2, 0.0, False)], 2: []},
    }
