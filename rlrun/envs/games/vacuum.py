"""A robot vacuum cleaner in a round room: the example of policy search."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.games.table import real
from rlrun.media.canvas import Colour, Picture

ROBOT = 0.17  # radius of the robot, which collects all dust below it, in metres
CELL = 0.05  # width of the cells of the floor, in metres

ROOM, EDGE, HEADER = 480, 16, 48
GROUND: Colour = (238, 240, 244)
CLEAN = np.array((255, 255, 255), np.uint8)
DUST = np.array((196, 176, 148), np.uint8)
PATH: Colour = (120, 165, 220)
HERE: Colour = (37, 99, 176)
BUMPED: Colour = (200, 55, 45)
INK: Colour = (40, 46, 58)


class Vacuum(gym.Env[Array, Array]):
    """A robot that cleans a round room by a random walk with two parameters, p and r.

    An action is the two parameters: [p, r], with p from 0 to 1 and r from 0 to π. In each step,
    which is a second, the robot moves forward with probability p; otherwise it turns by a random
    angle, uniform from -r to r. A policy search looks for the best constant action; a policy may
    also choose another one in every step. Numbers outside these ranges are clipped to them.

    The observation is what the robot senses: 1 if it has bumped into the wall in this step, else 0.
    A step forward that would leave the room ends where the robot touches the wall.

    The dust lies evenly on the floor. The reward of a step is the dust below the robot, a disc with
    a radius of 0.17 m, on its way: with the default ``dust=100`` the return is the percentage that
    the robot has collected. Episodes begin in the middle, in a random direction, and never
    terminate; the registered time limit is 1,800 steps, half an hour.

    After the robot in A. Géron, "Hands-On Machine Learning", the section on policy search, which
    leaves the room and the robot open.

    Args:
        radius: of the room, in metres.
        step_length: of a move forward, in metres.
        dust: in the room at the start of an episode.
        render_mode: ``rgb_array``.

    Raises:
        ValueError: an argument is not a number in its range.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 - as in Gymnasium
    observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = spaces.Box(np.zeros(2, np.float32), np.array([1.0, np.pi], np.float32))

    def __init__(
        self,
        radius: float = 2.5,
        step_length: float = 0.3,
        dust: float = 100.0,
        render_mode: str | None = None,
    ) -> None:
        self._radius = real("radius", radius, 0.5, 25.0)
        self._step_length = real("step_length", step_length, 0.0, 2 * self._radius)
        self._most = real("dust", dust, 0.0)
        self.render_mode = render_mode
        size = 2 * math.ceil(self._radius / CELL)
        self._middle = (np.arange(size) + 0.5 - size / 2) * CELL  # [row] or [column], of the cells
        self._floor = np.hypot(self._middle[:, None], self._middle) <= self._radius
        self._each = self._most / np.count_nonzero(self._floor)  # dust of a cell
        self._begin(0.0)

    def _begin(self, direction: float) -> None:
        """Begin an episode, with the robot in the middle."""
        self._dust = self._floor * self._each  # [row, column]
        self._place, self._direction = np.zeros(2), direction  # x and y, up and to the right
        self._bumped, self._collected = False, 0.0
        self._path = [(0.0, 0.0)]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._begin(self.np_random.uniform(-np.pi, np.pi))
        return self._obs(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        forward, most = np.clip(action, self.action_space.low, self.action_space.high).tolist()
        start, self._bumped = self._place, False
        if self.np_random.random() < forward:
            self._move()
        else:
            self._direction += self.np_random.uniform(-most, most)
        reward = self._collect(start)
        self._collected += reward
        return self._obs(), reward, False, False, {}

    def _move(self) -> None:
        """Move forward, at most to where the robot touches the wall."""
        way = np.array([math.cos(self._direction), math.sin(self._direction)])
        # the distance d to the wall solves |place + d way| = room, the radius for the centre
        room, along = self._radius - ROBOT, float(self._place @ way)
        outside = float(self._place @ self._place) - room**2
        wall = max(0.0, math.sqrt(max(0.0, along**2 - outside)) - along)
        self._bumped = wall < self._step_length
        self._place = self._place + min(wall, self._step_length) * way
        self._path.append((float(self._place[0]), float(self._place[1])))

    def _collect(self, start: Array) -> float:
        """Remove and return the dust within the robot's radius of its way from ``start``."""
        low, high = np.minimum(start, self._place) - ROBOT, np.maximum(start, self._place) + ROBOT
        columns, rows = (
            slice(*np.searchsorted(self._middle, bounds)) for bounds in zip(low, high, strict=True)
        )
        x, y = self._middle[columns] - start[0], self._middle[rows, None] - start[1]
        way = self._place - start
        length = float(way @ way)
        # how far along the way each cell is, from 0 to 1
        share = np.clip((x * way[0] + y * way[1]) / length, 0.0, 1.0) if length else 0.0
        near = np.hypot(x - share * way[0], y - share * way[1]) <= ROBOT
        below = self._dust[rows, columns]
        reward = float(below[near].sum())
        below[near] = 0.0
        return reward

    def _obs(self) -> Array:
        return np.array([self._bumped], np.float32)

    def render(self) -> Any:
        """Return a picture ``[height, width, colour]`` of the dust left, the path and the robot."""
        if self.render_mode != "rgb_array":
            return None
        picture = Picture(ROOM + 2 * EDGE, ROOM + HEADER + EDGE, GROUND)
        share = self._collected / self._most if self._most else 0.0
        words = f"{self._collected:.4g} of {self._most:g} dust collected, {share:.0%}"
        picture.text(EDGE, HEADER / 2, words, 18, INK, "lm")
        floor, dusty = self._floor[..., None], self._dust[..., None] > 0
        pixels = np.where(dusty, DUST, np.where(floor, CLEAN, GROUND))
        picture.image(EDGE, HEADER, ROOM, ROOM, pixels[::-1].astype(np.uint8))
        zoom = ROOM / (len(self._middle) * CELL)

        def at(x: float, y: float) -> tuple[float, float]:
            return EDGE + ROOM / 2 + zoom * x, HEADER + ROOM / 2 - zoom * y

        if len(self._path) > 1:
            picture.line([at(*point) for point in self._path], 2, PATH)
        x, y = self._place.tolist()
        picture.disc(*at(x, y), zoom * ROBOT, BUMPED if self._bumped else HERE)
        way = 0.8 * ROBOT * math.cos(self._direction), 0.8 * ROBOT * math.sin(self._direction)
        picture.line([at(x, y), at(x + way[0], y + way[1])], 3, GROUND)
        return picture.array()
