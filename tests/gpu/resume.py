"""Runs that are killed in the middle, resumed, and compared bit for bit with undisturbed ones."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tests.gpu.given import Given
from tests.soak.cases import CASES, SHORT

HERE = "tests.gpu.killed"
SMALL = ("agent.hidden=[16,16]", "agent.batch_size=8")
LATER = (*SMALL, "agent.learning_starts=50", "replay.capacity=400")
DETERMINISTIC = "device.deterministic=true"
RUNS: dict[str, tuple[str, ...]] = {
    "dqn": (*SHORT, *CASES["dqn"]),
    "ppo": (*SHORT, "agent=ppo", *SMALL, "agent.n_steps=16"),
    "sac": (*SHORT, "agent=sac", "env=Pendulum-v1", *LATER),
    "rainbow, deterministic": (*SHORT, *CASES["rainbow"], DETERMINISTIC),
    "dqn, images": (*SHORT, *CASES["dqn, images"]),
    "dqn, images, deterministic": (*SHORT, *CASES["dqn, images"], DETERMINISTIC),
}
CALLS = 350  # of an agent's `learn` in a run: total_steps over env.num_envs


def main(given: Given) -> None:
    names = list(RUNS) if given.sizes.steps >= CALLS else ["dqn"]
    workers = 3 if given.device == "cuda" else 1
    with ThreadPoolExecutor(workers) as pool:
        for name in names:
            pool.submit(given.attempt, "resume", name, partial(killed_and_resumed, given, name))


def killed_and_resumed(given: Given, name: str) -> dict[str, Any]:
    """Kill a run in the middle and resume it; return whether it is as the undisturbed one."""
    words, left = [*RUNS[name], f"device.name={given.device}"], given.left
    with tempfile.TemporaryDirectory() as base:
        whole, broken = Path(base, "whole"), Path(base, "broken")
        started = [
            _start("-m", HERE, "run", str(whole), "0", *words),
            _start("-m", HERE, "run", str(broken), str(CALLS // 2), *words),
        ]
        codes = [_end(process, left) for process in started]
        if codes != [0, -signal.SIGKILL]:
            raise RuntimeError(f"the runs ended with {codes} instead of [0, {-signal.SIGKILL}]")
        if code := _end(_start("-m", "rlrun", "resume", str(broken)), left):
            raise RuntimeError(f"rlrun resume ended with {code}")
        done = subprocess.run(
            [sys.executable, "-m", HERE, "unlike", str(whole), str(broken)],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )
        wrong = json.loads(done.stdout.splitlines()[-1])
    return {"resumed": "equal" if not wrong else f"differs in {', '.join(wrong[:3])}"}


def _start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)


def _end(process: subprocess.Popen[bytes], left: float) -> int:
    try:
        return process.wait(max(left, 1))
    except subprocess.TimeoutExpired:
        process.kill()
        raise
