"""Finding the run that a word after a verb names."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlrun.core.errors import BadInput, RunFailed, did_you_mean
from rlrun.run_folder.files import check_files
from rlrun.run_folder.folder import read_meta
from rlrun.run_folder.reader import RecordedRun, read_run
from rlrun.sweep.plan import is_sweep
from rlrun.sweep.plan import read as read_plan

if TYPE_CHECKING:
    from rlrun.envs.environment import Environment


def find(name: str, verb: str) -> Path:
    """Return the folder of the run called ``name``. Raises BadInput if there is no such run."""
    if name == "last":
        return _latest(runs_here())
    if name.startswith("-"):
        raise BadInput(f"there is no flag {name}: write rlrun {verb} RUN.")
    folder = Path(name)
    if not folder.is_dir():
        hint = did_you_mean(name.rstrip("/"), map(str, runs_here()))
        raise BadInput(f"there is no folder {name}.{hint}")
    if not (folder / "meta.json").exists() and (runs := sorted(folder.glob("**/meta.json"))):
        first = os.path.relpath(runs[0].parent)
        raise BadInput(f"{name} contains {len(runs)} runs: name one of them, such as {first}.")
    return folder


def open_run(words: Sequence[str], verb: str) -> RecordedRun:
    """Return the run that the first word names.

    Raises BadInput if there is no such run, FolderError if its folder is damaged, or its settings
    are not valid.
    """
    from rlrun.settings import recorded_settings  # imported late: it imports torch

    if not words:
        raise BadInput(f"no run given: write rlrun {verb} RUN.")
    folder = find(words[0], verb)
    check_files(folder)
    run = read_run(folder)
    recorded_settings(run.settings, folder)
    return run


def warn_inexact(env: Environment, seed: int) -> None:
    """Say why what is played now in this environment is not what the run itself played."""
    if sentence := env.check_reproducible(seed):
        print(f"rlrun: not exact: {sentence}", file=sys.stderr)


def last_begun() -> Path:
    """Return the run or sweep that was started last; the jobs of a sweep do not count as runs."""
    sweeps = [path.parent for path in Path("outputs").glob("**/sweep.json")]
    return _latest([*sweeps, *(run for run in runs_here() if run.parent not in sweeps)])


def runs_here() -> list[Path]:
    """Return the folders of the runs under `outputs/`, in any order."""
    return [path.parent for path in Path("outputs").glob("**/meta.json")]


def _latest(folders: list[Path]) -> Path:
    if not folders:
        raise BadInput("there is no run under outputs/ here.")
    return max(folders, key=_start)


def _start(folder: Path) -> tuple[str, str]:
    """Return the start time of a run or sweep, and its path to break ties within a second."""
    try:
        if is_sweep(folder):
            return read_plan(folder).started, str(folder)
        return str(read_meta(folder)["started"]), str(folder)
    except (RunFailed, KeyError):
        return "", str(folder)
