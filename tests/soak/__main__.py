"""Starts real runs, kills them by SIGKILL at random moments, resumes them, and compares."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rlrun.checkpoint import store
from rlrun.run import resume_run, start_run
from rlrun.run_folder.reader import read_for_resume
from tests.soak.cases import CASES, SHORT
from tests.soak.compare import unlike
from tests.soak.kill import PHASES, Killer
from tests.support.common import settings

DAMAGED = 0.5  # of the kills: the newest checkpoint is damaged, too


def child(work: Callable[[], None], log: Path) -> int:
    """Do something in a process of its own; how it ended, as a negative signal or an exit code."""
    pid = os.fork()
    if pid == 0:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def work(words: dict[str, Any], folder: Path, killer: Killer, counts: Path | None) -> None:
    """Begin a run, or go on with it; with ``counts``, note how often each phase occurred."""
    killer.arm()
    if (folder / "meta.json").exists():
        run = read_for_resume(folder)
        resume_run(run, run.settings, "rlrun resume")
    else:
        folder.mkdir(exist_ok=True)
        start_run(words, folder, "rlrun soak")
    if counts is not None:
        counts.write_text(json.dumps(killer.counts))


def damage(folder: Path, rng: random.Random) -> bool:
    """Flip a byte of the newest checkpoint, if there is an older one; whether that was so."""
    manifests = sorted(folder.glob("manifest-*.json"), key=lambda p: int(p.stem.split("-")[1]))
    if len(manifests) < 2:
        return False
    number = manifests[-1].stem.split("-")[1]
    path = rng.choice([manifests[-1], folder / f"arrays-{number}.safetensors"])
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return True


def soak(name: str, kills: int, first: int, rng: random.Random, base: Path) -> Counter[str]:
    """Kill one case so often, in phases from number ``first`` on; compare it with itself whole."""
    words = settings(*SHORT, *CASES[name])
    folder, twin = base / "killed", base / "whole"
    log, counts = base / "log", base / "counts.json"
    found: Counter[str] = Counter()
    if child(lambda: work(words, twin, Killer(), counts), log) != 0:
        raise SystemExit(f"{name}: the uninterrupted run failed: {log.read_text()}")
    total = json.loads(counts.read_text())
    possible = [phase for phase in PHASES if total[phase]]
    while found["kills"] < kills:
        phase = possible[(first + found["kills"]) % len(possible)]
        killer = Killer(phase, rng.randint(1, max(1, total[phase] // 3)), rng.random() < 0.5)
        code = child(lambda killer=killer: work(words, folder, killer, None), log)  # type: ignore[misc]
        if code == 0:  # it came to its end before its time: begin another one
            found["lost"] += bool(unlike(twin, folder))
            folder.rename(base / f"done-{found['kills']}-{time.monotonic_ns()}")
        elif code == -signal.SIGKILL:
            found["kills"] += 1
            found[phase] += 1
            if rng.random() < DAMAGED and damage(folder / "checkpoint", rng):
                found["from the older generation"] += 1
        else:
            raise SystemExit(f"{name}: exit code {code}: {log.read_text()[-2000:]}")
    if child(lambda: work(words, folder, Killer(), None), log) != 0:
        raise SystemExit(f"{name}: the resumed run failed: {log.read_text()[-2000:]}")
    wrong = unlike(twin, folder)
    if wrong:
        found["lost"] += 1
        print(f"{name}: differs in {', '.join(wrong[:5])}", flush=True)
    store.load(folder / "checkpoint")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, spread over the cases")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    given = parser.parse_args()
    torch.set_num_threads(1)
    total: Counter[str] = Counter()
    share, rest = divmod(given.kills, len(given.cases))
    for number, name in enumerate(given.cases):
        kills = share + (number < rest)
        rng = random.Random(f"{given.seed} {name}")
        with tempfile.TemporaryDirectory() as folder:
            found = soak(name, kills, number, rng, Path(folder))
        total += found
        print(f"{name}: {found['kills']} kills, {found['lost']} lost", flush=True)
    exact = total["kills"] if not total["lost"] else "not all"
    print(f"\n{total['kills']} kills, {exact} exact, {total['lost']} runs lost")
    for phase in (*PHASES, "from the older generation"):
        print(f"  {phase}: {total[phase]}")
    return 1 if total["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
