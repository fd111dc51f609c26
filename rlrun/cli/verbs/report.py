"""`rlrun report FOLDER...`: make a page of tables and figures about runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rlrun.cli.verbs.arguments import option
from rlrun.cli.verbs.runs import last_begun, runs_here
from rlrun.core.errors import BadInput, RunFailed, did_you_mean

HELP = """\
rlrun report FOLDER... [--out DIR]   make a page of tables and figures about runs

  FOLDER is the folder of a run, of a sweep, or any other with runs in or below it, such as outputs;
  or `last` for the run or sweep that was started last.
  The page is FOLDER/report/index.html, with its figures (SVG and PNG) in figures/ next to it. For
  several folders it is written to DIR, or to report/ in the folder that contains them all, if that
  is the current one or below it. The page needs no network and can be sent as a single file. For
  runs in progress it shows the results so far."""
FLAGS = ("--out", "--help")


def report(words: list[str]) -> int:
    """Run `rlrun report WORDS` and return the exit code."""
    folders, out = _parsed(words)
    from rlrun.results.report.model import gather
    from rlrun.results.report.page import write

    try:
        content = gather(folders)
        page = write(content, out, time.strftime("%Y-%m-%d %H:%M"))
    except OSError as error:
        raise RunFailed(str(error)) from error
    for why in content.damaged:
        print(f"rlrun: left out: {why}", file=sys.stderr)
    print(os.path.relpath(page))
    return 0


def _parsed(words: list[str]) -> tuple[list[Path], Path]:
    """Return the folders with runs and the page's folder. Raises BadInput if they are unclear."""
    target = option(words, "--out", "DIR")
    out = None if target is None else Path(target)
    for word in words:
        if word.startswith("-"):
            raise BadInput(f"there is no flag {word}.{did_you_mean(word, FLAGS)}")
    folders = [last_begun() if word == "last" else Path(word) for word in words]
    if not folders:
        raise BadInput("no folder given: name the folder of a run, or one with runs below it.")
    for folder in folders:
        if not folder.is_dir():
            hint = did_you_mean(str(folder), ["outputs", *map(str, runs_here())])
            raise BadInput(f"there is no folder {folder}.{hint}")
    if out is None:
        shared = Path(os.path.commonpath([folder.resolve() for folder in folders]))
        if len(folders) > 1 and not shared.is_relative_to(Path.cwd()):
            raise BadInput("the folder these share is outside the current one: write --out DIR.")
        out = shared / "report"
        for path in (out, out / "figures", out / "index.html"):
            if path.is_symlink():
                raise BadInput(f"{path} is a link: write --out DIR to use another folder.")
    elif out.exists() and not out.is_dir():
        raise BadInput(f"--out must be a folder, but {out} is a file.")
    return folders, out
