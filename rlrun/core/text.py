"""Text with the names of files that are not UTF-8, whose bytes Python keeps as surrogates."""

from __future__ import annotations

import codecs

UNCHANGED = "rlrun.unchanged"
"""An error handler that writes such bytes unchanged, and other characters as their numbers."""


def readable(text: str) -> str:
    r"""Return text that UTF-8 can hold: a byte that belongs to no character becomes ``\xe9``."""
    return text.encode("utf-8", UNCHANGED).decode("utf-8", "backslashreplace")


def _unchanged(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


codecs.register_error(UNCHANGED, _unchanged)
