"""Where metrics go: TensorBoard event files and `metrics.jsonl`, both by seed number."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins.hparams.summary_v2 import hparams_pb  # type: ignore[import-untyped]

from rlrun import stats
from rlrun.run_folder.events import (
    EVENTS,
    FILM,
    EventFile,
    animation,
    ends,
    histograms,
    image,
    margin_charts,
    session_end,
)
from rlrun.run_folder.files import CURVES, LINES

AGGREGATED = (
    "rollout/ep_rew_mean",
    "eval/mean_reward",
    "eval/exact_return",
    "eval/discounted_return",
    "eval/q_bias",
    "final/mean_reward",
    "final/exact_return",
    "final/best_mean_reward",
)
OURS = "|".join((r"seed_\d+", *CURVES))  # the runs that TensorBoard lists
MARGINS = ("eval/mean_reward", "rollout/ep_rew_mean")  # those drawn as a line with a band


class Logger:
    """Writes the metrics of all seeds of a run into its folder.

    - `seed_<k>/`: TensorBoard scalars of seed number k, its line in the HParams tab, its pictures
      and histograms;
    - `iqm/`, `ci_low/`, `ci_high/` (2 seeds or more): interquartile mean and 95 % bootstrap
      interval over the seeds of the tags in `AGGREGATED`, wherever all seeds have a value. `iqm`
      has the ends of the intervals of the tags in `MARGINS` too, since a chart with a band wants
      them in one run: as `interval/<tag>/low` and `high`;
    - `threshold/` or `published/` (where `line` was called): a score to be seen against;
    - `metrics.jsonl`: `{"step": 5000, "seed": 703, "eval/mean_reward": 500.0, ...}`, a line for
      each write and seed number.

    A second Logger in the same folder, as in a resumed run, goes on where the first one was.
    """

    def __init__(
        self,
        folder: Path,
        seeds: Sequence[int],
        hparams: Mapping[str, bool | int | float | str],
        position: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the files. `hparams` are those of the run; each seed adds its number as `seed`.

        With a `position` of an earlier logger of this folder, what was written after it is cut
        off, and TensorBoards that have seen it are told to forget it.

        No experiment record is written: TensorBoard would take the columns of the HParams tab from
        the first one it meets, and other agents' settings would be missing. Without one it takes
        the settings and metrics of all runs, and shows first the settings that differ.
        """
        self._folder, self._seeds = folder, list(seeds)
        self.damaged: list[str] = []
        """What of an earlier logger's files is missing, as sentences."""
        resumed = position is not None and bool(position)
        self._cut(position or {})
        self._runs = [EventFile(folder / f"seed_{seed}") for seed in self._seeds]
        names = ("iqm", "ci_low", "ci_high") if len(self._seeds) > 1 else ()
        self._aggregates = {name: EventFile(folder / name) for name in names}
        self._lines = (folder / LINES).open("a", encoding="utf-8")
        self._files = [*self._runs, *self._aggregates.values()]
        now = time.time()
        for file in (*self._runs, *self._aggregates.values()):
            if resumed and position is not None:
                file.restart(now, int(position["step"]) + 1)
        for seed, run in zip(self._seeds, self._runs, strict=True):
            if not resumed:
                # By the settings alone a run that is done again would be one row with the first.
                trial = f"{folder.name}/seed_{seed} in {folder.parent.resolve()}"
                run.summary(now, 0, hparams_pb({**hparams, "seed": seed}, trial, now))
        if not resumed and names:
            self._aggregates["iqm"].summary(now, 0, margin_charts(MARGINS))
        self.flush()

    def line(self, kind: str, score: float, last: int) -> None:
        """Show a level line at `score` beside the evaluations, from step 0 to step `last`.

        `kind`, the name of its run, is `threshold` or `published`. Called again, as in a run that
        goes on and was made longer, it replaces the line.
        """
        now, tag = time.time(), "eval/mean_reward"
        with closing(EventFile(self._folder / kind)) as file:
            file.restart(now, 0)
            for step in (0, last):
                file.scalars(now, step, {tag: score} | dict.fromkeys(ends(tag), score))
            file.flush()
            file.sync()

    def position(self, step: int) -> dict[str, Any]:
        """How far the files are written, for a logger that goes on from here, from ``step``."""
        self.flush()
        for file in self._files:
            file.sync()
        os.fsync(self._lines.fileno())
        sizes = {
            str(path.relative_to(self._folder)): path.stat().st_size
            for path in _event_files(self._folder)
        }
        size = (self._folder / LINES).stat().st_size
        return {"step": step, "lines": size, "events": sizes}

    def _cut(self, position: Mapping[str, Any]) -> None:
        """Take back what was written after a position; everything where there is none."""
        wanted, lines = int(position.get("lines", 0)), self._folder / LINES
        content = lines.read_bytes() if lines.exists() else b""
        if len(content) < wanted:
            self.damaged.append(f"{LINES} is shorter than it was")
        if lines.exists():
            os.truncate(lines, content.rfind(b"\n", 0, wanted) + 1)  # whole lines
        sizes = dict(position.get("events", {}))
        for path in _event_files(self._folder):
            size = sizes.pop(str(path.relative_to(self._folder)), None)
            if size is None or path.stat().st_size < int(size):
                path.unlink()  # a reader would stop at half a record
                if size is not None:
                    self.damaged.append(f"{path.name} was shorter than it had been")
            else:
                os.truncate(path, int(size))
        self.damaged += [f"{name} is missing" for name in sizes]

    def write(self, step: int, metrics: Mapping[str, NDArray[np.floating]]) -> None:
        """Write every metric, a float array [seed], at `step` (environment steps per seed).

        What is not finite is left out: a seed that has learnt nothing yet has no loss. Everything
        is handed to the system before this returns. Raises ValueError where an array has another
        shape.
        """
        columns = {tag: self._column(tag, values) for tag, values in metrics.items()}
        now = time.time()
        lines = []
        for i, (seed, run) in enumerate(zip(self._seeds, self._runs, strict=True)):
            row = {tag: column[i] for tag, column in columns.items() if math.isfinite(column[i])}
            if row:
                run.scalars(now, step, row)
            lines.append(json.dumps({"step": step, "seed": seed, **row}))
        self._lines.write("\n".join(lines) + "\n")
        self._write_aggregates(now, step, columns)
        self.flush()

    def pictures(self, step: int, tag: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show a picture, uint8 `[height, width, colour]`, of each of the first seeds."""
        now = time.time()
        for run, picture in zip(self._runs, pictures, strict=False):
            run.summary(now, step, image(tag, picture))

    def animation(self, step: int, tag: str, data: bytes, size: tuple[int, int]) -> None:
        """Show a GIF of ``size`` (width, height) of the first seed."""
        self._runs[0].summary(time.time(), step, animation(tag, data, size))

    def histograms(self, step: int, columns: Mapping[str, NDArray[np.floating]]) -> None:
        """Show each seed's row of every ``[seed, n]`` as a histogram.

        What is not finite is left out, and a row with nothing else is not shown.
        """
        now = time.time()
        for i, run in enumerate(self._runs):
            finite = {tag: rows[i][np.isfinite(rows[i])] for tag, rows in columns.items()}
            if shown := {tag: row for tag, row in finite.items() if row.size}:
                run.summary(now, step, histograms(shown))

    def flush(self) -> None:
        """Hand everything to the system, so that a killed run loses nothing and readers see it."""
        for file in self._files:
            file.flush()
        self._lines.flush()

    def close(self) -> None:
        """Mark the sessions of the HParams tab as ended and close the files; once is enough."""
        if self._lines.closed:
            return
        now = time.time()
        ended = session_end(now)
        for run in self._runs:
            run.summary(now, 0, ended)
        for file in self._files:
            file.close()
        self._lines.close()

    def _column(self, tag: str, values: NDArray[np.floating]) -> list[float]:
        """One float for each seed, the shortest that reads back as the same number."""
        array = np.asarray(values)
        if array.shape != (len(self._seeds),):
            raise ValueError(
                f"{tag} needs one value for each of {len(self._seeds)} seeds, [seed], "
                f"but its shape is {array.shape}"
            )
        # By way of text: 0.1 in float32 stays 0.1 and does not become 0.10000000149011612.
        return [float(str(value)) for value in array]

    def _write_aggregates(
        self, wall_time: float, step: int, columns: Mapping[str, Sequence[float]]
    ) -> None:
        values: dict[str, dict[str, float]] = {name: {} for name in self._aggregates}
        for tag in AGGREGATED:
            column = columns.get(tag, ())
            if len(column) > 1 and all(map(math.isfinite, column)):
                low, high = stats.bootstrap_ci(column)
                for name, value in (("iqm", stats.iqm(column)), ("ci_low", low), ("ci_high", high)):
                    values[name][tag] = value
                if tag in MARGINS:
                    values["iqm"] |= zip(ends(tag), (low, high), strict=True)
        for name, row in values.items():
            if row:
                self._aggregates[name].scalars(wall_time, step, row)


def _event_files(folder: Path) -> list[Path]:
    """The event files of this run's loggers: one level down, and no links to elsewhere."""
    found = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    runs = [path for path in found if re.fullmatch(OURS, path.name)]
    files = (path for run in runs for path in run.glob(f"{EVENTS}*"))
    return [path for path in files if not path.name.endswith(FILM)]
