"""Joining the curves of a variant's seeds on common steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlrun.results.grouping import Variant

MOST_POINTS = 200  # of a curve: more would cost time and not be visible
_Points = tuple[NDArray[np.int64], NDArray[np.float64]]  # steps and values, [time] each


@dataclass(frozen=True)
class JoinedCurve:
    """A metric of all seeds: ``steps [time]``, finite ``values [seed, time]``.

    ``note`` is a sentence on steps that were left out or interpolated; "" if there are none.
    """

    seeds: list[int]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    note: str = ""


def join_curves(variant: Variant, tag: str) -> JoinedCurve | None:
    """Return the metric ``tag`` of the variant's seeds; None if no seed has it.

    A seed that was run twice counts once, with the later run. Steps that some seeds lack are left
    out, so that every point covers all seeds; if fewer than half of the steps would remain (the
    runs were evaluated at different steps), values are interpolated between evaluations. Nothing
    is extrapolated past the last step of a seed.
    """
    seeds = _by_seed(variant, tag)
    if not seeds:
        return None
    numbers = sorted(seeds)
    points = [seeds[number] for number in numbers]
    first = max(int(steps[0]) for steps, _ in points)
    last = min(int(steps[-1]) for steps, _ in points)
    if first > last:  # the seeds have no time in common
        return None
    inside = [steps[(steps >= first) & (steps <= last)] for steps, _ in points]
    common = inside[0]
    for steps in inside[1:]:
        common = np.intersect1d(common, steps, assume_unique=True)
    notes = []
    coarsest = min(inside, key=len)
    if 2 * len(common) < len(coarsest):
        common = coarsest
        notes.append("was evaluated at different steps, and values between them are interpolated")
    elif any((steps <= last).sum() > len(common) for steps, _ in points):
        notes.append("is shown at the steps that all its seeds share")
    longest = max(int(steps[-1]) for steps, _ in points)
    if longest > last:
        notes.append(
            f"ends at step {common[-1]:,}, where its shortest seed ends (longest: {longest:,})"
        )
    if len(common) > MOST_POINTS:
        common = common[np.linspace(0, len(common) - 1, MOST_POINTS).round().astype(int)]
    values = np.stack([np.interp(common, steps, value) for steps, value in points])
    note = f"{variant.label} {', and '.join(notes)}." if notes else ""
    return JoinedCurve(numbers, common, values, note)


def _by_seed(variant: Variant, tag: str) -> dict[int, _Points]:
    """Return the finite values of the metric and their steps, by seed number."""
    points: dict[int, _Points] = {}
    for run in variant.runs:
        curve = run.curves.get(tag)
        if curve is None:
            continue
        for seed, values in zip(run.seeds, curve.values, strict=True):
            finite = np.isfinite(values)
            if finite.any():
                points[seed] = curve.steps[finite], values[finite]
    return points
