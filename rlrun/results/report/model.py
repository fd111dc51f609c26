"""What a report is about: the runs by environment and setting, and the folders left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rlrun.results.grouping import Variant, grouped, ranked
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import RecordedRun, read_runs

# In a label: agent.lr=0.0009542053260792964, as a search tries it.
_NUMBER = re.compile(r"(?<==)-?\d+\.\d+(e-?\d+)?(?= |$)")


@dataclass(frozen=True)
class EnvSection:
    """One environment: its settings, those with the highest final IQM first.

    The label of each tells it from the others of its environment.
    """

    env: str
    settings: list[Variant]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for setting in self.settings for run in setting.runs]


@dataclass(frozen=True)
class Content:
    """``damaged`` has a sentence for each folder that could not be read."""

    parts: list[EnvSection]
    damaged: list[str]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for part in self.parts for run in part.runs]

    @property
    def settings(self) -> list[Variant]:
        return [setting for part in self.parts for setting in part.settings]


def gather(folders: Iterable[Path]) -> Content:
    """Read every run at or below ``folders``; a damaged one is left out and named.

    Raises FolderError where a folder does not exist or holds no run, or no run can be read.
    """
    runs, damaged = read_runs(folders, curves=True)
    if not runs:
        raise FolderError(damaged[0])
    names = sorted({run.env for run in runs})
    return Content([_part(env, [run for run in runs if run.env == env]) for env in names], damaged)


def _part(env: str, runs: Sequence[RecordedRun]) -> EnvSection:
    settings = ranked(grouped(runs))
    labels = [_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", s.label) for s in settings]
    if len(set(labels)) == len(labels):
        pairs = zip(settings, labels, strict=True)
        settings = [replace(setting, label=label) for setting, label in pairs]
    return EnvSection(env, settings)


def reached(run: RecordedRun) -> int:
    """The last step that a run has told of; 0 where it has told nothing yet."""
    return max((int(curve.steps[-1]) for curve in run.curves.values()), default=0)
