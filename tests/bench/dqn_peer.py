"""Stable-Baselines3's DQN with the settings of `conf/experiment/bench_dqn.yaml`, one seed.

Prints steps per second of `learn`. It logs as often as rlrun does, and as many scalars.
"""

from __future__ import annotations

import sys
import time

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

LOG_EVERY = 1000


class Log(BaseCallback):
    """Writes 8 scalars each 1,000 steps: seven of the library's own, and one to equal rlrun's."""

    def _on_step(self) -> bool:
        if self.num_timesteps % LOG_EVERY == 0:
            self.logger.record("train/eighth", self.num_timesteps)
            self.model.dump_logs()
        return True


def main(total_steps: int, folder: str) -> None:
    torch.set_num_threads(1)
    model = DQN(
        "MlpPolicy",
        "CartPole-v1",
        learning_rate=2.5e-4,
        buffer_size=10_000,
        learning_starts=10_000,
        batch_size=128,
        tau=1.0,
        gamma=0.99,
        train_freq=10,
        gradient_steps=1,
        target_update_interval=500,
        exploration_fraction=0.5,
        exploration_initial_eps=1.0,
        exploration_final_eps=0.05,
        max_grad_norm=10,
        policy_kwargs={"net_arch": [120, 84]},
        tensorboard_log=folder,
        device="cpu",
        seed=0,
    )
    start = time.perf_counter()
    model.learn(total_steps, callback=Log(), log_interval=10**9)
    print(total_steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
