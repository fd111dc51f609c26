"""Checks and measures the deep agents on a CUDA device, or with the CPU standing in: `make gpu`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from tests.gpu import agents, equality, profiles, report, resume, speed
from tests.gpu.given import TINY, DeviceName, Given, Sizes, machine

PARTS: dict[str, tuple[Callable[[Given], None], int]] = {
    "agents": (agents.main, 120),
    "equality": (equality.main, 150),
    "resume": (resume.main, 120),
    "speed": (speed.main, 270),
    "profile": (profiles.main, 75),
}
"""The parts, with their most seconds."""
TOGETHER = ("agents", "equality", "resume")
"""Parts that measure no time, and run at once on a machine with many cores."""
MANY = 8  # cores


def main(words: Sequence[str] | None = None) -> int:
    given = _parsed(words)
    if given.part:
        return _one(given)
    chosen = [name for name in PARTS if name in given.only]
    results: dict[str, Any] = {"machine": machine(given.device), "parts": {}}
    deadline = time.time() + 60 * given.minutes
    together = [name for name in chosen if name in TOGETHER]
    at_once = len(together) if (os.cpu_count() or 1) >= MANY else 1
    groups = [together[i : i + at_once] for i in range(0, len(together), at_once)]
    groups += [[name] for name in chosen if name not in TOGETHER]
    given.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for group in groups:
            _run(given, group, Path(folder), deadline)
            for name in group:
                results["parts"][name] = _result(Path(folder), name)
                print(report.text({**results, "parts": {name: results["parts"][name]}}), flush=True)
            _keep(results, Path(folder), given.json)
    return 1 if any(found["status"] != "done" for found in results["parts"].values()) else 0


def _parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make gpu", description=__doc__)
    usual = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=usual)
    parser.add_argument("--json", type=Path, default=Path("outputs/gpu/gpu.json"), metavar="FILE")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--minutes", type=float, default=8, help="in all (default: 8)")
    parser.add_argument("--tiny", action="store_true", help="do little, for a test")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--deadline", type=float, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _one(given: argparse.Namespace) -> int:
    """Run one part, in a process of its own; ``json`` is the folder of its results."""
    work, _ = PARTS[given.part]
    device = cast("DeviceName", given.device)
    sizes = TINY if given.tiny else Sizes()
    part = Given(given.part, device, sizes, given.json, given.deadline)
    try:
        work(part)
    except BaseException as error:
        traceback.print_exc()
        part.note(f"the part broke off: {type(error).__name__}: {error}")
        return 1
    return 0


def _run(given: argparse.Namespace, names: Sequence[str], folder: Path, deadline: float) -> None:
    """Run parts at once until they end, or their time is over."""
    started = []
    for name in names:
        until = min(deadline, time.time() + PARTS[name][1])
        words = ["--part", name, "--device", given.device, "--json", str(folder)]
        words += ["--deadline", str(until), *(["--tiny"] if given.tiny else [])]
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.gpu", *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append((name, process, until))
    for name, process, until in started:
        try:
            status = "done" if process.wait(max(until - time.time(), 0) + 5) == 0 else "failed"
        except subprocess.TimeoutExpired:
            status = "out of time"
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        (folder / f"{name}.status").write_text(status)


def _result(folder: Path, name: str) -> dict[str, Any]:
    """Return what a part has written, with the end of its output if it did not end well."""
    path = folder / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    status = (folder / f"{name}.status").read_text()
    rows = [row for table in found.get("tables", {}).values() for row in table]
    if status == "done" and any("error" in row for row in rows):
        status = "done, with errors"
    if status != "done":
        found["output"] = (folder / f"{name}.log").read_text(errors="replace")[-4000:]
    return {"status": status, **found}


def _keep(results: dict[str, Any], folder: Path, file: Path) -> None:
    """Write the results as JSON and as text, and the profiles beside them."""
    file.write_text(json.dumps(results, indent=1))
    file.with_suffix(".txt").write_text(report.text(results) + "\n")
    for each in folder.glob("profile-*.txt"):
        shutil.copy(each, file.parent)


if __name__ == "__main__":
    sys.exit(main())
