"""Writing metrics by seed number to TensorBoard event files and `metrics.jsonl`."""

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
from rlrun.core.text import readable
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
RUNS = "|".join((r"seed_\d+", *CURVES))  # folders that TensorBoard lists as runs
MARGINS = ("eval/mean_reward", "rollout/ep_rew_mean")  # tags drawn as a line with a band


class Logger:
    """Writes the metrics of all seeds of a run into its folder.

    - `seed_<k>/`: TensorBoard scalars of seed number k, its line in the HParams tab, its pictures
      and histograms;
    - `iqm/`, `ci_low/`, `ci_high/` (2 seeds or more): interquartile mean and 95 % bootstrap
      interval over the seeds of the tags in `AGGREGATED`, wherever all seeds have a value. `iqm`
      also has the ends of the intervals of the tags in `MARGINS`, as `interval/<tag>/low` and
      `high`, since a chart with a band needs them in one run;
    - `threshold/` or `published/` (if `line` was called): a reference score;
    - `metrics.jsonl`: `{"step": 5000, "seed": 703, "eval/mean_reward": 500.0, ...}`, a line for
      each write and seed number.

    A second Logger in the same folder, as in a resumed run, continues after the first.
    """

    def __init__(
        self,
        folder: Path,
        seeds: Sequence[int],
        hparams: Mapping[str, bool | int | float | str],
        position: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the files. `hparams` are those of the run; each seed adds its number as `seed`.

        With a `position` of an earlier logger of this folder, later records are cut off, and
        a running TensorBoard discards them.

        No experiment record is written: TensorBoard would take the columns of the HParams tab from
        the first one it reads, and settings of other agents would be missing. Without one it uses
        the settings and metrics of all runs, and shows the settings that differ first.
        """
        self._folder, self._seeds = folder, list(seeds)
        self.damaged: list[str] = []
        """Sentences on missing parts of an earlier logger's files."""
        resumed = position is not None and bool(position)
        self._cut(position or {})
        self._runs = [EventFile(folder / f"seed_{seed}") for seed in self._seeds]
        names = ("iqm", "ci_low", "ci_high") if len(self._seeds) > 1 else ()
        self._aggregates = {name: EventFile(folder / name) for name in names}
        self._lines = (folder / LINES).open("a", encoding="utf-8")
        self._files = [*self._runs, *self._aggregates.values()]
        now = time.time()
        texts = {k: readable(v) if isinstance(v, str) else v for k, v in hparams.items()}
        for file in (*self._runs, *self._aggregates.values()):
            if resumed and position is not None:
                file.restart(now, int(position["step"]) + 1)
        for seed, run in zip(self._seeds, self._runs, strict=True):
            if not resumed:
                # Named by its settings alone, a repeated run would share a row with the first.
                trial = readable(f"{folder.name}/seed_{seed} in {folder.parent.resolve()}")
                run.summary(now, 0, hparams_pb({**texts, "seed": seed}, trial, now))
        if not resumed and names:
            self._aggregates["iqm"].summary(now, 0, margin_charts(MARGINS))
        self.flush()

    def line(self, kind: str, score: float, last: int) -> None:
        """Show a horizontal line at `score` with the evaluations, from step 0 to step `last`.

        `kind`, the name of its run, is `threshold` or `published`. Another call replaces the line,
        as in a resumed run that was made longer.
        """
        now, tag = time.time(), "eval/mean_reward"
        with closing(EventFile(self._folder / kind)) as file:
            file.restart(now, 0)
            for step in (0, last):
                file.scalars(now, step, {tag: score} | dict.fromkeys(ends(tag), score))
            file.flush()
            file.sync()

    def position(self, step: int) -> dict[str, Any]:
        """Return the sizes of the files, for a logger that continues from here, from ``step``."""
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
        """Cut off what was written after a position; everything if it is empty."""
        length, lines = int(position.get("lines", 0)), self._folder / LINES
        content = lines.read_bytes() if lines.exists() else b""
        if len(content) < length:
            self.damaged.append(f"{LINES} is shorter than at the checkpoint")
        if lines.exists():
            os.truncate(lines, content.rfind(b"\n", 0, length) + 1)  # whole lines
        sizes = dict(position.get("events", {}))
        for path in _event_files(self._folder):
            size = sizes.pop(str(path.relative_to(self._folder)), None)
            if size is None or path.stat().st_size < int(size):
                path.unlink()  # a reader would stop at a partial record
                if size is not None:
                    self.damaged.append(f"{path.name} was shorter than at the checkpoint")
            else:
                os.truncate(path, int(size))
        self.damaged += [f"{name} is missing" for name in sizes]

    def write(self, step: int, metrics: Mapping[str, NDArray[np.floating]]) -> None:
        """Write every metric, a float array [seed], at `step` (environment steps per seed).

        Values that are not finite are left out: a seed that has not learnt yet has no loss. All
        files are flushed before this returns. Raises ValueError if an array has another shape.
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
        """Show pictures, uint8 `[height, width, colour]`, of the first seeds, one each."""
        now = time.time()
        for run, picture in zip(self._runs, pictures, strict=False):
            run.summary(now, step, image(tag, picture))

    def animation(self, step: int, tag: str, data: bytes, size: tuple[int, int]) -> None:
        """Show a GIF of ``size`` (width, height) of the first seed."""
        self._runs[0].summary(time.time(), step, animation(tag, data, size))

    def histograms(self, step: int, columns: Mapping[str, NDArray[np.floating]]) -> None:
        """Show each seed's row of every array ``[seed, n]`` as a histogram.

        Values that are not finite are left out; a row without finite values is not shown.
        """
        now = time.time()
        for i, run in enumerate(self._runs):
            finite = {tag: rows[i][np.isfinite(rows[i])] for tag, rows in columns.items()}
            if nonempty := {tag: row for tag, row in finite.items() if row.size}:
                run.summary(now, step, histograms(nonempty))

    def flush(self) -> None:
        """Flush all files to the system, so that a killed run loses nothing and readers see it."""
        for file in self._files:
            file.flush()
        self._lines.flush()

    def close(self) -> None:
        """End the sessions of the HParams tab and close the files; a second call does nothing."""
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
        """Return one float for each seed, the shortest that reads back as the same number."""
        array = np.asarray(values)
        if array.shape != (len(self._seeds),):
            raise ValueError(
                f"{tag} needs one value for each of {len(self._seeds)} seeds, [seed], "
                f"but its shape is {array.shape}"
            )
        # Converted through text: 0.1 in float32 stays 0.1, not 0.10000000149011612.
        return [float(str(value)) for value in array]

    def _write_aggregates(
        self, wall_time: float, step: int, columns: Mapping[str, Sequence[float]]
    ) -> None:
        values: dict[str, dict[str, float]] = {name: {} for name in self._aggregates}
        for tag in AGGREGATED:
            column = columns.get(tag, ())
            if len(column) > 1 and all(map(math.isfinite, column)):
                values["iqm"][tag] = stats.iqm(column)
                if len(column) < stats.FEWEST_SEEDS:
                    continue
                low, high = stats.bootstrap_ci(column)
                values["ci_low"][tag], values["ci_high"][tag] = low, high
                if tag in MARGINS:
                    values["iqm"] |= zip(ends(tag), (low, high), strict=True)
        for name, row in values.items():
            if row:
                self._aggregates[name].scalars(wall_time, step, row)


def _event_files(folder: Path) -> list[Path]:
    """Return the event files of the run's loggers, one level down; links are not followed."""
    folders = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    runs = [path for path in folders if re.fullmatch(RUNS, path.name)]
    files = (path for run in runs for path in run.glob(f"{EVENTS}*"))
    return [path for path in files if not path.name.endswith(FILM)]
