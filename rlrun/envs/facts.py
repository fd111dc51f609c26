"""The facts of a MiniGrid instead of the agent's view: ``env.facts=true``."""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.codes import is_minigrid

MOST_DOORS = 12
"""Doors that have a number: as many as a maze of 3 x 3 rooms can have."""
OPEN, CLOSED, LOCKED = range(3)


class Facts(gym.ObservationWrapper[Array, Any, Any]):
    """Observes where the agent is, what it carries, and which doors are open.

    The numbers are its column and row, its direction, the object it carries (0 without one), and
    the state of each door, in the order of the rows (0 is open, or no door). So much a view of a
    few cells does not show, but less than the whole maze: where objects lie is left out.

    Raises ValueError if it is no MiniGrid, or if a maze has more doors than there are numbers.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        if not is_minigrid(env):
            assert env.spec is not None
            raise ValueError(
                f"env.facts=true only applies to MiniGrid (env=MiniGrid-KeyCorridorS3R3-v0); "
                f"{env.spec.id} is not part of it"
            )
        constants = importlib.import_module("minigrid.core.constants")
        self._objects: dict[str, int] = constants.OBJECT_TO_IDX
        self._colours: dict[str, int] = constants.COLOR_TO_IDX
        base: Any = env.unwrapped
        self._base = base
        self._doors: list[Any] = []
        carried = 1 + len(self._objects) * len(self._colours)
        sizes = [base.width, base.height, 4, carried, *[3] * MOST_DOORS]
        self.observation_space = spaces.MultiDiscrete(sizes)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, Any]:
        """Begin an episode, and look for the doors of its maze: none appears later."""
        _, info = self.env.reset(seed=seed, options=options)
        cells = self._base.grid.grid
        self._doors = [each for each in cells if each is not None and each.type == "door"]
        if len(self._doors) > MOST_DOORS:
            raise ValueError(
                f"env.facts=true has numbers for {MOST_DOORS} doors, and this maze has "
                f"{len(self._doors)}"
            )
        return self.observation(None), info

    def observation(self, observation: Any) -> Array:
        """Return the facts; the view is not used."""
        base, carried = self._base, 0
        if (thing := base.carrying) is not None:
            kind, colour = self._objects[thing.type], self._colours[thing.color]
            carried = 1 + kind * len(self._colours) + colour
        doors = [_state(each) for each in self._doors]
        doors += [OPEN] * (MOST_DOORS - len(doors))
        return np.array([*base.agent_pos, base.agent_dir, carried, *doors], np.int64)


def _state(door: Any) -> int:
    if door.is_open:
        return OPEN
    return LOCKED if door.is_locked else CLOSED
