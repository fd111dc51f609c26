"""Reading a run's folder as data; nothing in it is resolved or executed.

Works for runs in progress too: a partly written line is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.schema import convert
from rlrun.run_folder.config_file import read_config
from rlrun.run_folder.curves import Curves, read_curves
from rlrun.run_folder.episodes import EPISODES, Episodes, read_episodes
from rlrun.run_folder.files import (
    LINES,
    MOST_RESULT_BYTES,
    FolderError,
    as_folder_error,
    check_files,
    read_json,
    refuse_own_code,
)
from rlrun.run_folder.folder import final_purpose, is_open, read_meta

MOST_SECONDS = 1e12  # of wall time, about 30,000 years: sums of it stay finite
Which: TypeAlias = Literal["final", "best"]
"""final: the policies of the newest checkpoint; best: each seed's at its best evaluation."""


class Tuned(NamedTuple):
    """The tuned settings of a run; the name is "" if there are none."""

    name: str
    keys: tuple[str, ...]
    """The settings that would have other values without them."""


@dataclass(frozen=True)
class RecordedRun:
    """The recorded data of a run: nested ``settings``, ``meta.json``, ``result.json`` or None."""

    folder: Path
    settings: dict[str, Any]
    meta: dict[str, Any]
    result: dict[str, Any] | None

    @property
    def agent(self) -> str:
        return str(self.settings["agent"]["name"])

    @property
    def env(self) -> str:
        return str(self.settings["env"]["id"])

    @property
    def tuned(self) -> Tuned | None:
        """The tuned settings; None if they are not recorded, as in runs of earlier versions."""
        if "tuned" not in self.settings:
            return None
        recorded = self.settings["tuned"] or {}
        return Tuned(str(recorded.get("name", "")), tuple(map(str, recorded.get("keys") or ())))

    @property
    def seeds(self) -> tuple[int, ...]:
        first = int(self.settings["seed"])
        return tuple(range(first, first + int(self.settings["seeds"])))

    @property
    def counts_updates(self) -> bool:
        """Whether its steps are updates: it learnt from data or demonstrations alone."""
        return self.settings.get("data") is not None or self.meta.get("clock") == "updates"

    @property
    def final_purpose(self) -> Purpose:
        """The stream that the episodes of its final evaluation come from."""
        return final_purpose(self.meta)

    @cached_property
    def status(self) -> str:
        """``done``, ``failed``, ``interrupted``, ``running`` or ``pruned`` (by a search).

        A run that was killed counts as interrupted.
        """
        status = str(self.meta["status"])
        return "interrupted" if status == "running" and not is_open(self.folder) else status

    @cached_property
    def curves(self) -> Curves:
        """The metrics of ``metrics.jsonl`` by tag, sorted by tag."""
        return read_curves(self.folder / LINES, self.seeds)

    @cached_property
    def episodes(self) -> Episodes:
        """The training episodes in ``episodes.jsonl``; none in runs of version 0.1."""
        return read_episodes(self.folder / EPISODES, self.seeds)

    @property
    def is_exact(self) -> bool:
        """Whether seeds have exact returns, by which the run is compared."""
        return any(score is not None for score in self.scores("exact"))

    def scores(self, which: str = "final") -> list[float | None]:
        """Return each seed's mean return; None for a seed without one.

        ``which`` is ``final``, ``best``, or ``exact``: that of the final evaluation, exactly.
        """
        result = self.result or {}
        evaluation = (exact(result) if which == "exact" else result.get(which)) or {}
        scores = evaluation.get("per_seed", [None] * len(self.seeds))
        return [None if score is None else float(score) for score in scores]


def read_run(folder: Path) -> RecordedRun:
    """Read a run's folder. Raises FolderError if it is not one, or damaged."""
    meta, settings = read_meta(folder), read_config(folder)
    run = RecordedRun(folder, settings, meta, _read_result(folder))
    agent = settings["agent"]
    if not isinstance(agent, dict) or "name" not in agent or "id" not in settings["env"]:
        raise FolderError(f"{folder}/config.yaml is damaged: it names no agent or no environment.")
    if not isinstance(settings.get("tuned") or {}, dict):
        raise FolderError(f"{folder}/config.yaml is damaged: tuned is not a record of settings.")
    try:
        _, seeds, settings["total_steps"] = (
            convert(settings.get(key), int, key) for key in ("seed", "seeds", "total_steps")
        )
    except BadInput as error:
        raise FolderError(f"{folder}/config.yaml is damaged: {error}") from error
    if not 0 < seeds <= 10**6:
        raise FolderError(
            f"{folder}/config.yaml is damaged: seeds is {seeds:,}, not from 1 to 1,000,000."
        )
    if len(run.scores()) != seeds:
        raise FolderError(f"{folder}/result.json is damaged: its seeds are not those of the run.")
    return run


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """Return the run folders at or below ``folders``, without duplicates, sorted by name.

    Raises FolderError if a folder does not exist or holds no run.
    """
    runs: dict[Path, Path] = {}  # resolved path to path
    for folder in folders:
        if not folder.is_dir():
            raise FolderError(f"there is no folder {folder}.")
        below = sorted(path.parent for path in folder.rglob("meta.json"))
        if not below:
            raise FolderError(f"{folder} holds no runs.")
        runs |= {path.resolve(): path for path in below}
    return list(runs.values())


def read_runs(
    folders: Iterable[Path], *, curves: bool = False
) -> tuple[list[RecordedRun], list[str]]:
    """Return the readable runs at or below ``folders``, and a sentence for each damaged one.

    With ``curves`` their metrics and episodes are read as well. Raises FolderError as `find_runs`
    does.
    """
    runs: list[RecordedRun] = []
    damaged: list[str] = []
    for folder in find_runs(folders):
        try:
            check_files(folder)
            run = read_run(folder)
            if curves:
                run.curves, run.episodes  # noqa: B018  # read now, so that damage is detected here
        except FolderError as error:
            damaged.append(str(error))
        else:
            runs.append(run)
    return runs, damaged


def read_for_resume(folder: Path) -> RecordedRun:
    """Read a run to resume, after the checks that come before building it.

    Raises FolderError if the folder is not that of a run, BadInput if its environment could be
    imported from it.
    """
    check_files(folder)
    run = read_run(folder)
    refuse_own_code(folder, run.env)
    return run


def _read_result(folder: Path) -> dict[str, Any] | None:
    """Return the content of ``result.json``; None if the run has no result yet."""
    path = folder / "result.json"
    with as_folder_error(path, "a run", "it does not hold a run's result"):
        try:
            result = read_json(path, MOST_RESULT_BYTES)
        except FileNotFoundError:
            return None
        if not {"seeds", "final", "best", "status"} <= result.keys():
            raise ValueError
        for evaluation in (result["final"], result["best"], exact(result)):
            _check_scores(evaluation, len(result["seeds"]))
        if not 0 <= float(result.get("wall_seconds", 0.0)) <= MOST_SECONDS:  # NaN is refused too
            raise ValueError
        return dict(result)


def exact(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the exact returns of the final weights in ``result.json``; None if unknown."""
    return (result.get("final") or {}).get("exact")


def score(result: Mapping[str, Any]) -> float | None:
    """Return the number by which sweeps and searches compare runs; None if there is none.

    It is the mean over seeds of the exact returns, or where these are unknown that of the final
    evaluation.
    """
    mean = (exact(result) or result.get("final") or {}).get("mean")
    return None if mean is None else float(mean)


def _check_scores(evaluation: Any, num_seeds: int) -> None:
    """Raise an exception in `DAMAGE` unless this is None or an evaluation of so many seeds."""
    if evaluation is not None:
        if len(evaluation["per_seed"]) != num_seeds:
            raise ValueError
        for score in evaluation["per_seed"]:
            if score is not None and not np.isfinite(float(score)):
                raise ValueError
