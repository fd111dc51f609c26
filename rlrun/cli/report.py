"""`rlrun report FOLDER...`: a page about runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rlrun.cli.explain import explain
from rlrun.errors import BadInput, RunFailed, did_you_mean

HELP = """\
rlrun report FOLDER... [--out DIR]   make a page of tables and figures about runs

  FOLDER is the folder of a run, of a sweep, or any other with runs in or below it, as outputs.
  The page is FOLDER/report/index.html, its figures are beside it in figures/ (SVG and PNG). Of
  several folders it goes where --out says, or into report/ of the folder that they share, if that
  is here. The page needs no network and can be sent as a single file. Of runs that are going on it
  shows what there is so far."""
FLAGS = ("--out", "--help")


def report(words: list[str]) -> int:
    """Run `rlrun report WORDS`; the result is the exit code."""
    if not words or {"-h", "--help"} & set(words):
        print(HELP)
        return 0 if words else 2
    try:
        folders, out = _parsed(words)
        from rlrun.report.content import gather
        from rlrun.report.page import write

        content = gather(folders)
        page = write(content, out, time.strftime("%Y-%m-%d %H:%M"))
    except (BadInput, RunFailed, OSError) as error:
        print(f"rlrun: {explain(error)}", file=sys.stderr)
        return 2
    for why in content.damaged:
        print(f"rlrun: left out: {why}", file=sys.stderr)
    print(os.path.relpath(page))
    return 0


def _parsed(words: Sequence[str]) -> tuple[list[Path], Path]:
    """The folders with runs, and where the page goes. Raises BadInput where that is not clear."""
    folders: list[Path] = []
    out: Path | None = None
    rest = iter(words)
    for word in rest:
        name, is_assigned, value = word.partition("=")
        if name == "--out":
            value = value if is_assigned else next(rest, "")
            if not value:
                raise BadInput("--out needs a folder: --out DIR.")
            out = Path(value)
        elif word.startswith("-"):
            raise BadInput(f"there is no flag {word}.{did_you_mean(word, FLAGS)}")
        else:
            folders.append(Path(word))
    if not folders:
        raise BadInput("name the folder of a run, or one with runs below it.")
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"there is no folder {folder}.{did_you_mean(str(folder), _known())}")
    if out is None:
        shared = Path(os.path.commonpath([folder.resolve() for folder in folders]))
        if len(folders) > 1 and not shared.is_relative_to(Path.cwd()):
            raise BadInput("say where the page of these folders goes: --out DIR.")
        out = shared / "report"
    elif out.exists() and not out.is_dir():
        raise BadInput(f"--out must be a folder, and {out} is a file.")
    return folders, out


def _known() -> list[str]:
    """The folders that may have been meant."""
    return ["outputs", *(str(path.parent) for path in Path("outputs").glob("**/meta.json"))]
