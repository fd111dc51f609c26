"""Stacks of seeds with random widths, actions, sizes and batches: each seed is the seed alone."""

from __future__ import annotations

import random
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun import build
from rlrun.core.rng import Purpose
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Array, Envs
from rlrun.loop import Played, evaluate
from rlrun.settings import Settings
from tests.support.common import SMALL_DQN, differences, drive, grid_of, host, row, settings

pytestmark = pytest.mark.slow


class Shapes(gym.Env[Array, Any]):
    """Any width of observations, any number of actions; episodes of about seven steps."""

    def __init__(self, width: int, actions: int) -> None:
        self.observation_space = spaces.Box(-9, 9, (width,), np.float32)
        self.action_space = spaces.Discrete(actions)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._see(), {}

    def _see(self) -> Array:
        return self.np_random.standard_normal(self.observation_space.shape, np.float32)

    def step(self, action: Any) -> Any:
        coin = self.np_random.random()
        return self._see(), float(action), coin < 0.1, 0.1 < coin < 0.15, {}


@pytest.mark.parametrize("draw", range(10))
def test_stacks_of_any_shape(draw: int) -> None:
    """Random widths, actions, stacks and evaluation batches; every position in the stack."""
    rng = random.Random(draw)
    width, actions = rng.randint(1, 400), rng.randint(1, 18)
    seeds, episodes = rng.choice([2, 3, 7]), rng.choice([1, 5, 10])
    hidden = [rng.randint(1, 130) for _ in range(rng.randint(1, 2))]
    batch, steps = rng.choice([1, 7, 32, 64]), rng.randint(1, 4)
    given = {"hidden": hidden, "batch_size": batch, "n_step": steps, "target_every": 9}
    words = [*SMALL_DQN, *(f"agent.{key}={value}" for key, value in given.items())]

    def trained(first: int, count: int) -> tuple[Agent, Played]:
        parts = construct(Settings, settings(*words, f"seed={first}", f"seeds={count}"), "")

        def envs(per_seed: int, purpose: Purpose) -> Envs:
            make = lambda: Shapes(width, actions)  # noqa: E731
            return grid_of(make, "shapes", parts.seed_numbers, per_seed, purpose=purpose)

        training = envs(1, Purpose.TRAIN_EPISODES)
        agent = build.build_agent(parts, training.spec)
        drive(agent, training, 60)
        own, value = envs(episodes, Purpose.EVAL_EPISODES), getattr(agent, "value", None)
        return agent, evaluate(agent, own, 60, 2 * episodes, value=value)

    stack, played = trained(0, seeds)
    for k in range(seeds):
        alone, own = trained(k, 1)
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []
        assert differences(row(host(played._asdict()), k), host(own._asdict())) == []
