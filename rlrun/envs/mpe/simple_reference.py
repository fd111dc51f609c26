"""Two agents that each know only the other's goal, and speak (Mordatch and Abbeel 2018)."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.world import Agent, Landmark, World, check_ratio, length

COLOURS = np.array([[0.75, 0.25, 0.25], [0.25, 0.75, 0.25], [0.25, 0.25, 0.75]])
"""Those of the landmarks, ``[landmark, channel]``."""


class SimpleReference:
    """``num_envs`` copies of `mpe2.simple_reference_v3`.

    Each agent observes the colour of the landmark that the other one should go to. Its local reward
    is minus the other's distance to it; the global reward is the mean of both local ones.

    Args:
        num_envs: the number of copies.
        continuous: numbers as actions, instead of choices.
        local_ratio: the weight of the local reward; that of the global one is 1 minus it.

    Raises:
        ValueError: ``local_ratio`` is not from 0 to 1.
    """

    names = ("agent_0", "agent_1")

    def __init__(self, num_envs: int, continuous: bool, local_ratio: float = 0.5) -> None:
        check_ratio(local_ratio)
        self._local = local_ratio
        agents = [Agent(name, words=10) for name in self.names]
        world = self._world = World(num_envs, continuous, agents, [Landmark()] * 3, clues=10)
        shown = [
            world.velocity(agent)
            + world.relative([2, 3, 4], agent)
            + world.clues(4 + 3 * agent, 3)
            + world.heard(1 - agent)
            for agent in (0, 1)
        ]
        self.obs, self.obs_widths = world.show(shown)
        self.action_widths = world.action_widths
        self._goal = world.clue[:4].reshape(2, 2, num_envs)  # [axis, agent that knows it, env]
        self._reward = np.zeros((num_envs, 2))

    def reset(self, env: int, rng: np.random.Generator) -> None:
        goals = [rng.integers(3), rng.integers(3)]
        place = rng.uniform(-1, 1, (5, 2))
        self._world.begin(env, place)
        self._goal[:, :, env] = place[2:][goals].T
        self._world.clue[4:, env] = COLOURS[goals].ravel()
        self._world.refresh(env)

    def step(self, action: Array) -> Array:
        self._world.step(action)
        others = self._world.place[:, 1::-1]
        reward = -length(others - self._goal)  # [agent, env]
        together = (reward[0] + reward[1]) / 2 * (1 - self._local)
        np.add(together, reward * self._local, out=self._reward.T)
        return self._reward
