"""Printing and writing the summary of several runs."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from rlrun.results.grouping import Variant, grouped, ranked
from rlrun.results.summary.csv_file import FILE, write
from rlrun.results.summary.table import show, show_across, show_unfinished
from rlrun.run_folder.reader import RecordedRun, read_runs
from rlrun.terminal.commands import tensorboard_line


def write_summary(folder: Path) -> tuple[dict[str, list[Variant]], list[RecordedRun], list[str]]:
    """Write ``summary.csv`` about the runs at or below ``folder`` into it.

    Return the variants by environment, best first, the runs, and a sentence for each damaged run.
    Raises FolderError if there is no run, and OSError if the file cannot be written.
    """
    runs, damaged = read_runs([folder])
    by_env: dict[str, list[Variant]] = {}
    for variant in ranked(grouped(runs)):
        by_env.setdefault(variant.env, []).append(variant)
    write(folder / FILE, [variant for env in sorted(by_env) for variant in by_env[env]])
    return by_env, runs, damaged


def print_summary(folder: Path) -> None:
    """Print the scores of the runs at or below ``folder`` and write ``summary.csv`` into it.

    A run that cannot be read is reported and left out. Raises FolderError if there is no run, and
    OSError if the file cannot be written.
    """
    console = Console(highlight=False)
    by_env, runs, damaged = write_summary(folder)
    for env in sorted(by_env):
        show(console, env, by_env[env])
    if len(by_env) > 1:
        show_across(console, by_env)
    show_unfinished(console, runs, damaged)
    console.print(f"table:     {os.path.relpath(folder / FILE)}", markup=False, soft_wrap=True)
    console.print(f"curves:    {tensorboard_line(folder)}", markup=False, soft_wrap=True)
