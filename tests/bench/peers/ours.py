"""rlrun doing a work: `python -m ... ours WORD...` is a command line of it.

Prints the steps of all seeds, and wall time and processor time of the training, as JSON. The
processor's time begins and ends with the clock of the run's own `steps_per_second`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import rlrun
from rlrun.__main__ import main as command_line
from rlrun.training.clock import WallClock

TREE = "RLRUN_BENCH_TREE"  # names the folder that rlrun must be imported from
_read: Any = WallClock.__dict__["training"]
_start = WallClock.__init__
begin, end = 0.0, 0.0


def _begin(self: WallClock) -> None:
    global begin
    _start(self)
    begin = time.process_time()


def _training(self: WallClock) -> float:
    global end
    end = time.process_time()
    return float(_read.fget(self))


def main(words: list[str]) -> int:
    tree = Path(rlrun.__file__).parents[1]
    if (wanted := os.environ.get(TREE, str(tree))) != str(tree):
        raise SystemExit(f"rlrun was imported from {tree} instead of {wanted}")
    WallClock.__init__ = _begin  # type: ignore[method-assign]
    WallClock.training = property(_training)  # type: ignore[method-assign, assignment]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["rlrun", *words, f"hydra.run.dir={folder}/run"]
        if code := command_line():
            return code
        result = json.loads(Path(folder, "run", "result.json").read_text())
    steps = result["steps"] * len(result["seeds"])
    wall = steps / result["steps_per_second"]
    print(json.dumps({"steps": steps, "wall": wall, "cpu": end - begin}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
