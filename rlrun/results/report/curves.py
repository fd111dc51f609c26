"""The curves of a setting's seeds on one axis, however its runs were evaluated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlrun.results.grouping import Variant

MOST_POINTS = 200  # of a curve: more than a figure has room for costs time and nothing is seen
_Points = tuple[NDArray[np.int64], NDArray[np.float64]]  # steps and values, [time] each


@dataclass(frozen=True)
class Joined:
    """A metric of all seeds: ``steps [time]``, finite ``values [seed, time]``.

    ``note`` says in a sentence what had to be done to have every seed at every step.
    """

    seeds: list[int]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    note: str = ""


def joined(setting: Variant, tag: str) -> Joined | None:
    """The metric ``tag`` of the setting's seeds; None where none of them has it.

    A seed that was run twice counts once, as the later run has it. Steps that some seeds do not
    have are left out, so that no seed is missing from any point; where fewer than half would be
    left (the runs were evaluated at other steps), values are interpolated between evaluations.
    Nothing is continued past the last step of a seed.
    """
    seeds = _by_seed(setting, tag)
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
        notes.append("is shown at the steps that all its seeds have")
    longest = max(int(steps[-1]) for steps, _ in points)
    if longest > last:
        notes.append(
            f"ends at step {common[-1]:,}, the last of one of its seeds (others: {longest:,})"
        )
    if len(common) > MOST_POINTS:
        common = common[np.linspace(0, len(common) - 1, MOST_POINTS).round().astype(int)]
    values = np.stack([np.interp(common, steps, value) for steps, value in points])
    return Joined(numbers, common, values, f"{setting.label} {', and '.join(notes)}." * bool(notes))


def _by_seed(setting: Variant, tag: str) -> dict[int, _Points]:
    """Of each seed number that has the metric, the steps and values that are finite."""
    found: dict[int, _Points] = {}
    for run in setting.runs:
        curve = run.curves.get(tag)
        if curve is None:
            continue
        for seed, values in zip(run.seeds, curve.values, strict=True):
            finite = np.isfinite(values)
            if finite.any():
                found[seed] = curve.steps[finite], values[finite]
    return found
