"""Where things are: the configuration that belongs to the program, and the folders of runs."""

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
    """The folder `conf`: next to the package in a checkout, inside it once installed."""
    package = Path(rlrun.__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise SystemExit("rlrun: the folder conf that belongs to the program was not found")


def slug(text: object) -> str:
    """`text` as part of a folder's name: ALE/Pong-v5 becomes ALE-Pong-v5."""
    return re.sub(r"[^\w.+=-]", "-", str(text))


def stamp() -> str:
    """The time, and some randomness for runs that start in the same second."""
    return time.strftime("%Y-%m-%d_%H-%M-%S-") + secrets.token_hex(3)


def claim(base: Path, asked: bool) -> Path:
    """Make a folder that is ours alone, and return it.

    A name the user `asked` for is refused where it exists; one we chose gets a number.
    """
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
            try:
                os.mkdir(folder)  # exclusive: of two runs only one succeeds
                return folder
            except FileExistsError:
                if asked and not any(folder.iterdir()):
                    return folder  # a run was killed before it wrote anything
                if asked:
                    raise BadInput(f"the folder {base} exists already: name another one.") from None
    except OSError as error:
        raise BadInput(f"cannot make the folder {base}: {error.strerror}.") from error
    raise AssertionError("unreachable: the numbers do not end")


def discard(folder: Path) -> None:
    """Remove a claimed folder in which nothing was written, and the empty ones above it."""
    with contextlib.suppress(OSError):
        os.removedirs(os.path.relpath(folder))  # relative: never the current directory
