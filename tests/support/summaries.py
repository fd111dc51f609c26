"""The summary of several runs: what is printed, and what is in its file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rlrun.results.summary.overview import print_summary
from tests.support.reports import leave

POOR, GOOD = [10.0, 20.0, 30.0, 40.0, 50.0], [100.0, 300.0, 450.0, 500.0, 480.0]


def recorded(folder: Path, scores: Sequence[float | None] | None, **given: Any) -> None:
    """A run as one leaves it, of as many seeds as there are scores."""
    leave(folder, scores, seeds=len(scores) if scores else 2, total_steps=1000, **given)


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The table, as it is in a terminal of 80 columns, with one space for many."""
    capsys.readouterr()
    print_summary(folder)
    return " ".join(capsys.readouterr().out.split())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
