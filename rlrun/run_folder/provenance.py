"""The provenance of a result: versions, commit and time."""

from __future__ import annotations

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import rlrun

PACKAGES = ("gymnasium", "numpy", "hydra-core", "ale-py")


def versions() -> dict[str, str]:
    """Return the versions of rlrun, Python and the packages that a result may depend on."""
    import torch  # here, so that reading a folder does not wait for the import

    packages = {"torch": torch.__version__, **{name: version(name) for name in PACKAGES}}
    return {"rlrun": rlrun.__version__, "python": platform.python_version(), **packages}


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _git_commit() -> str | None:
    """Return the commit of the checkout that rlrun runs from; None if it is installed."""
    checkout = Path(rlrun.__file__).parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
