"""The least this machine needs for the work of `bench_dqn`: bare environments, bare products.

Prints the time of one step of one environment and of the matrix products of one update.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import gymnasium as gym
import torch

BATCH, SIZES = 128, (4, 120, 84, 2)


def stepping(steps: int = 20_000) -> float:
    """Seconds for a step of CartPole, with its resets, in a plain loop."""
    env = gym.make("CartPole-v1", disable_env_checker=True)
    env.reset(seed=0)
    start = time.perf_counter()
    for step in range(steps):
        *_, terminated, truncated, _ = env.step(step % 2)
        if terminated or truncated:
            env.reset()
    return (time.perf_counter() - start) / steps


def products(seeds: int) -> float:
    """Seconds for an update's products: forward twice, backward once."""
    total = 0.0
    for layer, (i, o) in enumerate(pairwise(SIZES)):
        x, weight, grad = (torch.randn(seeds, *s) for s in ((BATCH, i), (i, o), (BATCH, o)))
        total += 2 * _seconds(torch.bmm, x, weight)
        total += _seconds(torch.bmm, x.mT, grad)
        if layer:
            total += _seconds(torch.bmm, grad, weight.mT)
    return total


def _seconds(function: Callable[..., object], *given: torch.Tensor, count: int = 1000) -> float:
    """Per call, on average."""
    function(*given)
    start = time.perf_counter()
    for _ in range(count):
        function(*given)
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(stepping(), products(int(sys.argv[1])))
