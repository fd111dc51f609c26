"""rlrun: reinforcement-learning experiments from the command line, many seeds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rlrun.api import LoadedRun

__version__ = "0.1.0"
__all__ = ["__version__", "load_run"]


def load_run(folder: str | Path) -> LoadedRun:
    """Return the run in ``folder``: its settings, metrics, result and policies.

    See docs/python.md. Raises rlrun.core.errors.RunFailed, with a sentence, if there is no run.
    """
    from rlrun import api  # imported late: it needs torch, which the command's help does not

    return api.load_run(folder)


def __dir__() -> list[str]:
    """Return the public names alone, without the rooms that happen to be imported."""
    return sorted(__all__)
