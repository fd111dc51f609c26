"""`summary.csv`, for notebooks: a line for each of the settings that were run."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rlrun.results.grouping import Plain, Variant

FILE = "summary.csv"
NAMED = ("agent.name", "env.id")  # settings that have columns of their own


def write(path: Path, settings: Sequence[Variant]) -> None:
    """One line for each setting; what there is not is left empty."""
    names = dict.fromkeys(name for setting in settings for name in setting.values)
    varying = [name for name in names if name not in NAMED]
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        lines = [_line(setting, varying) for setting in settings]
        writer = csv.DictWriter(file, list(lines[0]) if lines else [])
        writer.writeheader()
        writer.writerows(lines)
    os.replace(temporary, path)


def _line(setting: Variant, varying: Sequence[str]) -> Mapping[str, Plain | None]:
    final, best = setting.final, setting.best
    low, high = final["ci95"] or (None, None) if final else (None, None)
    statuses = [run.status for run in setting.runs]
    return {
        "agent": setting.agent,
        "env": setting.env,
        **{name: setting.values.get(name) for name in varying},
        "seeds": setting.told,
        "mean": final["mean"] if final else None,
        "median": float(np.median(final["per_seed"])) if final else None,
        "iqm": final["iqm"] if final else None,
        "ci_low": low,
        "ci_high": high,
        "best_iqm": best["iqm"] if best else None,
        "wall_seconds": setting.wall_seconds or 0.0,
        "steps": setting.steps,
        "runs": len(statuses),
        "failed": statuses.count("failed"),
        "unfinished": statuses.count("interrupted") + statuses.count("running"),
        "seeds_missing": setting.seeds - setting.told,
    }
