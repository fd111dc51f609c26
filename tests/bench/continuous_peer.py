"""Stable-Baselines3's DDPG or SAC with the settings of `tests.bench.continuous`, one seed.

Prints steps per second of `learn`, nearly each with one update.
"""

from __future__ import annotations

import sys
import time

import torch
from stable_baselines3 import DDPG, SAC

from tests.bench.continuous import BATCH, STARTS
from tests.bench.dqn_peer import Log


def main(agent: str, width: int, total_steps: int, folder: str) -> None:
    torch.set_num_threads(1)
    model = {"ddpg": DDPG, "sac": SAC}[agent](
        "MlpPolicy",
        "Pendulum-v1",
        learning_rate=1e-3,
        buffer_size=100_000,
        learning_starts=STARTS,
        batch_size=BATCH,
        tau=0.005,
        gamma=0.99,
        train_freq=1,
        gradient_steps=1,
        policy_kwargs={"net_arch": [width, width]},
        tensorboard_log=folder,
        device="cpu",
        seed=0,
    )
    start = time.perf_counter()
    model.learn(total_steps, callback=Log(), log_interval=10**9)
    print(total_steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
