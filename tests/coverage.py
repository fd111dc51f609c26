"""How much of each room the tests ran: ``python -m tests.coverage FILE LEAST``.

FILE is what coverage.py wrote as JSON. Prints a line for each room of ``rlrun``, and fails where
fewer than LEAST percent of the lines of one were run.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def main(file: str, least: float) -> int:
    """Print the table; the exit code."""
    files: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))["files"]
    lines, covered = Counter[str](), Counter[str]()
    for name, found in files.items():
        parts = Path(name).parts
        room = parts[1] if len(parts) > 2 else "(root)"
        lines[room] += found["summary"]["num_statements"]
        covered[room] += found["summary"]["covered_lines"]
    shares = {room: 100 * covered[room] / lines[room] for room in sorted(lines) if lines[room]}
    print("lines run, by room:")
    for room, share in shares.items():
        print(f"  {room:12} {share:5.1f} %" + ("  too few" if share < least else ""))
    return int(min(shares.values()) < least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
