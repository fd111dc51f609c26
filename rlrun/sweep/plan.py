"""The command line of a sweep: ``sweep.json`` in its folder, from which it can be resumed.

It is read as untrusted data. Of a command line only words that choose settings of a run are
accepted: none that name something to be called.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlrun.run_folder.files import FolderError, as_folder_error, read_json
from rlrun.terminal.commands import command_line

FILE = "sweep.json"
VERSION = 1
_KEY = r"[A-Za-z0-9][\w-]*([./][\w-]+)*"
_TASK = re.compile(rf"[+~]{{0,2}}(?!hydra\b){_KEY}(=.*)?", re.DOTALL)
_HYDRA = re.compile(
    r"hydra/(launcher|sweeper)=\w+|\+{0,2}hydra\.verbose=.*"
    rf"|\+{{0,2}}hydra\.(launcher|sweeper|job(?!\.(env_set|chdir)\b))\.{_KEY}=.*",
    re.DOTALL,
)
_FORBIDDEN = ("_target_", "_args_", "_partial_", "_recursive_", "_convert_", "${", "\n", "\0")


@dataclass(frozen=True)
class Plan:
    """The command line of a sweep, in its parts.

    Args:
        command: the whole command line, for display.
        flags: ``--config-dir`` and a folder (absolute), or nothing.
        hydra: the words that choose a launcher, a sweeper and their keys, ``hydra.verbose`` and
            ``hydra.job``.
        task: the words that choose settings.
        varying: the keys that differ between jobs.
        kind: ``grid``, or the name of another sweeper.
        started: the start time, in the format of ``meta.json``.
    """

    command: str
    flags: tuple[str, ...]
    hydra: tuple[str, ...]
    task: tuple[str, ...]
    varying: tuple[str, ...]
    kind: str
    started: str


def write(folder: Path, plan: Plan) -> None:
    """Write ``sweep.json``."""
    content = json.dumps({"version": VERSION, **asdict(plan)}, indent=2) + "\n"
    (folder / FILE).write_text(content, encoding="utf-8")


def is_sweep(folder: Path) -> bool:
    return (folder / FILE).is_file()


def read(folder: Path) -> Plan:
    """Read ``sweep.json``. Raises FolderError if it is damaged or contains words not allowed."""
    path = folder / FILE
    with as_folder_error(path, "a sweep", "it does not describe a sweep"):
        data = read_json(path)
        version = data.pop("version")
        lists: Any = {name: tuple(data.pop(name)) for name in ("flags", "hydra", "task", "varying")}
        texts = [*data.values(), *(word for words in lists.values() for word in words)]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError
        plan = Plan(**data, **lists)
    if version != VERSION:
        raise FolderError(
            f"{path} has format version {version!r}, but this program reads version {VERSION}."
        )
    _check_flags(path, plan.flags)
    check_words(path, plan.task)
    _check_allowed(path, plan.hydra, _HYDRA)
    return plan


def check_words(path: Path, words: Sequence[str]) -> None:
    """Raise FolderError if a word from the file ``path`` does not choose a run's setting."""
    _check_allowed(path, words, _TASK)


def not_resumable(plan: Plan) -> list[str]:
    """Return the words of a command line with which a sweep can be run, but not resumed."""
    return [*_not_allowed(plan.hydra, _HYDRA), *_not_allowed(plan.task, _TASK)]


def print_resume_command(folder: Path) -> None:
    """Print the command that resumes a sweep, on standard error."""
    line = command_line("resume", os.path.relpath(folder))
    print(f"rlrun: to resume the sweep: {line}", file=sys.stderr)


def _not_allowed(words: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    return [w for w in words if not pattern.fullmatch(w) or any(each in w for each in _FORBIDDEN)]


def _check_allowed(path: Path, words: Sequence[str], pattern: re.Pattern[str]) -> None:
    if refused := _not_allowed(words, pattern):
        raise FolderError(
            f"{path}: {refused[0]!r} is not allowed in a sweep's file: it could run other code."
        )


def _check_flags(path: Path, flags: Sequence[Any]) -> None:
    """Raise FolderError for unknown flags, and for a ``--config-dir`` in the sweep's folder."""
    if not flags:
        return
    if len(flags) != 2 or flags[0] != "--config-dir" or not Path(flags[1]).is_absolute():
        raise FolderError(f"{path} is damaged: it does not describe a sweep.")
    if Path(flags[1]).resolve().is_relative_to(path.parent.resolve()):
        raise FolderError(f"{path}: --config-dir {flags[1]} is in the sweep's own folder.")
