"""Predator and prey (Lowe et al. 2017): slow adversaries chase faster agents around obstacles."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.world import Agent, Landmark, World, check_count, length

HUNTER, PREY, OBSTACLE = 0.075, 0.05, 0.2  # sizes


class SimpleTag:
    """``num_envs`` copies of `mpe2.simple_tag_v3`.

    Every adversary gets 10 for each contact between any adversary and any good agent. A good agent
    gets -10 for each adversary that it touches, and a penalty outside the arena.

    Args:
        num_envs: the number of copies.
        continuous: numbers as actions, instead of choices.
        num_good: the number of good agents, the prey.
        num_adversaries: the number of adversaries.
        num_obstacles: the number of obstacles.

    Raises:
        ValueError: a number is negative, or there are no agents.
    """

    def __init__(
        self,
        num_envs: int,
        continuous: bool,
        num_good: int = 1,
        num_adversaries: int = 3,
        num_obstacles: int = 2,
    ) -> None:
        check_count("num_adversaries", num_adversaries, least=0)
        check_count("num_good", num_good, least=0 if num_adversaries else 1)
        check_count("num_obstacles", num_obstacles, least=0)
        hunters = [f"adversary_{number}" for number in range(num_adversaries)]
        prey = [f"agent_{number}" for number in range(num_good)]
        self.names = (*hunters, *prey)
        self._hunters, self._obstacles, count = num_adversaries, num_obstacles, len(self.names)
        agents = [Agent(name, HUNTER, True, 3.0, 1.0) for name in hunters]
        agents += [Agent(name, PREY, True, 4.0, 1.3) for name in prey]
        obstacles = [Landmark(OBSTACLE, collides=True)] * num_obstacles
        world = self._world = World(num_envs, continuous, agents, obstacles)
        shown = []
        for agent in range(count):
            others = [other for other in range(count) if other != agent]
            around = world.relative([*range(count, count + num_obstacles), *others], agent)
            speeds = [
                v for other in others if other >= num_adversaries for v in world.velocity(other)
            ]
            shown.append(world.velocity(agent) + world.position(agent) + around + speeds)
        self.obs, self.obs_widths = world.show(shown)
        self.action_widths = world.action_widths
        self._reward = np.zeros((num_envs, count))

    def reset(self, env: int, rng: np.random.Generator) -> None:
        agents = rng.uniform(-1, 1, (len(self.names), 2))
        obstacles = rng.uniform(-0.9, 0.9, (self._obstacles, 2))
        self._world.begin(env, np.concatenate((agents, obstacles)))
        self._world.refresh(env)

    def step(self, action: Array) -> Array:
        self._world.step(action)
        hunters = self._world.place[:, : self._hunters]
        prey = self._world.place[:, self._hunters : len(self.names)]
        distance = length(hunters[:, :, None] - prey[:, None])  # [adversary, good agent, env]
        caught = (distance < HUNTER + PREY).sum(0)  # [good agent, env]
        x, y = _outside(np.abs(prey))
        reward = self._reward.T
        reward[: self._hunters] = 10 * caught.sum(0)
        np.subtract(-10 * caught - x, y, out=reward[self._hunters :])
        return self._reward


def _outside(far: Array) -> Array:
    """Penalties for coordinates of a size: 0 up to 0.9, 1 at 1, and then exponential up to 10."""
    beyond = np.exp(np.minimum(2 * far - 2, 3.0))  # above e**3 it would be cut off anyway
    return np.where(far < 0.9, 0.0, np.where(far < 1.0, (far - 0.9) * 10, np.minimum(beyond, 10)))
