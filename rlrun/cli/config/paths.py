"""Paths: the program's configuration folder, and the folders of runs."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import time
from pathlib import Path

import rlrun
from rlrun.core.errors import BadInput


def config_root() -> Path:
    """Return the folder `conf`: next to the package in a checkout, inside it once installed."""
    package = Path(rlrun.__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise SystemExit("rlrun: the program's folder conf was not found: install rlrun again")


def slug(text: object) -> str:
    """Return `text` as part of a folder's name: ALE/Pong-v5 becomes ALE-Pong-v5."""
    return re.sub(r"[^\w.+=-]", "-", str(text))


def stamp() -> str:
    """Return the time, with a random part for runs that start in the same second."""
    return time.strftime("%Y-%m-%d_%H-%M-%S-") + secrets.token_hex(3)


def claim(base: Path, requested: bool) -> Path:
    """Create a folder that no other process uses, and return it.

    A name `requested` by the user must not exist yet (BadInput); a generated name gets a number.
    """
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
            try:
                os.mkdir(folder)  # exclusive: of two runs only one succeeds
                return folder
            except FileExistsError:
                if requested and not any(folder.iterdir()):
                    return folder  # a run was killed before it wrote anything
                if requested:
                    raise BadInput(f"the folder {base} exists already: name another one.") from None
    except OSError as error:
        raise BadInput(f"cannot create the folder {base}: {error.strerror}.") from error
    raise AssertionError("unreachable: the loop has no end")


def discard(folder: Path) -> None:
    """Remove a claimed folder if it is empty, and the empty folders above it."""
    with contextlib.suppress(OSError):
        os.removedirs(os.path.relpath(folder))  # relative: never the current directory
