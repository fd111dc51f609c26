"""Physical deception (Lowe et al. 2017): reach a landmark without showing the adversary which."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.world import Agent, Landmark, World, check_count, length


class SimpleAdversary:
    """``num_envs`` copies of `mpe2.simple_adversary_v3`.

    The adversary gets minus its distance to the goal. The others, who alone observe which landmark
    that is, get the adversary's distance minus the distance of the nearest of them.

    Args:
        num_envs: the number of copies.
        continuous: numbers as actions, instead of choices.
        N: the number of good agents, and of landmarks.

    Raises:
        ValueError: ``N`` is not positive.
    """

    def __init__(self, num_envs: int, continuous: bool, N: int = 2) -> None:
        check_count("N", N)
        self._good = N
        self.names = ("adversary_0", *(f"agent_{number}" for number in range(N)))
        landmarks = [Landmark(0.08)] * N
        agents = [Agent(name, 0.15) for name in self.names]
        world = self._world = World(num_envs, continuous, agents, landmarks, clues=2)
        shown = []
        for agent in range(N + 1):
            others = [other for other in range(N + 1) if other != agent]
            shown.append(world.relative([*range(N + 1, 2 * N + 1), *others], agent))
            if agent > 0:
                pairs = zip(world.clues(0, 2), world.position(agent), strict=True)
                shown[agent][:0] = [(goal, here) for (goal, _), (here, _) in pairs]
        self.obs, self.obs_widths = world.show(shown)
        self.action_widths = world.action_widths
        self._reward = np.zeros((num_envs, N + 1))

    def reset(self, env: int, rng: np.random.Generator) -> None:
        goal = rng.integers(self._good)
        place = rng.uniform(-1, 1, (2 * self._good + 1, 2))
        self._world.begin(env, place)
        self._world.clue[:, env] = place[self._good + 1 + goal]
        self._world.refresh(env)

    def step(self, action: Array) -> Array:
        world = self._world
        world.step(action)
        distance = length(world.place[:, : self._good + 1] - world.clue[:, None])  # [agent, env]
        reward = self._reward.T
        np.negative(distance[0], out=reward[0])
        np.subtract(distance[0], distance[1:].min(0), out=reward[1:])
        return self._reward
