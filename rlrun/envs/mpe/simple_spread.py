"""Cooperative navigation (Lowe et al. 2017): cover all landmarks without collisions."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.world import Agent, Landmark, World, check_count, check_ratio, length

SIZE = 0.15


class SimpleSpread:
    """``num_envs`` copies of `mpe2.simple_spread_v3`.

    The global reward is minus the distance from each landmark to the agent that is nearest to it,
    summed over landmarks; the local one is -1 for each agent that this agent touches.

    Args:
        num_envs: the number of copies.
        continuous: numbers as actions, instead of choices.
        N: the number of agents, and of landmarks.
        local_ratio: the weight of the local reward; that of the global one is 1 minus it.

    Raises:
        ValueError: ``N`` is not positive, or ``local_ratio`` not from 0 to 1.
    """

    def __init__(
        self, num_envs: int, continuous: bool, N: int = 3, local_ratio: float = 0.5
    ) -> None:
        check_count("N", N)
        check_ratio(local_ratio)
        self._count, self._local = N, local_ratio
        self.names = tuple(f"agent_{number}" for number in range(N))
        agents = [Agent(name, SIZE, collides=True) for name in self.names]
        world = self._world = World(num_envs, continuous, agents, [Landmark()] * N)
        shown = []
        for agent in range(N):
            others = [other for other in range(N) if other != agent]
            around = world.relative([*range(N, 2 * N), *others], agent)
            silence = [(0, 0)] * (2 * len(others))  # the library shows two words of each, unused
            shown.append(world.velocity(agent) + world.position(agent) + around + silence)
        self.obs, self.obs_widths = world.show(shown)
        self.action_widths = world.action_widths
        self._reward = np.zeros((num_envs, N))

    def reset(self, env: int, rng: np.random.Generator) -> None:
        self._world.begin(env, rng.uniform(-1, 1, (2 * self._count, 2)))
        self._world.refresh(env)

    def step(self, action: Array) -> Array:
        self._world.step(action)
        place, agents = self._world.place, self._world.place[:, : self._count]
        distance = length(place[:, :, None] - agents[:, None])  # [entity, agent, env]
        nearest = distance[self._count :].min(1)  # [landmark, env]
        touched = (distance[: self._count] < SIZE + SIZE).sum(0)  # [agent, env], with itself
        together = -sum(nearest) * (1 - self._local)
        np.add(together, (1 - touched) * self._local, out=self._reward.T)
        return self._reward
