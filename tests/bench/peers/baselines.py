"""Stable-Baselines3, or SBX, doing a work with one seed: `python -m ... baselines sb3 dqn`.

Prints the steps of `learn`, its wall time and its processor time as JSON. The same model learns a
little before, so that nothing is imported or compiled in the measured time.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from importlib import import_module
from typing import Any

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from tests.bench.peers.works import Work, works

LOG_EVERY = 1000
PACKAGES = {"sb3": "stable_baselines3", "sbx": "sbx"}
NOT_NEEDED = 10**9  # episodes between log lines, since `Log` writes them


class Log(BaseCallback):
    """Writes eight scalars each 1,000 steps, as rlrun does: seven of the library, and one more."""

    def _on_step(self) -> bool:
        if self.num_timesteps % LOG_EVERY == 0:
            self.logger.record("train/eighth", self.num_timesteps)
            self.model.dump_logs()
        return True


def build(package: str, work: Work, folder: str) -> Any:
    """Return the model."""
    settings = dict(work.settings)
    if package == "sbx":
        settings = {key: each for key, each in settings.items() if key not in work.sbx_lacks}
    return getattr(import_module(PACKAGES[package]), work.algorithm)(
        "MlpPolicy",
        make_vec_env(work.env, n_envs=work.num_envs),
        tensorboard_log=folder,
        device="cpu",
        seed=0,
        **settings,
    )


def warm_up(model: Any, work: Work) -> None:
    """Learn until everything that is measured has run once."""
    if work.algorithm == "PPO":
        model.learn(work.settings["n_steps"] * work.num_envs)
        return
    starts = model.learning_starts
    model.learning_starts = 0
    model.learn(2 * work.settings.get("target_update_interval", 100))
    model.learning_starts = starts
    model.replay_buffer.reset()


def main(package: str, work: Work) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = build(package, work, folder)
        warm_up(model, work)
        wall, cpu = time.perf_counter(), time.process_time()
        if work.algorithm == "PPO":
            model.learn(work.steps)  # which writes after each rollout
        else:
            model.learn(work.steps, callback=Log(), log_interval=NOT_NEEDED)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"steps": work.steps, "wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], works()[sys.argv[2]])
