"""What `rlrun` does besides training: each verb and where it stands.

They are looked up before anything slow is imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

VERBS = {  # name -> module:function, which takes the words after the verb and returns the exit code
    "resume": "rlrun.cli.resume:resume",
    "report": "rlrun.cli.report:report",
    "evaluate": "rlrun.cli.evaluate:evaluate",
    "record": "rlrun.cli.record:record",
    "list": "rlrun.cli.listing:listing",
}

WORDS = {
    "list": ("agents", "envs", "experiments")
}  # what a verb goes on with, where it is no folder


def run_verb(words: Sequence[str]) -> int:
    """Run `rlrun VERB WORDS`; the result is the exit code."""
    module, _, function = VERBS[words[0]].partition(":")
    code: int = getattr(importlib.import_module(module), function)(list(words[1:]))
    return code


def complete(line: str) -> list[str] | None:
    """The verbs that a command line may go on with; None where it is one and has its own words.

    After a verb the shell itself completes the names of folders; see `own_words`.
    """
    typed = line.split() + [""] * line.endswith(" ")
    if len(typed) > 2 and typed[1] in VERBS:
        return None
    return [verb for verb in VERBS if len(typed) == 2 and verb.startswith(typed[1])]


def own_words(line: str) -> list[str]:
    """The words that a command line with a verb may go on with."""
    typed = line.split() + [""] * line.endswith(" ")
    return [
        word for word in WORDS.get(typed[1], ()) if len(typed) == 3 and word.startswith(typed[2])
    ]
