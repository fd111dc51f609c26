"""Which run a verb of the command line means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rlrun.core.errors import BadInput, RunFailed, did_you_mean
from rlrun.run_folder.files import check_files
from rlrun.run_folder.folder import read_meta
from rlrun.run_folder.reader import RecordedRun, read_run
from rlrun.sweep.plan import is_sweep
from rlrun.sweep.plan import read as read_plan


def find(name: str, verb: str) -> Path:
    """The folder of the run that is meant. Raises BadInput where there is none."""
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
        raise BadInput(f"{name} holds runs ({len(runs)}): name one of them, as {first}.")
    return folder


def open_run(words: Sequence[str], verb: str) -> RecordedRun:
    """The run that the first word means. Raises BadInput where there is none, FolderError where its
    folder is damaged.
    """
    if not words:
        raise BadInput(f"name a run: rlrun {verb} RUN.")
    folder = find(words[0], verb)
    check_files(folder)
    return read_run(folder)


def last_begun() -> Path:
    """What was begun last: a run, or a sweep, to which its jobs belong."""
    sweeps = [path.parent for path in Path("outputs").glob("**/sweep.json")]
    found = [*sweeps, *(run for run in runs_here() if run.parent not in sweeps)]
    return _latest(found)


def runs_here() -> list[Path]:
    """The folders of the runs under `outputs/`, in any order."""
    return [path.parent for path in Path("outputs").glob("**/meta.json")]


def _latest(found: list[Path]) -> Path:
    if not found:
        raise BadInput("there is no run under outputs/ here.")
    return max(found, key=_begun)


def _begun(folder: Path) -> tuple[str, str]:
    """When a run or sweep began, and its name, which tells those of a second apart."""
    try:
        if is_sweep(folder):
            return read_plan(folder).started, str(folder)
        return str(read_meta(folder)["started"]), str(folder)
    except (RunFailed, KeyError):
        return "", str(folder)
