"""What came out of several runs: a table on the terminal, and `summary.csv` for everything else."""

from __future__ import annotations

import os
from pathlib import Path

from rlrun.comparing import grouped
from rlrun.folder import FolderError
from rlrun.outcome import Results
from rlrun.reading import RecordedRun, find_runs, read_run
from rlrun.summary.rows import FILE, Row, ranked, write
from rlrun.summary.table import show, show_across, show_unfinished


def tell(folder: Path) -> None:
    """Print what the runs at or below ``folder`` came to, and write it as ``summary.csv`` there.

    A run that cannot be read is told of. Raises FolderError where there is no run, and OSError
    where the file cannot be written.
    """
    console = Results(highlight=False)
    runs, damaged = _read(folder)
    by_env: dict[str, list[Row]] = {}
    for row in ranked(map(Row, grouped(runs))):
        by_env.setdefault(row.setting.env, []).append(row)
    write(folder / FILE, [row for env in sorted(by_env) for row in by_env[env]])
    for env in sorted(by_env):
        show(console, env, by_env[env])
    if len(by_env) > 1:
        show_across(console, by_env)
    show_unfinished(console, runs, damaged)
    console.print(f"table:     {os.path.relpath(folder / FILE)}", markup=False, soft_wrap=True)


def _read(folder: Path) -> tuple[list[RecordedRun], list[str]]:
    """The runs that can be read, and a sentence for each that cannot."""
    runs, damaged = [], []
    for path in find_runs([folder]):
        try:
            runs.append(read_run(path))
        except FolderError as error:
            damaged.append(str(error))
    return runs, damaged
