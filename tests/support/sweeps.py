"""Sweeps of tiny runs, some of which fail."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rlrun.__main__ import main
from rlrun.run import start_run
from rlrun.run_folder.config_file import read_config
from rlrun.sweep import ledger
from tests.soak.compare import unlike
from tests.support.cli import Rlrun
from tests.support.common import settings
from tests.support.faults import VICTIM

FAULTY = (
    "agent=q_learning",
    "env=tests.support.faulty:Faulty-v0",
    "env.bins=[[-1,1,3],[-1,1,3]]",
    "tuned=none",
    "seeds=1",
    "total_steps=200",
    "log.every=20",
    "eval.every=0",
    "eval.final_episodes=2",
    "checkpoint.every_steps=10",
)
LONG = (
    "agent=q_learning",
    "env=FrozenLake-v1",
    "seeds=1",
    "total_steps=20000",
    "log.every=500",
    "eval.every=0",
    "eval.final_episodes=2",
)
OPTUNA = "hydra/sweeper=optuna"
VICTIM_WORD = f"env.kwargs.victim={VICTIM}"  # seed 6 alone meets a fault


def command(*words: str) -> int:
    """Run `rlrun WORDS` in this process."""
    before = sys.argv
    sys.argv = ["rlrun", *words]
    try:
        return main()
    finally:
        sys.argv = before


def states(folder: Path) -> list[str]:
    return [entry.state for entry in ledger.read(folder).values()]


def started(folder: Path, *words: str, until: Callable[[], bool]) -> subprocess.Popen[str]:
    """A sweep in a process of its own, in the session of nobody else, that has come so far."""
    line = [sys.executable, "-m", "rlrun", "-m", *words, f"hydra.sweep.dir={folder}"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    deadline = time.monotonic() + 600
    while not until():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process


def assert_undisturbed(folder: Path) -> None:
    """Every run of a sweep is what its settings give alone, without a fault, bit for bit."""
    for job, entry in ledger.read(folder).items():
        twin = folder.parent / "twins" / job
        twin.mkdir(parents=True)
        tuned = read_config(folder / job)["tuned"]  # a record, which `settings` does not make
        start_run({**settings(*entry.overrides), "tuned": tuned}, twin, "rlrun again")
        assert unlike(twin, folder / job) == [], job
        final = json.loads((twin / "result.json").read_text())["final"]
        assert entry.value == final.get("exact", final)["mean"]


def begun(rlrun: Rlrun, *words: str) -> Path:
    """A sweep of two jobs of which the first one failed; the training is a stand-in."""
    outcome = rlrun("-m", "seed=77,1", *words)
    assert outcome.code == 1, outcome.err
    return outcome.runs[0][1].parent
