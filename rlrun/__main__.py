"""The command `rlrun`."""

from __future__ import annotations

import sys

from rlrun import __version__
from rlrun.cli.completion import shell_command
from rlrun.cli.verbs.dispatch import from_verb, run_verb
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
        if (code := shell_command(words)) is not None:
            return code
        if verb := from_verb(words):
            return run_verb(verb)
        from rlrun.cli.app import run

        return run(words)
    except KeyboardInterrupt as error:
        code = getattr(error, "code", 130)
        reason = "Ctrl-C" if code == 130 else str(error)
        line = "" if hasattr(error, "code") else "\n"  # after the ^C that the terminal shows
        print(f"{line}rlrun: stopped ({reason}).", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
