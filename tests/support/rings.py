"""Replays in rings, and random steps that say where they come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlrun.core.types import Space, Spec, Step
from rlrun.replay.options import UniformReplaySettings
from rlrun.replay.ring import Replay
from tests.support.common import seeds_of


def spec(num_envs: int) -> Spec:
    return Spec("test", Space("vector", (2,)), Space("discrete", (), (3,)), num_envs)


def ring(seeds: tuple[int, ...], num_envs: int, capacity: int) -> Replay:
    return UniformReplaySettings(capacity=capacity).build(spec(num_envs), seeds, 100)


def random_step(rng: np.random.Generator, seeds: int, envs: int, number: int) -> Step:
    """A step whose observations tell where it comes from: [time, seed * 100 + env]."""
    where = np.arange(seeds)[:, None] * 100.0 + np.arange(envs)
    obs = np.stack([np.full((seeds, envs), float(number)), where], -1).astype(np.float32)
    terminated = rng.random((seeds, envs)) < 0.15
    last = terminated | (rng.random((seeds, envs)) < 0.15)
    return Step(
        obs=obs,
        action=rng.integers(0, 3, (seeds, envs)),
        reward=rng.integers(-4, 5, (seeds, envs)).astype(np.float64),
        discount=np.where(terminated, 0.0, 0.5),
        next_obs=obs + np.array([1000.0, 0.0], np.float32),
        last=last,
    )


def stack_and_alone(
    build: Callable[[tuple[int, ...]], Replay],
    draw: Callable[[np.random.Generator, int, int, int], Step] = random_step,
) -> tuple[Replay, Replay]:
    """A replay of the seeds 3 and 5, and one of seed 5 alone, with the same 30 steps."""
    rng = np.random.default_rng(0)
    stack, alone = build((3, 5)), build((5,))
    for number in range(30):
        step = draw(rng, 2, 1, number)
        stack.add(step)
        alone.add(seeds_of(step, slice(1, None)))
    return stack, alone
