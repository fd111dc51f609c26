"""Stable-Baselines3 on Pong with the settings of `conf/experiment/bench_atari.yaml`, one seed.

Prints steps per second, of stepping with random actions or of `learn`.
"""

from __future__ import annotations

import sys
import time

import ale_py
import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack

STEPS = 2000  # of a training


def games(count: int) -> VecFrameStack:
    gym.register_envs(ale_py)
    env = make_atari_env("PongNoFrameskip-v4", n_envs=count, seed=0)
    return VecFrameStack(env, n_stack=4)


def step(count: int, steps: int) -> float:
    """With random actions."""
    env = games(count)
    env.reset()
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 6, (steps, count))
    start = time.perf_counter()
    for action in actions:
        env.step(action)
    return count * steps / (time.perf_counter() - start)


def model(folder: str, device: str = "cpu") -> DQN:
    """Return the model, which logs to the folder."""
    return DQN(
        "CnnPolicy",
        games(1),
        learning_rate=1e-4,
        buffer_size=10_000,
        learning_starts=200,
        batch_size=32,
        tau=1.0,
        gamma=0.99,
        train_freq=4,
        gradient_steps=1,
        target_update_interval=1000,
        exploration_fraction=0.1,
        exploration_final_eps=0.01,
        max_grad_norm=10,
        tensorboard_log=folder,
        device=device,
        seed=0,
    )


def train(folder: str) -> float:
    """Learn from the first step on."""
    learner = model(folder)
    start = time.perf_counter()
    learner.learn(STEPS, log_interval=1)
    return STEPS / (time.perf_counter() - start)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, what, *numbers = sys.argv[1:]
    print(step(*map(int, numbers)) if what == "steps" else train(folder))
