"""Particle tasks in tests: their variants, random actions, and copies of the library's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from rlrun.core.types import Array
from rlrun.envs.mpe.registry import TASKS, Task

VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("simple_spread_v3", {}),
    ("simple_spread_v3", {"N": 1, "local_ratio": 1.0}),
    ("simple_spread_v3", {"N": 9, "local_ratio": 0.3}),  # numpy would add 8 numbers in pairs
    ("simple_speaker_listener_v4", {}),
    ("simple_adversary_v3", {}),
    ("simple_adversary_v3", {"N": 5}),
    ("simple_tag_v3", {}),
    ("simple_tag_v3", {"num_good": 3, "num_adversaries": 6, "num_obstacles": 4}),
    ("simple_tag_v3", {"num_good": 2, "num_adversaries": 1, "num_obstacles": 0}),
    ("simple_reference_v3", {}),
    ("simple_reference_v3", {"local_ratio": 0.1}),
)
"""Names of tasks, and arguments."""


def begin(task: Task, env: int, seed: int) -> None:
    """Begin the episode of a seed in one copy."""
    task.reset(env, seeding.np_random(seed)[0])


def random_action(task: Task, continuous: bool, rng: np.random.Generator) -> Array:
    """Return random actions of every copy."""
    shape = task.obs.shape[:2]
    if continuous:
        return rng.random((*shape, max(task.action_widths)), np.float32)
    return rng.integers(0, task.action_widths, shape)


class Twin:
    """Copies of a task of the library `mpe2`, stepped one by one, whose episodes never end."""

    def __init__(self, name: str, continuous: bool, copies: int, arguments: dict[str, Any]) -> None:
        make = import_module(f"mpe2.{name}").parallel_env
        long = {"continuous_actions": continuous, "max_cycles": 10**9}
        self.envs = [make(**long, **arguments) for _ in range(copies)]
        self.names = tuple(self.envs[0].possible_agents)
        self.continuous = continuous
        width = max(self.envs[0].observation_space(name).shape[0] for name in self.names)
        self.obs = np.zeros((copies, len(self.names), width), np.float32)

    def reset(self, env: int, seed: int) -> None:
        self._observe(env, self.envs[env].reset(seed=seed)[0])

    def step(self, action: Array) -> Array:
        reward = np.zeros(self.obs.shape[:2])
        for number, env in enumerate(self.envs):
            obs, rewards, *_ = env.step(self.named(action[number]))
            self._observe(number, obs)
            reward[number] = [rewards[name] for name in self.names]
        return reward

    def named(self, action: Array) -> dict[str, Any]:
        """The actions of one copy, by agent and without padding."""
        if not self.continuous:
            return dict(zip(self.names, action.tolist(), strict=True))
        widths = [self.envs[0].action_space(name).shape[0] for name in self.names]
        return {
            name: one[:width] for name, one, width in zip(self.names, action, widths, strict=True)
        }

    def _observe(self, env: int, obs: dict[str, Array]) -> None:
        for agent, name in enumerate(self.names):
            self.obs[env, agent, : len(obs[name])] = obs[name]


def played(
    name: str, continuous: bool, arguments: dict[str, Any], copies: int, steps: int
) -> Iterator[tuple[Array, Array]]:
    """Yield what the library gives, and what the array version gives: observations, and rewards.

    Copy k begins another episode every 20 + 3 k steps. Half of the copies act at random; in the
    others the agents keep their first action, so that they leave the arena and reach their speed
    limits.
    """
    task = TASKS[name].make(copies, continuous, **arguments)
    twin = Twin(name, continuous, copies, arguments)
    rng, seed = np.random.default_rng(0), 0
    kept = random_action(task, continuous, rng)
    for step in range(steps):
        for env in range(copies):
            if step % (20 + 3 * env) == 0:
                begin(task, env, seed)
                twin.reset(env, seed)
                kept[env] = random_action(task, continuous, rng)[env]
                seed += 1
        yield twin.obs, task.obs
        action = random_action(task, continuous, rng)
        action[::2] = kept[::2]
        yield twin.step(action), task.step(action)
        yield twin.obs, task.obs
