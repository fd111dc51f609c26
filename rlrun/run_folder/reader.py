"""A run's folder read back as data; nothing in it is resolved or executed.

Works for runs that are going on: what is half written is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.schema import convert
from rlrun.run_folder.config_file import read_config
from rlrun.run_folder.curves import Curve, read_curves
from rlrun.run_folder.files import (
    LINES,
    MOST_RESULT_BYTES,
    FolderError,
    as_folder_error,
    check_files,
    read_json,
    refuse_own_code,
)
from rlrun.run_folder.folder import is_open, read_meta


@dataclass(frozen=True)
class RecordedRun:
    """What a run has left so far: ``settings`` nested, ``meta.json``, ``result.json`` or None."""

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
    def seeds(self) -> tuple[int, ...]:
        first = int(self.settings["seed"])
        return tuple(range(first, first + int(self.settings["seeds"])))

    @cached_property
    def status(self) -> str:
        """``done``, ``failed``, ``interrupted``, ``running`` or ``pruned``: given up by a search.

        A run that was killed counts as interrupted.
        """
        told = str(self.meta["status"])
        return "interrupted" if told == "running" and not is_open(self.folder) else told

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Every metric of ``metrics.jsonl`` by its tag, in the order of the tags' names."""
        return read_curves(self.folder / LINES, self.seeds)

    def scores(self, which: str = "final") -> list[float | None]:
        """Each seed's mean return, ``final`` or ``best``; None for a seed that has none (yet)."""
        told = (self.result or {}).get(which) or {}
        scores = told.get("per_seed", [None] * len(self.seeds))
        return [None if score is None else float(score) for score in scores]


def read_run(folder: Path) -> RecordedRun:
    """Read a run's folder; raises FolderError with a sentence where it is none, or damaged."""
    meta, settings = read_meta(folder), read_config(folder)
    run = RecordedRun(folder, settings, meta, _read_result(folder))
    agent = settings["agent"]
    if not isinstance(agent, dict) or "name" not in agent or "id" not in settings["env"]:
        raise FolderError(f"{folder}/config.yaml is damaged: it names no agent or no environment.")
    try:
        _, seeds, settings["total_steps"] = (
            convert(settings.get(key), int, key) for key in ("seed", "seeds", "total_steps")
        )
    except BadInput as error:
        raise FolderError(f"{folder}/config.yaml is damaged: {error}") from error
    if not 0 < seeds <= 10**6:
        raise FolderError(f"{folder}/config.yaml is damaged: it has {seeds:,} seeds.")
    if len(run.scores()) != seeds:
        raise FolderError(f"{folder}/result.json is damaged: it is that of other seeds.")
    return run


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """The run folders at or below ``folders``, each once, in the order of their names.

    Raises FolderError where a folder does not exist or holds no run.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise FolderError(f"there is no folder {folder}.")
        below = sorted(path.parent for path in folder.rglob("meta.json"))
        if not below:
            raise FolderError(f"{folder} holds no runs.")
        found |= {path.resolve(): path for path in below}
    return list(found.values())


def read_runs(
    folders: Iterable[Path], *, curves: bool = False
) -> tuple[list[RecordedRun], list[str]]:
    """The runs at or below ``folders`` that can be read, and a sentence for each that cannot.

    With ``curves`` their metrics are read as well. Raises FolderError as `find_runs` does.
    """
    runs: list[RecordedRun] = []
    damaged: list[str] = []
    for folder in find_runs(folders):
        try:
            check_files(folder)
            run = read_run(folder)
            if curves:
                run.curves  # noqa: B018  # read now, so that damage is met here
        except FolderError as error:
            damaged.append(str(error))
        else:
            runs.append(run)
    return runs, damaged


def read_for_resume(folder: Path) -> dict[str, Any]:
    """The settings of a run that is to go on, with all that is refused before anything is built.

    Raises FolderError where the folder is not that of a run, BadInput where its environment could
    be imported from it.
    """
    check_files(folder)
    read_meta(folder)
    settings = read_config(folder)
    refuse_own_code(folder, str(settings["env"].get("id", "")))
    return settings


def _read_result(folder: Path) -> dict[str, Any] | None:
    """``result.json``; None where the run has no result yet."""
    path = folder / "result.json"
    with as_folder_error(path, "a run", "it does not hold a run's result"):
        try:
            result = read_json(path, MOST_RESULT_BYTES)
        except FileNotFoundError:
            return None
        if not {"seeds", "final", "best", "status"} <= result.keys():
            raise ValueError
        for told in (result["final"], result["best"]):
            _check_scores(told, len(result["seeds"]))
        return dict(result)


def _check_scores(told: Any, num_seeds: int) -> None:
    """Raises an exception of some kind where ``told`` is no evaluation of so many seeds."""
    if told is not None:
        if len(told["per_seed"]) != num_seeds:
            raise ValueError
        for score in told["per_seed"]:
            if score is not None and not np.isfinite(float(score)):
                raise ValueError
