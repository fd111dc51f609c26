"""The command `rlrun`."""

from __future__ import annotations

import os
import sys

from rlrun import __version__
from rlrun.cli.verbs.dispatch import complete, complete_words, from_verb, run_verb


def main() -> int:
    """Run the command line and return the exit code.

    Help and version are printed before anything slow is imported.
    """
    words = sys.argv[1:]
    try:
        if words in (["--help"], ["-h"]):
            from rlrun.cli.help import overview

            print(overview(), flush=True)
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
    except BrokenPipeError:
        from rlrun.core.signals import reader_left

        reader_left(sys.stdout)  # as in `rlrun --help | head`
        return 0
    except KeyboardInterrupt as error:
        code: int = getattr(error, "code", 130)
        reason = "Ctrl-C" if code == 130 else str(error)
        line = "" if hasattr(error, "code") else "\n"  # after the ^C that the terminal shows
        print(f"{line}rlrun: stopped ({reason}).", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
