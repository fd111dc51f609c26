"""A replay of a million Atari transitions, really full: its memory, its samples, its checkpoints.

Takes 10 GB of memory, and of disk as much again.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np

from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.options import PrioritizedReplaySettings
from rlrun.replay.ring import Replay
from tests.bench.checkpoints import hold_up
from tests.bench.runs import output

CAPACITY, STACK, SIDE = 1_000_000, 4, 84
EPISODE = 1000  # steps
POOL = 997  # random frames, prepared: to draw each would take most of the time
NEW = 20_000  # steps between two checkpoints
SETTINGS = PrioritizedReplaySettings(capacity=CAPACITY)
SPEC = Spec(
    "synthetic", Space("image", (STACK, SIDE, SIDE), stack=STACK), Space("discrete", (), (4,)), 1
)


def main(runs: int) -> None:
    """In a process of its own, whose peak is nobody else's."""
    print(output("-m", "tests.bench.memory", str(runs)), end="")


def measure(runs: int) -> None:
    before = _peak()
    replay = SETTINGS.build(SPEC, [0], CAPACITY)
    steps = _steps()
    start = time.perf_counter()
    for _ in range(CAPACITY):
        replay.add(next(steps))
    filling = (time.perf_counter() - start) / CAPACITY
    _sampling(replay, 3)
    estimate = SETTINGS.bytes_needed(SPEC, 1)
    print(f"{CAPACITY:,} transitions of {STACK} frames of {SIDE} x {SIDE}, prioritized, one seed")
    print(f"estimated: {estimate / 1e9:.2f} GB; peak: {(_peak() - before) / 1e9:.2f} GB")
    print(f"adding a step (and making it up): {filling * 1e6:.1f} us")
    for n in (1, 3):
        print(f"sampling 32, n_step {n}: {_sampling(replay, n) * 1e6:.0f} us")
    with tempfile.TemporaryDirectory() as folder:
        hold_up(replay, lambda: replay.add(next(steps)), NEW, runs, Path(folder))
    print(f"peak with the checkpoints: {(_peak() - before) / 1e9:.2f} GB")


def _sampling(replay: Replay, n: int, count: int = 2000) -> float:
    """Seconds for a sample of 32 with its update."""
    error = np.random.default_rng(n).random((count, 1, 32)).astype(np.float32)
    start = time.perf_counter()
    for each in error:
        replay.update(replay.sample(32, n, step=0).index, each)
    return (time.perf_counter() - start) / count


def _steps() -> Iterator[Step]:
    frames = np.random.default_rng(0).integers(0, 256, (POOL, SIDE, SIDE), np.uint8)
    one, action = np.ones((1, 1)), np.ones((1, 1), np.int64)
    age, now = 0, _begun(frames[0])
    for frame in cycle(frames):
        then = np.concatenate([now[:, :, 1:], frame[None, None, None]], axis=2)
        age += 1
        last = age == EPISODE
        yield Step(now, action, one, one, then, np.full((1, 1), last))
        age, now = (0, _begun(frame)) if last else (age, then)


def _begun(frame: Array) -> Array:
    obs = np.zeros((1, 1, STACK, SIDE, SIDE), np.uint8)
    obs[0, 0, -1] = frame
    return obs


def _peak() -> int:
    """Bytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    measure(int(sys.argv[1]))
