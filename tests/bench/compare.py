"""Compares the speed of rlrun with that of an earlier commit: `make bench-compare BASE=<commit>`.

Both run the same works with the same packages, alternately, on one core with one thread. A ratio is
that of the medians, new over old; its interval is a bootstrap's, or with fewer than five runs from
the least to the greatest ratio. If it contains 1, the difference is within the noise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.peers import ours
from tests.bench.peers.machine import least_busy_core, load, machine
from tests.bench.peers.measure import pin, run
from tests.bench.peers.results import rates
from tests.bench.peers.suite import USUAL
from tests.bench.peers.works import Work, described, works

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = "conf/experiment"
DRAWS, LEVEL = 2000, 95  # of the bootstrap
FEW = 5  # runs of each side below which an interval is that of the least and greatest ratios


def git(*words: str) -> str:
    """Return what a git command prints."""
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()


@contextmanager
def tree(commit: str) -> Iterator[Path]:
    """Yield a temporary working tree of a commit, with this one's settings of the works."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "base")
        git("worktree", "add", "--quiet", "--detach", str(path), commit)
        try:
            for file in ROOT.glob(f"{EXPERIMENTS}/bench_*.yaml"):
                path.joinpath(EXPERIMENTS, file.name).write_bytes(file.read_bytes())
            yield path
        finally:
            git("worktree", "remove", "--force", str(path))


def measure(work: Work, seeds: int, root: Path) -> dict[str, float]:
    """Return one measurement of the rlrun in this working tree."""
    words = [*work.rlrun, f"seeds={seeds}", f"total_steps={work.steps}"]
    tree = {"PYTHONPATH": str(root), ours.TREE: str(root)}
    variables = {**os.environ, **described()["environment"], **tree}
    # -P: the package comes from PYTHONPATH alone
    return run(["-P", str(Path(ours.__file__)), *words], variables)


def ratio(new: Sequence[float], old: Sequence[float]) -> tuple[float, float, float]:
    """Return the ratio of the medians and the bounds of its interval."""
    middle = statistics.median(new) / statistics.median(old)
    if min(len(new), len(old)) < FEW:
        return middle, min(new) / max(old), max(new) / min(old)
    rng = np.random.default_rng(0)
    draws = [
        np.asarray(each)[rng.integers(0, len(each), (DRAWS, len(each)))] for each in (new, old)
    ]
    of_draws = np.median(draws[0], axis=1) / np.median(draws[1], axis=1)
    low, high = np.percentile(of_draws, (50 - LEVEL / 2, 50 + LEVEL / 2))
    return middle, float(low), float(high)


def verdict(low: float, high: float) -> str:
    """Return what an interval says."""
    return "faster" if low > 1 else "slower" if high < 1 else "within the noise"


def compare(
    names: Sequence[str], seeds: Mapping[str, Sequence[int]], runs: int, base: Path
) -> dict[str, Any]:
    """Return all measurements by work and seeds; print a line for each clock."""
    found: dict[str, Any] = {}
    heads = "".join(f"{side:>11}{'least-greatest':>22}" for side in ("old", "new"))
    print(f"{'':18}{'clock':6}{heads}  ratio")
    for work in [works()[name] for name in names]:
        for count in seeds[work.name]:
            both: dict[str, list[Any]] = {"old": [], "new": []}
            for number in range(runs):
                order = (("old", base), ("new", ROOT))
                for side, root in order if number % 2 == 0 else order[::-1]:
                    both[side].append(measure(work, count, root))
            found[f"{work.name} {count}"] = both
            for clock in ("wall", "cpu"):
                print(line(f"{work.name}, {count} seeds", clock, both), flush=True)
    return found


def line(what: str, clock: str, both: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return a line of the table, by one of the clocks."""
    old, new = rates(both["old"], clock), rates(both["new"], clock)
    middle, low, high = ratio(new, old)
    sides = "".join(
        f"{statistics.median(each):11,.0f}{f'{min(each):,.0f}-{max(each):,.0f}':>22}"
        for each in (old, new)
    )
    return f"{what:18}{clock:6}{sides}  {middle:.3f} ({low:.3f} to {high:.3f}) {verdict(low, high)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-compare BASE=", description=__doc__)
    parser.add_argument("base", metavar="COMMIT")
    parser.add_argument(
        "works", nargs="*", help=f"of {', '.join(works())}; default: those of bench"
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="(default: those of `make bench`)")
    parser.add_argument("--runs", type=int, default=5, help="of each side (default: 5)")
    parser.add_argument("--core", type=int, help="(default: the least busy one)")
    parser.add_argument("--json", type=Path, default=Path("outputs/bench_compare.json"))
    given = parser.parse_args()
    names = given.works or USUAL
    if unknown := set(names) - set(works()):
        parser.error(f"there is no work {', '.join(sorted(unknown))}")
    if not given.base:
        parser.error("say which commit to compare with: make bench-compare BASE=<commit>")
    commit = git("rev-parse", "--verify", f"{given.base}^{{commit}}")
    seeds = {name: given.seeds or stacks(works()[name]) for name in names}
    core = least_busy_core() if given.core is None else given.core
    pin(core)
    print(f"old: {commit[:12]}; new: this working tree; core {core}, load {load()}")
    print("environment steps of all seeds per second, medians, by wall clock and processor time\n")
    with tree(commit) as base:
        found = compare(names, seeds, given.runs, base)
    data = {"base": commit, "machine": machine(), "core": core, "runs": given.runs, "found": found}
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(f"{json.dumps(data, indent=1)}\n", "utf-8")
    print(f"\nwritten: {given.json}")


def stacks(work: Work) -> list[int]:
    """Return the numbers of seeds with which rlrun does this work in the suite."""
    return [int(each.split()[1]) for each in work.contenders if each.split()[0] == "rlrun"]


if __name__ == "__main__":
    main()
