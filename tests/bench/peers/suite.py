"""The suite: measures works, prints their tables and keeps everything as JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.peers.machine import least_busy_core, load, machine
from tests.bench.peers.measure import environment, measurement, pin
from tests.bench.peers.page import DATA, PAGE, page
from tests.bench.peers.results import table
from tests.bench.peers.works import described, works

USUAL = ("dqn", "ppo", "sac64", "sac256", "tables")


def main(names: Sequence[str], runs: int, core: int | None, command: str, file: Path) -> None:
    """Measure these works and write ``file``."""
    known = works()
    core = least_busy_core() if core is None else core
    before = load()
    pin(core)
    print(f"core {core}, load {before}", flush=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as cache:
        variables = environment(cache)
        for each in names:
            found[each] = measurement(known[each], runs, variables)
            print(f"\n{table(found[each])}\n", flush=True)
    data = {
        "command": command,
        "machine": machine(),
        "core": core,
        "load": [before, load()],
        "environment": described()["environment"],
        "runs": runs,
        "works": found,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{json.dumps(data, indent=1)}\n", "utf-8")
    print(f"written: {file}")
    if file.resolve() == DATA:
        PAGE.write_text(page(data), "utf-8")
        print(f"written: {PAGE}")
