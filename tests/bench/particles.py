"""The particle tasks of several agents beside the library `mpe2`: a step of 1, 10 and 80 copies.

Both take the same random choices, drawn before. Processor time, since a step is a millisecond.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.registry import TASKS, Task
from tests.support.particles import Twin, begin, random_action

COPIES = (1, 10, 80)
STEPS = 25  # of an episode
EPISODES = 20  # of ours in a run; of the library's one, which takes longer


def main(runs: int) -> None:
    if find_spec("mpe2") is None:
        print("mpe2 is not installed: nothing to compare with")
        return
    print(f"one step of all copies, medians of {runs} runs, us of processor time")
    print(f"{'':28}{'copies':>8}{'mpe2':>10}{'rlrun':>8}{'ratio':>8}")
    for name in TASKS:
        for copies in COPIES:
            theirs, ours = _medians(name, copies, runs)
            print(
                f"{name:28}{copies:8}{theirs:10,.0f}{ours:8,.0f}{theirs / ours:8,.0f}", flush=True
            )


def _medians(name: str, copies: int, runs: int) -> tuple[float, float]:
    task, twin = TASKS[name].make(copies, False), Twin(name, False, copies, {})
    rng = np.random.default_rng(0)
    actions = [random_action(task, False, rng) for _ in range(STEPS)]
    named = [[twin.named(one) for one in action] for action in actions]  # [step][env]
    theirs, ours = [], []
    for run in range(runs):
        theirs.append(_theirs(twin, named, run))
        ours.append(statistics.mean(_ours(task, actions, run) for _ in range(EPISODES)))
    return statistics.median(theirs), statistics.median(ours)


def _theirs(twin: Twin, named: Sequence[Sequence[dict[str, Any]]], run: int) -> float:
    for env in range(len(twin.envs)):
        twin.reset(env, seed=1000 * run + env)

    def episode() -> None:
        for step in named:
            for env, actions in zip(twin.envs, step, strict=True):
                env.step(actions)

    return _micros(episode)


def _ours(task: Task, actions: Sequence[Array], run: int) -> float:
    for env in range(len(task.obs)):
        begin(task, env, 1000 * run + env)

    def episode() -> None:
        for action in actions:
            task.step(action)

    return _micros(episode)


def _micros(episode: Callable[[], None]) -> float:
    """Microseconds of a step."""
    start = time.process_time()
    episode()
    return (time.process_time() - start) / STEPS * 1e6
