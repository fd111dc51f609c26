"""Measures rlrun beside its peers; `--docs` writes docs/benchmarks.md and docs/benchmarks.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.bench import atari, checkpoints, memory, particles, replay, sweep
from tests.bench.peers import suite
from tests.bench.peers.page import DATA
from tests.bench.peers.works import works

GROUPS = {"sac": ("sac64", "sac256"), "continuous": ("ddpg64", "ddpg256", "sac64", "sac256")}
"""Names for several works."""
OTHERS = {
    "replay": replay.main,
    "checkpoints": checkpoints.main,
    "sweep": sweep.main,
    "atari": atari.main,
    "particles": particles.main,
    "memory": memory.main,  # takes 10 GB
}
"""Parts with their own tables."""


def main() -> None:
    names = (*works(), *GROUPS, *OTHERS)
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        help=f"of {', '.join(names)}; by default {', '.join(suite.USUAL)}",
    )
    parser.add_argument("--runs", type=int, default=5, help="of each contender (default: 5)")
    parser.add_argument("--core", type=int, help="(default: the least busy one)")
    parser.add_argument("--json", type=Path, default=Path("outputs/bench.json"), metavar="FILE")
    parser.add_argument("--docs", action="store_true", help="write the page of the documentation")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(names):
        parser.error(
            f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(names)}"
        )
    parts = [each for part in given.parts or suite.USUAL for each in GROUPS.get(part, (part,))]
    if chosen := [part for part in parts if part not in OTHERS]:
        words = [*given.parts, f"--runs {given.runs}", *(["--docs"] if given.docs else [])]
        command = f"make bench ARGS='{' '.join(words)}'"
        file = DATA if given.docs else given.json
        suite.main(chosen, given.runs, given.core, command, file)
    for part in [part for part in parts if part in OTHERS]:
        OTHERS[part](given.runs)
        print()


if __name__ == "__main__":
    main()
