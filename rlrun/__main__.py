"""The command `rlrun`."""

from __future__ import annotations

import os
import sys

from rlrun import __version__
from rlrun.cli.verbs.dispatch import complete, complete_words, from_verb, run_verb
from rlrun.terminal.streams import dropping


def main() -> int:
    """Run the command line and return the exit code."""
    with dropping():
        return _run(sys.argv[1:])


def _run(words: list[str]) -> int:
    """Run the words of a command line; help and version before anything slow is imported."""
    try:
        if words in (["--help"], ["-h"]):
            from rlrun.cli.help import overview

            print(overview())
            return 0
        if words == ["--version"]:
            print(f"rlrun {__version__}")
            return 0
        if words[:1] in (["-sc"], ["--shell-completion"]) and "COMP_LINE" in os.environ:
            verbs = complete(os.environ["COMP_LINE"])
            if verbs is None:
                print(*complete_words(os.environ["COMP_LINE"]))
                return 0
            print(*verbs, end=" ")  # Hydra adds its own completions
        if verb := from_verb(words):
            return run_verb(verb)
        from rlrun.cli.app import run

        return run(words)
    except KeyboardInterrupt as error:
        code: int = getattr(error, "code", 130)
        reason = "Ctrl-C" if code == 130 else str(error)
        line = "" if hasattr(error, "code") else "\n"  # after the ^C that the terminal shows
        print(f"{line}rlrun: stopped ({reason}).", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
