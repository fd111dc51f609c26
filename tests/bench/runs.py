"""Commands of a benchmark, each in a process of its own on one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def output(*words: str) -> str:
    """What a Python command prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def rlrun(*words: str) -> float:
    """Steps per second of all seeds together, of a command line of rlrun."""
    with tempfile.TemporaryDirectory() as folder:
        output("-m", "rlrun", *words, f"hydra.run.dir={folder}/run")
        result = json.loads(Path(folder, "run", "result.json").read_text())
    return float(result["steps_per_second"])
