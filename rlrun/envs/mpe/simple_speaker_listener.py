"""Cooperative communication (Lowe et al. 2017): one agent knows the goal, the other can move."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.world import Agent, Landmark, World, squared_length

COLOURS = np.array([[0.65, 0.15, 0.15], [0.15, 0.65, 0.15], [0.15, 0.15, 0.65]])
"""Those of the landmarks, ``[landmark, channel]``."""


class SimpleSpeakerListener:
    """``num_envs`` copies of `mpe2.simple_speaker_listener_v4`.

    The speaker observes the colour of the listener's goal and says one of three words. Both get
    minus the squared distance from the listener to the goal.

    Args:
        num_envs: the number of copies.
        continuous: numbers as actions, instead of choices.
    """

    names = ("speaker_0", "listener_0")

    def __init__(self, num_envs: int, continuous: bool) -> None:
        speaker, listener = self.names
        agents = [Agent(speaker, 0.075, strength=0.0, words=3), Agent(listener, 0.075)]
        world = self._world = World(num_envs, continuous, agents, [Landmark(0.04)] * 3, clues=5)
        heard = world.velocity(1) + world.relative([2, 3, 4], 1) + world.heard(0)
        self.obs, self.obs_widths = world.show([world.clues(0, 3), heard])
        self.action_widths = world.action_widths
        self._reward = np.zeros((num_envs, 2))

    def reset(self, env: int, rng: np.random.Generator) -> None:
        goal = rng.integers(3)
        place = rng.uniform(-1, 1, (5, 2))
        self._world.begin(env, place)
        self._world.clue[:, env] = *COLOURS[goal], *place[2 + goal]
        self._world.refresh(env)

    def step(self, action: Array) -> Array:
        world = self._world
        world.step(action)
        np.negative(squared_length(world.place[:, 1] - world.clue[3:]), out=self._reward.T)
        return self._reward
