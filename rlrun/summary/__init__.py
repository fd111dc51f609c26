"""What came out of several runs: a table on the terminal, and `summary.csv` for everything else."""

from __future__ import annotations

import os
from pathlib import Path

from rlrun.comparing import Setting, grouped, ranked
from rlrun.outcome import Results
from rlrun.reading import read_runs
from rlrun.summary.file import FILE, write
from rlrun.summary.table import show, show_across, show_unfinished


def tell(folder: Path) -> None:
    """Print what the runs at or below ``folder`` came to, and write it as ``summary.csv`` there.

    A run that cannot be read is told of. Raises FolderError where there is no run, and OSError
    where the file cannot be written.
    """
    console = Results(highlight=False)
    runs, damaged = read_runs([folder])
    by_env: dict[str, list[Setting]] = {}
    for setting in ranked(grouped(runs)):
        by_env.setdefault(setting.env, []).append(setting)
    write(folder / FILE, [setting for env in sorted(by_env) for setting in by_env[env]])
    for env in sorted(by_env):
        show(console, env, by_env[env])
    if len(by_env) > 1:
        show_across(console, by_env)
    show_unfinished(console, runs, damaged)
    console.print(f"table:     {os.path.relpath(folder / FILE)}", markup=False, soft_wrap=True)
