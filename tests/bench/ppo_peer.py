"""Stable-Baselines3's PPO with the settings of `conf/experiment/bench_ppo.yaml`, one seed.

Prints steps per second of `learn`. It logs after each rollout of 2,048 steps, rlrun after 1,000.
"""

from __future__ import annotations

import sys
import time

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env


def main(total_steps: int, folder: str) -> None:
    torch.set_num_threads(1)
    model = PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=8),
        learning_rate=3e-4,
        n_steps=256,
        batch_size=64,
        n_epochs=10,
        gamma=0.99,
        gae_lambda=0.95,
        clip_range=0.2,
        ent_coef=0.0,
        vf_coef=0.5,
        max_grad_norm=0.5,
        policy_kwargs={"net_arch": [64, 64]},
        tensorboard_log=folder,
        device="cpu",
        seed=0,
    )
    start = time.perf_counter()
    model.learn(total_steps)
    print(total_steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
