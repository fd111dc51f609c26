"""Bit flipping: the problem of Andrychowicz et al. (2017) that needs hindsight."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.media.canvas import Colour, Picture

Observed = dict[str, Array]
PARTS = ("observation", "achieved_goal", "desired_goal")
MOST = 62  # bits of a number that is drawn as one

CELL, EDGE, LABEL, HEIGHT = 36, 16, 64, 132  # sizes of a bit, the margins and the picture
GROUND: Colour = (238, 240, 244)
INK: Colour = (40, 46, 58)
ZERO: Colour = (255, 255, 255)
ONE: Colour = (37, 99, 176)
WRONG: Colour = (214, 120, 20)


class BitFlip(gym.Env[Observed, Any]):
    """``bits`` bits, of which action k flips bit k, and a goal: other values of all of them.

    The observation is a dictionary of ``observation`` and ``achieved_goal``, both the bits, and
    ``desired_goal``. The reward is 0 for the step that achieves the goal, which ends the episode,
    and -1 for every other one; after ``bits`` steps the episode is truncated. So an episode of n
    steps has the return 1 - n if it succeeds, else -n: return and length add up to 1 or 0. Bits
    and goal are drawn uniformly, the goal among all that differ from the bits in one or more.

    With d bits to flip the best return is 1 - d. An agent that never achieves the goal learns
    nothing of it, and by random actions on 15 bits about one episode in 2,300 does.

    After Andrychowicz et al. (2017), section 3.1, arXiv 1707.01495.

    Args:
        bits: the number of bits.
        render_mode: ``rgb_array``.

    Raises:
        ValueError: ``bits`` is not a whole number from 1 to 62.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - as in Gymnasium

    def __init__(self, bits: int = 15, render_mode: str | None = None) -> None:
        if type(bits) is not int or not 1 <= bits <= MOST:
            raise ValueError(f"bits must be a whole number from 1 to {MOST}, got {bits!r}")
        self.render_mode, self._numbers = render_mode, np.arange(bits)
        parts = [(name, spaces.Box(0.0, 1.0, (bits,), np.float32)) for name in PARTS]
        self.observation_space: gym.Space[Any] = spaces.Dict(parts)
        self.action_space = spaces.Discrete(bits)
        self._begin(0, 1)

    def _begin(self, bits: int, flipped: int) -> None:
        """Begin an episode; the bits of the numbers are the state, and those not in the goal."""
        self._state, self._goal = (
            (number >> self._numbers & 1).astype(np.float32) for number in (bits, bits ^ flipped)
        )
        self._time = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, dict[str, Any]]:
        super().reset(seed=seed)
        end = 2 ** len(self._numbers)
        bits, flipped = self.np_random.integers(0, end), self.np_random.integers(1, end)
        self._begin(int(bits), int(flipped))
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Observed, float, bool, bool, dict[str, Any]]:
        self._state = np.where(self._numbers == action, 1 - self._state, self._state)
        self._time += 1
        reward = float(self.compute_reward(self._state, self._goal, {}))
        terminated = bool(self.compute_terminated(self._state, self._goal, {}))
        truncated = self._time >= len(self._numbers) and not terminated
        return self._observe(), reward, terminated, truncated, {"is_success": terminated}

    def _observe(self) -> Observed:
        return dict(zip(PARTS, (self._state, self._state.copy(), self._goal.copy()), strict=True))

    def compute_reward(self, achieved_goal: Array, desired_goal: Array, info: Any) -> Array:
        """Return 0 where goals ``[..., bit]`` are equal, else -1."""
        return self.compute_terminated(achieved_goal, desired_goal, info) - 1.0

    def compute_terminated(self, achieved_goal: Array, desired_goal: Array, info: Any) -> Array:
        """Return where goals ``[..., bit]`` are equal."""
        equal: Array = np.all(achieved_goal == desired_goal, axis=-1)
        return equal

    def render(self) -> Any:
        """Return a picture ``[height, width, colour]`` ; bits to flip have a frame."""
        if self.render_mode != "rgb_array":
            return None
        picture = Picture(LABEL + CELL * len(self._numbers) + EDGE, HEIGHT, GROUND)
        rows = {"bits": self._state, "goal": self._goal}
        for row, (name, bits) in enumerate(rows.items()):
            y = EDGE + row * (CELL + 28)
            picture.text(EDGE, y + CELL / 2, name, 16, INK, "lm")
            for place, bit in enumerate(bits.tolist()):
                x = LABEL + place * CELL
                if name == "bits" and bit != self._goal[place]:
                    picture.box(x, y - 2, CELL, CELL + 4, WRONG, 6)
                picture.box(x + 4, y + 2, CELL - 8, CELL - 4, ONE if bit else ZERO, 4)
        return picture.array()
