"""A run's folder read back as data; nothing in it is resolved or executed.

Works for runs that are going on: what is half written is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml  # type: ignore[import-untyped]
from numpy.typing import NDArray
from omegaconf import OmegaConf

from rlrun.errors import BadInput
from rlrun.folder import (
    DAMAGE,
    LINES,
    MOST_BYTES,
    MOST_RESULT_BYTES,
    FolderError,
    check_files,
    is_open,
    read_json,
    read_meta,
    reading,
    whole_lines,
)
from rlrun.schema import convert

MOST_STEPS = 2**62  # so that they fit an integer of an array


@dataclass(frozen=True)
class Curve:
    """One metric of all seeds of a run.

    ``steps [time]`` are environment steps of each seed, ``values [seed, time]`` are NaN where a
    seed has no value at that step.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


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


def refuse_own_code(folder: Path, env: str) -> None:
    """Raises BadInput where a run's environment could be imported from a file in or beside it.

    An environment ``module:Name-v0`` is imported from the current directory too: a package there
    may be the run's own folder, or one that holds it.
    """
    module, own = env.rpartition(":")[0], folder.resolve()
    names = module.split(".") if module else []
    for count in range(1, len(names) + 1):
        place = Path.cwd().joinpath(*names[:count])
        for path in (place.resolve(), place.with_name(f"{place.name}.py").resolve()):
            if path.is_relative_to(own) or own.is_relative_to(path):
                raise BadInput(
                    f"use it from another folder: here {module} could be a file of the run."
                )


def read_to_go_on(folder: Path) -> dict[str, Any]:
    """The settings of a run that is to go on, with all that is refused before anything is built.

    Raises FolderError where the folder is not that of a run, BadInput where its environment could
    be imported from it.
    """
    check_files(folder)
    read_meta(folder)
    settings = read_config(folder)
    refuse_own_code(folder, str(settings["env"].get("id", "")))
    return settings


def read_curves(path: Path, seeds: tuple[int, ...]) -> dict[str, Curve]:
    """The metrics in a ``metrics.jsonl``; no file is no metrics. Raises FolderError if damaged."""
    points: dict[str, dict[int, dict[int, float]]] = {}  # tag, step, row of the seed
    rows = {seed: row for row, seed in enumerate(seeds)}
    content = path.read_bytes() if path.exists() else b""
    for line in whole_lines(content):
        try:
            told = json.loads(line)
            step, row = int(told.pop("step")), rows[told.pop("seed")]
            for tag, value in told.items():
                points.setdefault(str(tag), {}).setdefault(step, {})[row] = float(value)
            if abs(step) > MOST_STEPS:
                raise ValueError
        except DAMAGE as error:
            raise FolderError(f"{path} is damaged: a line of it holds no metrics.") from error
    return {tag: _curve(points[tag], len(seeds)) for tag in sorted(points)}


def _curve(points: Mapping[int, Mapping[int, float]], seeds: int) -> Curve:
    steps = np.array(sorted(points), np.int64)
    values = np.full((seeds, len(steps)), np.nan)
    for column, step in enumerate(steps):
        for row, value in points[int(step)].items():
            values[row, column] = value
    return Curve(steps, values)


def _read_result(folder: Path) -> dict[str, Any] | None:
    """``result.json``; None where the run has no result yet."""
    path = folder / "result.json"
    with reading(path, "a run", "it does not hold a run's result"):
        try:
            result = read_json(path, MOST_RESULT_BYTES)
        except FileNotFoundError:
            return None
        if not {"seeds", "final", "best", "status"} <= result.keys():
            raise ValueError
        for told in (result["final"], result["best"]):
            _check_scores(told, len(result["seeds"]))
        return dict(result)


def _check_scores(told: Any, seeds: int) -> None:
    """Raises an exception of some kind where ``told`` is no evaluation of so many seeds."""
    if told is not None:
        if len(told["per_seed"]) != seeds:
            raise ValueError
        for score in told["per_seed"]:
            if score is not None and not np.isfinite(float(score)):
                raise ValueError


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a run, read as data: nothing in the file is resolved or executed.

    Raises FolderError where the file is not one.
    """
    path = folder / "config.yaml"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        if any(isinstance(t, yaml.AliasToken) for t in yaml.scan(path.read_text("utf-8"))):
            raise ValueError("it has references")  # a few of them can make a file of any size
        loaded = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except FileNotFoundError as error:
        raise FolderError(f"{path} is missing: {folder} cannot be gone on with.") from error
    except Exception as error:  # whatever a YAML reader says of a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FolderError(f"{path} is damaged: {reason}.") from error
    if (
        not isinstance(loaded, dict)
        or not {"agent", "env", "total_steps"} <= loaded.keys()
        or not isinstance(loaded["env"], dict)
        or _interpolations(loaded)
    ):
        raise FolderError(f"{path} is damaged: it does not hold the settings of a run.")
    return {str(key): value for key, value in loaded.items()}


def _interpolations(value: Any) -> bool:
    """Whether some text in nested settings asks to be replaced."""
    if isinstance(value, Mapping):
        return any(_interpolations(key) or _interpolations(each) for key, each in value.items())
    if isinstance(value, list):
        return any(map(_interpolations, value))
    return isinstance(value, str) and "${" in value
