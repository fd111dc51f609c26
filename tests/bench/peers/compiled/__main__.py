"""The compiled loop doing a work with several seeds: `python -m ...compiled dqn 10`.

Prints the steps of all seeds, wall time and processor time as JSON, compilation left out. With
`--learns` it compares the environment with Gymnasium's, and prints the mean return of the last
episodes of a run as long as `peers.yaml` asks for.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from tests.bench.peers.compiled.dqn import DQN
from tests.bench.peers.compiled.faithful import check
from tests.bench.peers.compiled.ppo import PPO
from tests.bench.peers.compiled.sac import SAC
from tests.bench.peers.works import Work, works

ALGORITHMS: Mapping[str, type[DQN | PPO | SAC]] = {"DQN": DQN, "PPO": PPO, "SAC": SAC}


class Run:
    """Compiled functions for the phases of a work, and the state of all seeds."""

    def __init__(self, work: Work, seeds: int) -> None:
        self._loop = ALGORITHMS[work.algorithm](work)
        keys = jax.vmap(jax.random.key)(np.arange(seeds))
        self.state = jax.jit(jax.vmap(self._loop.begin))(keys)
        self._compiled = [
            jax.jit(jax.vmap(phase.function), donate_argnums=0).lower(self.state).compile()
            for phase in self._loop.phases(work.steps)
        ]
        self.log: list[dict[str, Any]] = []
        self.steps = 0

    def until(self, steps: int) -> None:
        """Train to this step."""
        done = 0
        for phase, function in zip(self._loop.phases(steps), self._compiled, strict=True):
            for _ in range(phase.calls):
                done += phase.steps
                if done > self.steps:
                    self.state, metrics = function(self.state)
                    self.log.append({k: np.asarray(v) for k, v in metrics.items()})
                    self.steps = done

    def mean_return(self, episodes: int) -> float:
        """Return the mean return of each seed's last episodes."""
        count = total = 0.0
        for line in reversed(self.log):
            count, total = count + line["episodes"].sum(), total + line["returns"].sum()
            if count >= episodes * len(line["episodes"]):
                break
        return float(total / max(count, 1))


def measure(work: Work, seeds: int) -> None:
    run = Run(work, seeds)
    wall, cpu = time.perf_counter(), time.process_time()
    run.until(work.steps)
    jax.block_until_ready(run.state)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert run.steps == work.steps, f"{run.steps} steps instead of {work.steps}"
    print(json.dumps({"steps": seeds * work.steps, "wall": wall, "cpu": cpu}))


def learn(work: Work, seeds: int) -> None:
    check(work.env)
    settings = {**work.settings, **work.learns.get("settings", {})}
    steps = int(work.learns["steps"])
    run = Run(replace(work, steps=steps, settings=settings), seeds)
    run.until(steps)
    print(json.dumps({"mean_return": run.mean_return(work.learns["episodes"])}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=works())
    parser.add_argument("seeds", type=int)
    parser.add_argument("--learns", action="store_true")
    given = parser.parse_args()
    (learn if given.learns else measure)(works()[given.work], given.seeds)


if __name__ == "__main__":
    main()
