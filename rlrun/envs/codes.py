"""MiniGrid's observations as a grid: the codes of its cells, and the direction, one-hot.

Its images hold numbers of kinds, such as 5 for a key. Scaled as colours or sizes they would mean
that a key lies between a door (4) and a ball (6).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.conform import OBSERVATION, NotInSpace, checked, short

BASE = "minigrid.minigrid_env", "MiniGridEnv"
IMAGE, DIRECTION = "image", "direction"


def shows_codes(env: gym.Env[Any, Any]) -> bool:
    """Return whether it is an environment of MiniGrid that observes the codes of cells."""
    space = env.observation_space
    if not isinstance(space, spaces.Dict) or not {IMAGE, DIRECTION} <= space.spaces.keys():
        return False
    image, direction = space[IMAGE], space[DIRECTION]
    # wrappers with other images, such as pictures, have other shapes, or are not dictionaries
    is_view = isinstance(image, spaces.Box) and image.shape[2:] == (3,) and max(image.shape) < 36
    return is_view and isinstance(direction, spaces.Discrete) and is_minigrid(env)


def is_minigrid(env: gym.Env[Any, Any]) -> bool:
    """Return whether it is an environment of MiniGrid, with any observations."""
    return any((cls.__module__, cls.__name__) == BASE for cls in type(env.unwrapped).__mro__)


class OneHotCodes(gym.ObservationWrapper[Array, Any, Any]):
    """Observes 0 and 1, ``[height, width, channel]``: object, colour, state of a cell, direction.

    Each has a channel for each of its values, that of the direction the same number everywhere. The
    mission, a text, is left out.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        given = env.observation_space
        assert isinstance(given, spaces.Dict)
        self._image, self._direction = given[IMAGE], given[DIRECTION]
        assert isinstance(self._image, spaces.Box) and isinstance(self._direction, spaces.Discrete)
        constants = importlib.import_module("minigrid.core.constants")
        kinds = constants.OBJECT_TO_IDX, constants.COLOR_TO_IDX, constants.STATE_TO_IDX
        self._rows = [np.eye(max(kind.values()) + 1, dtype=np.uint8) for kind in kinds]
        self._turn = np.eye(int(self._direction.n), dtype=np.uint8)
        channels = sum(len(each) for each in (*self._rows, self._turn))
        self.observation_space = spaces.Box(0, 1, (*self._image.shape[:2], channels), np.uint8)

    def observation(self, observation: Any) -> Array:
        """Return the codes as 0 and 1. Raises NotInSpace if they are not MiniGrid's."""
        if not isinstance(observation, Mapping) or not {IMAGE, DIRECTION} <= observation.keys():
            raise NotInSpace(f"{OBSERVATION} is {short(observation)}, without an image of codes")
        image = checked(self._image, observation[IMAGE])
        turn = int(checked(self._direction, observation[DIRECTION]))
        sides = *image.shape[:2], len(self._turn)
        try:
            cells = [rows[image[..., n]] for n, rows in enumerate(self._rows)]
            return np.concatenate([*cells, np.broadcast_to(self._turn[turn], sides)], -1)
        except IndexError:
            raise NotInSpace(
                f"{OBSERVATION} has codes up to {image.max((0, 1)).tolist()} and the direction "
                f"{turn}, but MiniGrid's objects, colours and states end at "
                f"{[len(rows) - 1 for rows in self._rows]}, its directions at {len(self._turn) - 1}"
            ) from None
