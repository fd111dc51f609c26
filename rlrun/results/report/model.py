"""The data of a report: runs by environment and variant, and the folders left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlrun.core.errors import BadInput
from rlrun.results.grouping import Variant, grouped, ranked
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import RecordedRun, read_runs
from rlrun.tuning.history import SearchHistory, read_history
from rlrun.tuning.study import FILE

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
    searches: list[SearchHistory] = field(default_factory=list)

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for part in self.parts for run in part.runs]

    @property
    def variants(self) -> list[Variant]:
        return [variant for part in self.parts for variant in part.variants]


def gather(folders: Sequence[Path]) -> Content:
    """Read every run at or below ``folders``; damaged ones are left out and reported.

    Raises FolderError if a folder does not exist or holds no run, or if no run can be read.
    """
    runs, damaged = read_runs(folders, curves=True)
    if not runs:
        raise FolderError(damaged[0])
    names = sorted({run.env for run in runs})
    parts = [_part(env, [run for run in runs if run.env == env]) for env in names]
    searches, unreadable = _searches(folders)
    return Content(parts, damaged + unreadable, searches)


def _searches(folders: Sequence[Path]) -> tuple[list[SearchHistory], list[str]]:
    """Return the searches at or below ``folders``, and a sentence for each unreadable one."""
    found: list[SearchHistory] = []
    unreadable: list[str] = []
    files = {path.resolve(): path for folder in folders for path in sorted(folder.rglob(FILE))}
    for path in files.values():
        try:
            if path.is_symlink() or not path.is_file():
                raise FolderError(f"{path} should be a file: this is not the folder of a search.")
            found.append(read_history(path.parent))
        except (FolderError, BadInput) as error:
            unreadable.append(f"{path.parent}, a search: {error}")
    return found, unreadable


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
