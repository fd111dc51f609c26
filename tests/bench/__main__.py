"""Runs both sides of each comparison alternately, and prints medians and ratios."""

from __future__ import annotations

import argparse

from tests.bench import atari, checkpoints, continuous, dqn, memory, ppo, replay, sweep, tables

USUAL = {
    "dqn": dqn.main,
    "continuous": continuous.main,
    "ppo": ppo.main,
    "tables": tables.main,
    "replay": replay.main,
    "checkpoints": checkpoints.main,
    "sweep": sweep.main,
    "atari": atari.main,
}
PARTS = {**USUAL, "memory": memory.main}  # that one takes 10 GB


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help=f"of {', '.join(PARTS)}; all but memory by default"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(
            f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}"
        )
    for part in given.parts or USUAL:
        PARTS[part](given.runs)
        print()


if __name__ == "__main__":
    main()
