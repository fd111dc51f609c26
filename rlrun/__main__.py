"""The command `rlrun`."""

from __future__ import annotations

import sys

from rlrun import __version__


def main() -> int:
    """Run the command line; the result is the exit code.

    Help and version answer before anything slow is imported.
    """
    words = sys.argv[1:]
    try:
        if words in (["--help"], ["-h"]):
            from rlrun.cli.help import overview

            print(overview())
            return 0
        if words == ["--version"]:
            print(f"rlrun {__version__}")
            return 0
        from rlrun.cli.app import run

        return run(words)
    except KeyboardInterrupt:
        print("\nrlrun: stopped (Ctrl-C).", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
