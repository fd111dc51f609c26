"""Text for users: values as they are written on the command line, and names of files.

A name that is not UTF-8 has bytes that Python keeps as surrogates.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

UNCHANGED = "rlrun.unchanged"
"""An error handler that writes such bytes unchanged, and other characters as their numbers."""


def as_word(value: Any) -> str:
    """Format a value as it is written on the command line: null, true, [64,64]."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_word, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Return "seed 3", or "seeds 3 to 7"."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def readable(text: str) -> str:
    r"""Return text that UTF-8 can hold: a byte that belongs to no character becomes ``\xe9``."""
    return text.encode("utf-8", UNCHANGED).decode("utf-8", "backslashreplace")


def _unchanged(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


codecs.register_error(UNCHANGED, _unchanged)
