"""Command lines printed for the user, which a shell runs when they are pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def _program(name: str) -> str:
    """Return a program's name if the shell finds it, else its quoted path in this environment."""
    return name if shutil.which(name) else shlex.quote(_path(name))


def command_line(*words: str) -> str:
    """Return ``rlrun WORDS``, quoted for a shell."""
    return shlex.join(["rlrun", *words]).replace("rlrun", _program("rlrun"), 1)


def tensorboard_line(folder: Path) -> str:
    """Return the line that shows the curves of the runs at or below a folder."""
    return f"{_program('tensorboard')} --logdir {shlex.quote(os.path.relpath(folder))}"


def repeating(command: str, resumed: Sequence[str] = ()) -> str:
    """Return the line that repeats the run of ``command``, a quoted ``rlrun ...``.

    ``resumed`` are the words of the `rlrun resume last` that follows it, if any.
    """
    again = command.replace("rlrun", _program("rlrun"), 1)
    return f"{again} && {command_line('resume', 'last', *resumed)}" if resumed else again


def _path(name: str) -> str:
    return os.path.relpath(Path(sys.executable).parent / name)
