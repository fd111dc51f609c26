"""The data of a report: runs by environment and variant, and the folders left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rlrun.results.grouping import Variant, grouped, ranked
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import RecordedRun, read_runs

# A long decimal in a label, such as agent.lr=0.0009542053260792964 from a search.
_NUMBER = re.compile(r"(?<==)-?\d+\.\d+(e-?\d+)?(?= |$)")


@dataclass(frozen=True)
class EnvSection:
    """One environment and its variants, the highest final IQM first.

    Labels are unique within the environment.
    """

    env: str
    variants: list[Variant]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for variant in self.variants for run in variant.runs]


@dataclass(frozen=True)
class Content:
    """The data of a report; ``damaged`` has a sentence for each folder that cannot be read."""

    parts: list[EnvSection]
    damaged: list[str]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for part in self.parts for run in part.runs]

    @property
    def variants(self) -> list[Variant]:
        return [variant for part in self.parts for variant in part.variants]


def gather(folders: Iterable[Path]) -> Content:
    """Read every run at or below ``folders``; damaged ones are left out and reported.

    Raises FolderError if a folder does not exist or holds no run, or if no run can be read.
    """
    runs, damaged = read_runs(folders, curves=True)
    if not runs:
        raise FolderError(damaged[0])
    names = sorted({run.env for run in runs})
    return Content([_part(env, [run for run in runs if run.env == env]) for env in names], damaged)


def _part(env: str, runs: Sequence[RecordedRun]) -> EnvSection:
    variants = ranked(grouped(runs))
    labels = [_NUMBER.sub(lambda match: f"{float(match[0]):.4g}", v.label) for v in variants]
    if len(set(labels)) == len(labels):
        pairs = zip(variants, labels, strict=True)
        variants = [replace(variant, label=label) for variant, label in pairs]
    return EnvSection(env, variants)


def last_step(run: RecordedRun) -> int:
    """Return the last step with a metric; 0 if the run has logged nothing yet."""
    return max((int(curve.steps[-1]) for curve in run.curves.values()), default=0)
