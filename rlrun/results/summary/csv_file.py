"""`summary.csv`, for notebooks: a row for each variant."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rlrun.results.grouping import Plain, Variant
from rlrun.results.tuned import tuned_name

FILE = "summary.csv"
NAMED = ("agent.name", "env.id")  # settings with a fixed column: agent, env


def write(path: Path, variants: Sequence[Variant]) -> None:
    """Write a row for each variant; missing values are empty.

    There are columns of exact returns if any variant has them.
    """
    names = dict.fromkeys(name for variant in variants for name in variant.values)
    varying = [name for name in names if name not in NAMED]
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        is_exact = any(variant.exact for variant in variants)
        lines = [_line(variant, varying, is_exact) for variant in variants]
        writer = csv.DictWriter(file, list(lines[0]) if lines else [])
        writer.writeheader()
        writer.writerows(lines)
    os.replace(temporary, path)


def _line(variant: Variant, varying: Sequence[str], is_exact: bool) -> Mapping[str, Plain | None]:
    final, best, exact = variant.final, variant.best, variant.exact
    exact_columns = {
        "exact_mean": exact["mean"] if exact else None,
        "exact_iqm": exact["iqm"] if exact else None,
    }
    low, high = final["ci95"] or (None, None) if final else (None, None)
    statuses = [run.status for run in variant.runs]
    return {
        "agent": variant.agent,
        "env": variant.env,
        **{name: variant.values.get(name) for name in varying},
        "tuned": None if variant.tuned is None else tuned_name(variant),
        "seeds": variant.num_scores,
        "mean": final["mean"] if final else None,
        "median": float(np.median(final["per_seed"])) if final else None,
        "iqm": final["iqm"] if final else None,
        "ci_low": low,
        "ci_high": high,
        **(exact_columns if is_exact else {}),
        "best_iqm": best["iqm"] if best else None,
        "wall_seconds": variant.wall_seconds or 0.0,
        "steps": variant.steps,
        "runs": len(statuses),
        "failed": statuses.count("failed"),
        "unfinished": statuses.count("interrupted") + statuses.count("running"),
        "seeds_missing": variant.num_seeds - variant.num_scores,
    }
