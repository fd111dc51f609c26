"""Reading the files of a run folder as untrusted data, with a sentence for every error."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlrun.core.errors import BadInput, RunFailed

MOST_BYTES = 2**20  # of a file of settings: none of ours comes near
MOST_RESULT_BYTES = 10 * MOST_BYTES
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
LINES = "metrics.jsonl"
VIDEOS = "videos"
CURVES = ("iqm", "ci_low", "ci_high", "threshold", "published")  # as the logger writes them
FOLDERS = ("checkpoint", "best", "report", "figures", VIDEOS, *CURVES)


class FolderError(RunFailed):
    """A folder is not that of a run, or somebody else is at work in it; a sentence."""


def check_files(path: Path) -> None:
    """Raises FolderError for what no run leaves: links, pipes, devices, and files in wrong places.

    Looked at before anything in the folder is read.
    """
    if not path.exists():
        raise FolderError(f"there is no folder {path}.")
    for file in (path, *path.rglob("*")):
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue  # a run that goes on has replaced it
        if stat.S_ISLNK(mode) and file != path:
            raise FolderError(f"{file} is a link: a run's folder has none.")
        is_folder = file == path or file.name in FOLDERS or file.name.startswith("seed_")
        fits = stat.S_ISDIR(mode) or stat.S_ISLNK(mode) if is_folder else stat.S_ISREG(mode)
        if not fits and (is_folder or file.parent in (path, *map(path.joinpath, FOLDERS))):
            kind = "a folder" if is_folder else "a file"
            raise FolderError(f"{file} should be {kind}: this is not the folder of a run.")


@contextlib.contextmanager
def as_folder_error(file: Path, owner: str, damage: str) -> Iterator[None]:
    """Whatever a file that may come from anybody does to its reader, as a FolderError.

    ``owner`` is what has such a file in its folder, ``damage`` what is wrong with one that cannot
    be made sense of.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = f"{file.parent} is not the folder of {owner}: it has no {file.name}."
        raise FolderError(missing) from error
    except OSError as error:
        raise FolderError(f"{file} cannot be read: {error.strerror}.") from error
    except DAMAGE as error:
        raise FolderError(f"{file} is damaged: {damage}.") from error


def read_json(file: Path, most_bytes: int = MOST_BYTES) -> Any:
    """What a file of JSON holds. Raises ValueError where it is larger, or not JSON."""
    if file.stat().st_size > most_bytes:
        raise ValueError(f"{file} is larger than {most_bytes} bytes")
    return json.loads(file.read_text("utf-8"))


def complete_lines(content: bytes) -> list[bytes]:
    """The lines of a file that is being written: the last may be half a line, and is left out."""
    return content[: content.rfind(b"\n") + 1].splitlines()


def drop_partial_line(file: Path) -> None:
    """Take half a line off the end, which a process left that was killed; nobody may be writing."""
    content = file.read_bytes() if file.exists() else b""
    if content and not content.endswith(b"\n"):
        with file.open("r+b") as opened:
            opened.truncate(content.rfind(b"\n") + 1)


def refuse_own_code(folder: Path, env: str) -> None:
    """Raises BadInput where a run's environment could be imported from a file in or beside it.

    An environment ``module:Name-v0`` is imported from the current directory too: a package there
    may be the run's own folder, or one that holds it.
    """
    module, own = env.rpartition(":")[0], folder.resolve()
    names = module.split(".") if module else []
    for count in range(1, len(names) + 1):
        place = Path.cwd().joinpath(*names[:count])
        for path in (place.resolve(), place.with_name(f"{place.name}.py").resolve()):
            if path.is_relative_to(own) or own.is_relative_to(path):
                raise BadInput(
                    f"use it from another folder: here {module} could be a file of the run."
                )
