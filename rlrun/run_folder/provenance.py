"""What a result may depend on: versions, the commit, the time."""

from __future__ import annotations

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import rlrun

PACKAGES = ("gymnasium", "numpy", "hydra-core", "ale-py")


def versions() -> dict[str, str]:
    """What a result may depend on."""
    import torch  # here: who only reads a folder need not wait for it

    packages = {"torch": torch.__version__, **{name: version(name) for name in PACKAGES}}
    return {"rlrun": rlrun.__version__, "python": platform.python_version(), **packages}


def now() -> str:
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
