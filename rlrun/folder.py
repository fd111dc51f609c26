"""A run's folder: what ran, how it ended, and what came out, each in a file others can read."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import rlrun

Status = Literal["running", "done", "interrupted", "failed"]
PACKAGES = ("torch", "gymnasium", "numpy", "hydra-core", "ale-py")


class RunFolder:
    """Writes ``meta.json``, ``result.json`` and ``run.log`` into an existing folder."""

    def __init__(self, path: Path, command: str) -> None:
        self.path = path
        self._meta: dict[str, Any] = {
            "status": "running",
            "exact": True,
            "command": command,
            "versions": {
                "rlrun": rlrun.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in PACKAGES},
            },
            "git_commit": _git_commit(),
            "host": platform.node(),
            "platform": platform.platform(),
            "started": _now(),
        }
        self._write("meta.json", self._meta)
        self.log(command)

    def close(self, status: Status, reason: str | None = None) -> None:
        """Record how the run ended."""
        ending = {"status": status, "ended": _now()} | ({"reason": reason} if reason else {})
        self._meta |= ending
        self._write("meta.json", self._meta)
        self.log(": ".join([status, reason] if reason else [status]))

    def result(self, result: Mapping[str, Any]) -> None:
        self._write("result.json", result)

    def log(self, line: str) -> None:
        """Add a line with the time to ``run.log``."""
        with (self.path / "run.log").open("a", encoding="utf-8") as file:
            file.write(f"{_now()} {line}\n")

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a file at once, so that a reader never sees half of it."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")
        os.replace(temporary, self.path / name)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _git_commit() -> str | None:
    """The commit of the checkout that rlrun runs from; None where it is installed as a wheel."""
    checkout = Path(rlrun.__file__).parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
