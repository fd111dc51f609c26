"""Stable-Baselines3's DQN on Pong, with the settings of `bench_atari`, in a window of seconds."""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any

import torch

from tests.bench.atari_peer import model
from tests.gpu.given import synchronize

WARM = 40  # steps after learning has started


class Window:
    """A callback: ends a training when the window has been measured, or when it takes too long."""

    def __init__(self, device: str, starts: int, seconds: float, most: float) -> None:
        self._device, self._starts, self._seconds, self._most = device, starts, seconds, most
        self._begun, self._start, self._first = time.time(), 0.0, 0
        self.speed: float | None = None

    def __call__(self, variables: dict[str, Any], names: dict[str, Any]) -> bool:
        """False ends the training; `variables` are those of the learner's loop."""
        steps, now = variables["self"].num_timesteps, time.time()
        if not self._start:
            if steps > self._starts + WARM:
                synchronize(self._device)
                self._start, self._first = time.time(), steps
            return now - self._begun < self._most
        if now - self._start < self._seconds:
            return True
        synchronize(self._device)
        self.speed = (steps - self._first) / (time.time() - self._start)
        return False


def main(device: str, seconds: float, most: float) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        learner = model(folder, device)
        window = Window(device, learner.learning_starts, seconds, most)
        learner.learn(1_000_000, callback=window, log_interval=1)
    if window.speed is None:
        raise SystemExit(f"no window of {seconds:g} s within {most:g} s")
    print(window.speed)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
