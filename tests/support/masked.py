"""Environments that refuse illegal actions: ``env=tests.support.masked:Doors-v0`` and others.

A corridor of rooms with four doors each, of which some are locked. Which ones depends on the room
and on a number that is drawn at the start of the episode and not observed, so that the masks do not
follow from the observations.
"""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ROOMS, DOORS = 5, 4
Wrong = Literal["", "missing", "short", "twos", "none", "text"]


class Doors(gym.Env[Any, Any]):
    """Reward: the number of the door taken. The last room ends the episode, with no door open.

    Door d of a room is locked if (room + hidden + d) % 3 == 0.

    Args:
        how: where the mask is from: the infos, or the method ``action_masks``.
        observed: whether the room is observed as a vector or as a number.
        parts: whether an action has two parts: a door, and one of two hands, of which the hidden
            number says which is free.
        wrong: what is wrong with the masks after the first two steps.
    """

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        how: Literal["info", "method"] = "info",
        observed: Literal["vector", "number"] = "vector",
        parts: bool = False,
        wrong: Wrong = "",
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self._how, self._number, self._parts, self._wrong = how, observed == "number", parts, wrong
        self.action_space = spaces.MultiDiscrete([DOORS, 2]) if parts else spaces.Discrete(DOORS)
        box = spaces.Box(0, ROOMS, (1,), np.float32)
        self.observation_space = spaces.Discrete(ROOMS) if self._number else box
        if how == "method":
            self.action_masks = self._mask
        self._room = self._steps = self.hidden = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._room = self._steps = 0
        self.hidden = int(self.np_random.integers(3))
        return self._obs(), self._info()

    def step(self, action: Any) -> Any:
        door = int(action[0] if self._parts else action)
        if (self._room + self.hidden + door) % 3 == 0:
            raise RuntimeError(f"door {door} is locked")
        if self._parts and action[1] != self.hidden % 2:
            raise RuntimeError("this hand is not free")
        self._steps += 1
        self._room += int(self.np_random.random() < 0.5)
        terminated = self._room == ROOMS - 1
        return self._obs(), float(door), terminated, self._steps == 9, self._info()

    def render(self) -> Any:
        return np.full((16, 16, 3), 40 * self._room, np.uint8)

    def _obs(self) -> Any:
        return self._room if self._number else np.array([self._room], np.float32)

    def _info(self) -> dict[str, Any]:
        if self._how == "method" or (self._wrong == "missing" and self._steps > 1):
            return {}
        return {"action_mask": self._mask()}

    def _mask(self) -> Any:
        wrong = self._wrong if self._steps > 1 else ""
        doors = (self._room + self.hidden + np.arange(DOORS)) % 3 != 0
        mask: Any = doors.astype(np.int8)
        if self._room == ROOMS - 1 or wrong == "none":
            mask = np.zeros(DOORS, np.int8)
        if self._parts:
            return mask, np.array([self.hidden % 2 == 0, self.hidden % 2 == 1])
        return {"short": mask[1:], "twos": 2 * mask, "text": "all"}.get(wrong, mask)


DOORS_OF_NUMBERS = {"observed": "number"}
DOORS_AND_HANDS = {"parts": True, "how": "method"}
gym.register("Doors-v0", "tests.support.masked:Doors")
gym.register("DoorsOfNumbers-v0", "tests.support.masked:Doors", kwargs=DOORS_OF_NUMBERS)
gym.register("DoorsAndHands-v0", "tests.support.masked:Doors", kwargs=DOORS_AND_HANDS)
