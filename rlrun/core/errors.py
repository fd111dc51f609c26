"""Errors whose text is a sentence for the user, and suggestions for misspelt words and numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class BadInput(Exception):
    """Invalid input from the user; the text is a sentence for the user.

    `key` is the full name of the setting concerned, if there is one ("agent.lr"): the command line
    uses it to name the file that sets it.
    """

    def __init__(self, text: str, key: str = "") -> None:
        super().__init__(text)
        self.key = key


class RunFailed(Exception):
    """A run cannot continue; the text is a sentence for the user, who needs no traceback."""


def closest(word: str, options: Iterable[str]) -> str | None:
    """Return the option that `word` was probably meant to be, or None."""
    by_lower = {option.lower(): option for option in options}
    lower = word.lower()
    if not lower:
        return None
    if lower in by_lower:
        return by_lower[lower]
    near = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.6)
    starting = sorted((o for o in by_lower if o.startswith(lower)), key=len)
    match = next(iter([*near, *starting]), None)
    return None if match is None else by_lower[match]


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return the sentence " Did you mean X?", or "" if no option is close."""
    option = closest(word, options)
    return f" Did you mean {option}?" if option is not None else ""


def in_digits(text: str) -> str:
    """Return the sentence " Write 100000." for a number such as 100k, or "" for other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([km])", text, re.IGNORECASE)
    if match is None:
        return ""
    number = float(match[1]) * {"k": 1e3, "m": 1e6}[match[2].lower()]
    return f" Write {number:.0f}." if number.is_integer() else ""
