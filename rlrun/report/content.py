"""What a report is about: the runs by environment and setting, and the folders left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rlrun.comparing import Setting, grouped
from rlrun.folder import FolderError
from rlrun.reading import RecordedRun, find_runs, read_run
from rlrun.stats import Summary, summary

# In a label: agent.lr=0.0009542053260792964, as a search tries it.
_NUMBER = re.compile(r"(?<==)-?\d+\.\d+(e-?\d+)?(?= |$)")


@dataclass(frozen=True)
class Row:
    """A setting in one environment, and what its seeds scored.

    ``label`` tells it from the others of its environment.
    """

    label: str
    setting: Setting

    @cached_property
    def seeds(self) -> list[int]:
        """The seed numbers that were asked for."""
        return sorted({seed for run in self.setting.runs for seed in run.seeds})

    @cached_property
    def final(self) -> Summary | None:
        """The final evaluation of all seeds that have one, in the order of their numbers."""
        return self._summary("final")

    @cached_property
    def best(self) -> Summary | None:
        return self._summary("best")

    @property
    def steps(self) -> int:
        """The steps of each seed that were asked for."""
        return max(int(run.settings["total_steps"]) for run in self.setting.runs)

    @property
    def wall_seconds(self) -> float | None:
        """Of all its runs together; None where none has ended."""
        told = [(run.result or {}).get("wall_seconds") for run in self.setting.runs]
        known = [float(seconds) for seconds in told if isinstance(seconds, int | float)]
        return sum(known) if known else None

    def _summary(self, which: str) -> Summary | None:
        scores = self.setting.scores(which)
        return summary([scores[seed] for seed in sorted(scores)]) if scores else None


@dataclass(frozen=True)
class Part:
    """One environment: its settings, those with the highest final IQM first."""

    env: str
    rows: list[Row]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for row in self.rows for run in row.setting.runs]


@dataclass(frozen=True)
class Content:
    """``damaged`` are folders that could not be read, each with a sentence that says why."""

    parts: list[Part]
    damaged: list[tuple[Path, str]]

    @property
    def runs(self) -> list[RecordedRun]:
        return [run for part in self.parts for run in part.runs]

    @property
    def rows(self) -> list[Row]:
        return [row for part in self.parts for row in part.rows]


def gather(folders: Iterable[Path]) -> Content:
    """Read every run at or below ``folders``; a damaged one is left out and named.

    Raises FolderError where a folder does not exist or holds no run, or no run can be read.
    """
    runs: list[RecordedRun] = []
    damaged: list[tuple[Path, str]] = []
    for folder in find_runs(folders):
        try:
            run = read_run(folder)
            run.curves  # noqa: B018  # read now, so that damage is met here
            _check_length(run)
        except FolderError as error:
            damaged.append((folder, str(error)))
        else:
            runs.append(run)
    if not runs:
        raise FolderError(damaged[0][1])
    names = sorted({run.env for run in runs})
    return Content([_part(env, [run for run in runs if run.env == env]) for env in names], damaged)


def _check_length(run: RecordedRun) -> None:
    if type(run.settings["total_steps"]) is not int:
        raise FolderError(f"{run.folder}/config.yaml is damaged: total_steps is no number.")


def _part(env: str, runs: Sequence[RecordedRun]) -> Part:
    settings = grouped(runs)
    labels = [setting.label for setting in settings]
    rounded = [_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", label) for label in labels]
    if len(set(rounded)) == len(rounded):
        labels = rounded
    rows = [Row(label, setting) for label, setting in zip(labels, settings, strict=True)]
    rows.sort(key=lambda row: (row.final is None, -(row.final or {"iqm": 0.0})["iqm"]))
    return Part(env, rows)


def reached(run: RecordedRun) -> int:
    """The last step that a run has told of; 0 where it has told nothing yet."""
    return max((int(curve.steps[-1]) for curve in run.curves.values()), default=0)
