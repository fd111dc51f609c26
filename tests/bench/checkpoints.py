"""How long a checkpoint of a large replay holds training up, and what a resume takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rlrun.checkpoint.store import Checkpoints
from rlrun.core.types import Space, Spec, Step
from rlrun.replay.options import UniformReplaySettings
from rlrun.replay.ring import Replay

GIGABYTES = 2.0
WIDTH = 512  # floats of an observation
NEW = 2000  # steps between two checkpoints


def main(runs: int) -> None:
    spec = Spec("synthetic", Space("vector", (WIDTH,)), Space("discrete", (), (4,)), 1)
    one = 2 * 4 * WIDTH + 17  # bytes of a transition
    capacity = int(GIGABYTES * 1e9 / one)
    settings = UniformReplaySettings(capacity=capacity)
    replay = settings.build(spec, [0], capacity)
    step = _step()
    for _ in range(capacity):
        replay.add(step)
    print(f"a replay of {capacity * one / 1e9:.2f} GB, {capacity:,} transitions of one seed")
    with tempfile.TemporaryDirectory() as folder:
        hold_up(replay, lambda: replay.add(step), NEW, runs, Path(folder))
        other = settings.build(spec, [0], capacity)
        took = _seconds(lambda: other.load_state_dict(Checkpoints(Path(folder)).load()["replay"]))
        print(f"loading it: {took:.2f} s")


def hold_up(replay: Replay, add: Callable[[], None], new: int, runs: int, folder: Path) -> None:
    """Print how long training waits for the first checkpoint, and for each after ``new`` steps."""
    store = Checkpoints(folder)
    took = _seconds(lambda: store.save({"replay": replay.state_dict()}))
    print(f"first checkpoint: {took:.2f} s")
    for _ in range(runs):
        for _ in range(new):
            add()
        took = _seconds(lambda: store.save({"replay": replay.state_dict()}))
        print(f"after {new:,} more steps: {took:.3f} s")


def _step() -> Step:
    rng = np.random.default_rng(0)
    obs = rng.normal(size=(2, 1, 1, WIDTH)).astype(np.float32)
    one = np.ones((1, 1))
    return Step(obs[0], one.astype(np.int64), one, one, obs[1], one < 0)


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
