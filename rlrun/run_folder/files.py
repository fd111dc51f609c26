"""Reading the files of a run folder as untrusted data; every error is a FolderError."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlrun.core.errors import BadInput, RunFailed

MOST_BYTES = 2**20  # of a settings file: real ones are much smaller
MOST_RESULT_BYTES = 10 * MOST_BYTES
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
LINES = "metrics.jsonl"
VIDEOS = "videos"
CURVES = ("iqm", "mean", "ci_low", "ci_high", "threshold", "published")  # the last four: by 0.1.0
FOLDERS = ("checkpoint", "best", "report", "figures", VIDEOS, *CURVES)


class FolderError(RunFailed):
    """The error for a folder that is not a run's, is damaged or is in use."""


def check_files(path: Path) -> None:
    """Raise FolderError for links, pipes, devices and misplaced files, which no run writes.

    Call it before reading anything in the folder.
    """
    if not path.exists():
        raise FolderError(f"there is no folder {path}.")
    for file in (path, *path.rglob("*")):
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue  # replaced in the meantime by a running run
        if stat.S_ISLNK(mode) and file != path:
            raise FolderError(f"{file} is a link, which a run's folder must not contain.")
        is_folder = file == path or file.name in FOLDERS or file.name.startswith("seed_")
        fits = stat.S_ISDIR(mode) or stat.S_ISLNK(mode) if is_folder else stat.S_ISREG(mode)
        if not fits and (is_folder or file.parent in (path, *map(path.joinpath, FOLDERS))):
            kind = "a folder" if is_folder else "a file"
            raise FolderError(f"{file} should be {kind}: this is not the folder of a run.")


@contextlib.contextmanager
def as_folder_error(file: Path, owner: str, damage: str) -> Iterator[None]:
    """Turn any error from reading an untrusted file into a FolderError.

    Messages contain ``owner``, the owner of the folder ("a run"), and ``damage``, the fault of a
    malformed file.
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
    """Return the content of a JSON file. Raises ValueError if it is too large or not JSON."""
    if file.stat().st_size > most_bytes:
        raise ValueError(f"{file} is larger than {most_bytes} bytes")
    return json.loads(file.read_text("utf-8"))


def complete_lines(content: bytes) -> list[bytes]:
    """Return the lines of a file that may still be written, without a partial last line."""
    return content[: content.rfind(b"\n") + 1].splitlines()


def drop_partial_line(file: Path) -> None:
    """Drop a partial last line left by a killed process.

    Call it only while no process writes the file.
    """
    content = file.read_bytes() if file.exists() else b""
    if content and not content.endswith(b"\n"):
        with file.open("r+b") as opened:
            opened.truncate(content.rfind(b"\n") + 1)


def refuse_own_code(folder: Path, env: str) -> None:
    """Raise BadInput if a run's environment could be imported from the run's own files.

    An environment ``module:Name-v0`` is imported from the current directory too: a package there
    may be the run's folder, or contain it.
    """
    module, own = env.rpartition(":")[0], folder.resolve()
    names = module.split(".") if module else []
    for count in range(1, len(names) + 1):
        place = Path.cwd().joinpath(*names[:count])
        for path in (place.resolve(), place.with_name(f"{place.name}.py").resolve()):
            if path.is_relative_to(own) or own.is_relative_to(path):
                raise BadInput(
                    f"use it from another directory: in this one {module} could be imported from "
                    "the run's own files."
                )
