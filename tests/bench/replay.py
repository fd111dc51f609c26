"""Prioritized replay beside cpprb's, which is written in C++: sample 64 of a million, and update.

Both store and return the same small transitions and update the priorities of what they sampled.
"""

from __future__ import annotations

import statistics
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.options import PrioritizedReplaySettings
from rlrun.replay.ring import Replay

CAPACITY, BATCH, WIDTH = 1_000_000, 64, 4  # WIDTH: floats of an observation
ALPHA, BETA = 0.6, 0.4
STACK = 10
CALLS = 2000  # of each side in a run


def main(runs: int) -> None:
    if find_spec("cpprb") is None:
        print("cpprb is not installed (there is none for Python 3.13): nothing to compare with")
        return
    rng = np.random.default_rng(0)
    errors = rng.random((CALLS, STACK, BATCH)).astype(np.float32)
    peer, one, stack = _peer(rng), _ours(1, rng), _ours(STACK, rng)
    found: dict[str, list[float]] = {"peer": [], "one": [], "stack": []}
    for number in range(runs):
        found["peer"].append(_peer_seconds(peer, errors))
        found["one"].append(_our_seconds(one, errors[:, :1]))
        found["stack"].append(_our_seconds(stack, errors[: CALLS // 5]))
        print(f"run {number + 1}:", *(f"{k} {v[-1] * 1e6:.0f} us" for k, v in found.items()))
    median = {name: statistics.median(values) for name, values in found.items()}
    print(f"\nsample {BATCH} of {CAPACITY:,} and update them, medians of {runs} runs")
    print(f"{'':28}{'us':>8}{'per seed':>10}{'speed':>8}")
    print(f"{'cpprb':28}{median['peer'] * 1e6:8.0f}{median['peer'] * 1e6:10.0f}{1:8.2f}")
    for name, seeds in (("one", 1), ("stack", STACK)):
        label = f"rlrun, {seeds} seed{'s' if seeds > 1 else ''}"
        us, ratio = median[name] * 1e6, seeds * median["peer"] / median[name]
        print(f"{label:28}{us:8.0f}{us / seeds:10.0f}{ratio:8.2f}")


def _ours(seeds: int, rng: np.random.Generator) -> Replay:
    spec = Spec("synthetic", Space("vector", (WIDTH,)), Space("discrete", (), (4,)), 1)
    settings = PrioritizedReplaySettings(capacity=CAPACITY, alpha=ALPHA, beta=BETA)
    replay = settings.build(spec, range(seeds), CAPACITY)
    obs = rng.normal(size=(2, seeds, 1, WIDTH)).astype(np.float32)
    ones = np.ones((seeds, 1))
    step = Step(obs[0], ones.astype(np.int64), ones, ones, obs[1], ones < 0)
    for _ in range(CAPACITY):
        replay.add(step)
    everything = np.tile(np.arange(CAPACITY), (seeds, 1))
    replay.update(everything, rng.random((seeds, CAPACITY), np.float32))
    return replay


def _our_seconds(replay: Replay, errors: Array) -> float:
    """Seconds for one call with ``errors [call, seed, batch]``."""
    start = time.perf_counter()
    for error in errors:
        replay.update(replay.sample(BATCH, step=CAPACITY).index, error)
    return (time.perf_counter() - start) / len(errors)


def _peer(rng: np.random.Generator) -> Any:
    floats = {"shape": WIDTH, "dtype": np.float32}
    numbers = {"act": {"dtype": np.int64}, "rew": {}, "discount": {}}
    fields = {"obs": floats, "next_obs": floats, **numbers}
    buffer = import_module("cpprb").PrioritizedReplayBuffer(CAPACITY, fields, alpha=ALPHA)
    obs = rng.normal(size=(2, CAPACITY, WIDTH)).astype(np.float32)
    one = np.ones(CAPACITY)
    values = {"obs": obs[0], "next_obs": obs[1], "act": one, "rew": one, "discount": one}
    buffer.add(**values, priorities=rng.random(CAPACITY))
    return buffer


def _peer_seconds(buffer: Any, errors: Array) -> float:
    start = time.perf_counter()
    for error in errors[:, 0]:
        buffer.update_priorities(buffer.sample(BATCH, BETA)["indexes"], error)
    return (time.perf_counter() - start) / len(errors)
