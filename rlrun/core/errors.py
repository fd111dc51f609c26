"""Mistakes of the user, told in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Something the user wrote cannot be run; the text is a sentence for the user.

    `key` is the full name of the setting in question where there is one ("agent.lr"): the command
    line uses it to name the file in which the setting stands.
    """

    def __init__(self, text: str, key: str = "") -> None:
        super().__init__(text)
        self.key = key


class RunFailed(Exception):
    """A run cannot go on; the text is a sentence for the user, who needs no traceback."""


def closest(word: str, options: Iterable[str]) -> str | None:
    """The option that `word` was probably meant to be, or None."""
    by_lower = {option.lower(): option for option in options}
    lower = word.lower()
    if not lower:
        return None
    if lower in by_lower:
        return by_lower[lower]
    near = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.6)
    starting = sorted((o for o in by_lower if o.startswith(lower)), key=len)
    found = next(iter([*near, *starting]), None)
    return None if found is None else by_lower[found]


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The sentence " Did you mean X?", or nothing where no option is close."""
    option = closest(word, options)
    return f" Did you mean {option}?" if option is not None else ""
