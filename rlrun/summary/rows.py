"""The settings that were run, a row each, and `summary.csv` for notebooks."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rlrun import stats
from rlrun.comparing import Plain, Setting

FILE = "summary.csv"
NAMED = ("agent.name", "env.id")  # settings that have columns of their own


@dataclass(frozen=True)
class Row:
    """One setting and what its seeds came to."""

    setting: Setting

    @cached_property
    def final(self) -> list[float]:
        """Each seed's mean return at the end, of the seeds that have one."""
        return list(self.setting.scores("final").values())

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.final)) if self.final else None

    @property
    def median(self) -> float | None:
        return float(np.median(self.final)) if self.final else None

    @cached_property
    def iqm(self) -> float | None:
        return stats.iqm(self.final) if self.final else None

    @cached_property
    def ci95(self) -> tuple[float, float] | None:
        return stats.bootstrap_ci(self.final) if len(self.final) > 1 else None

    @cached_property
    def best_iqm(self) -> float | None:
        """Interquartile mean of each seed's best evaluation."""
        best = list(self.setting.scores("best").values())
        return stats.iqm(best) if best else None

    @property
    def seeds(self) -> int:
        """How many seeds there are, with a result or without."""
        return len({seed for run in self.setting.runs for seed in run.seeds})

    @property
    def wall_seconds(self) -> float:
        return sum(float((run.result or {}).get("wall_seconds", 0)) for run in self.setting.runs)

    def count(self, *statuses: str) -> int:
        return sum(run.status in statuses for run in self.setting.runs)


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Best first by the interquartile mean, and what has no result last."""
    return sorted(rows, key=lambda row: (row.iqm is None, -(row.iqm or 0.0)))


def write(path: Path, rows: Sequence[Row]) -> None:
    """One line for each setting; what there is not is left empty."""
    names = dict.fromkeys(name for row in rows for name in row.setting.values)
    varying = [name for name in names if name not in NAMED]
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        lines = [_line(row, varying) for row in rows]
        writer = csv.DictWriter(file, list(lines[0]) if lines else [])
        writer.writeheader()
        writer.writerows(lines)
    os.replace(temporary, path)


def _line(row: Row, varying: Sequence[str]) -> Mapping[str, Plain | None]:
    runs, setting = row.setting.runs, row.setting
    low, high = row.ci95 or (None, None)
    return {
        "agent": setting.agent,
        "env": setting.env,
        **{name: setting.values.get(name) for name in varying},
        "seeds": len(row.final),
        "mean": row.mean,
        "median": row.median,
        "iqm": row.iqm,
        "ci_low": low,
        "ci_high": high,
        "best_iqm": row.best_iqm,
        "wall_seconds": row.wall_seconds,
        "steps": int(runs[0].settings["total_steps"]),
        "runs": len(runs),
        "failed": row.count("failed"),
        "unfinished": row.count("interrupted", "running"),
        "seeds_missing": row.seeds - len(row.final),
    }
