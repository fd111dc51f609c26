"""Writing metrics by seed number to TensorBoard event files and `metrics.jsonl`."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins.hparams.summary_v2 import hparams_pb  # type: ignore[import-untyped]

from rlrun import stats
from rlrun.core.text import readable
from rlrun.run_folder.board import COLUMNS, MARGINS, REFERENCES, RUNS, main_run, shown
from rlrun.run_folder.episode_writer import EpisodeWriter
from rlrun.run_folder.episodes import Points
from rlrun.run_folder.events import (
    EVENTS,
    FILM,
    EventFile,
    Plain,
    animation,
    ends,
    histograms,
    hparams_columns,
    image,
    margin_charts,
    session_end,
)
from rlrun.run_folder.files import LINES


class Logger:
    """Writes the metrics of all seeds of a run into its folder.

    TensorBoard has seven colours, so a run is one entry of its list, whose name is that of its
    average over the seeds:

    - `iqm/`, `mean/` (up to 3 seeds) or `seed_<k>/` (of a single seed): TensorBoard scalars
      wherever all seeds have a value, pictures and histograms, and the line in the HParams tab. The
      tags in `MARGINS` have the ends of their 95 % intervals as `interval/<tag>/low` and `high`, if
      there are enough seeds for one, and those in `REFERENCES` a reference score, all for the
      charts of the Custom Scalars tab;
    - `seed_<k>/`, if the seeds are shown: scalars, pictures and histograms of seed number k;
    - `metrics.jsonl`: `{"step": 5000, "seed": 703, "eval/mean_reward": 500.0, ...}`, a line for
      each write and seed number that has values;
    - `episodes.jsonl`: every training episode, whose curves have its number as their step.

    A second Logger in the same folder, as in a resumed run, continues after the first. That may be
    one of version 0.1.0, which always showed the seeds, and wrote `iqm/` for 2 or 3 seeds too.
    """

    def __init__(
        self,
        folder: Path,
        seeds: Sequence[int],
        hparams: Mapping[str, Plain],
        position: Mapping[str, Any] | None = None,
        *,
        varying: Container[str] = (),
        reference: float | None = None,
        show_seeds: bool = False,
    ) -> None:
        """Open the files. The hyperparameters in `varying` come first in the HParams tab.

        `reference` is a score to compare evaluations with. With a `position` of an earlier logger
        of this folder, later records are cut off, and a running TensorBoard discards them.
        """
        self._folder, self._seeds, self._reference = folder, list(seeds), reference
        self.damaged: list[str] = []
        """Sentences on missing parts of an earlier logger's files."""
        position = position or {}
        self._cut(position)
        self._episodes = EpisodeWriter(folder, self._seeds, int(position.get("episodes", 0)))
        self.damaged += self._episodes.damaged
        begun = {name.partition("/")[0] for name in position.get("events", {})}
        names = [f"seed_{seed}" for seed in self._seeds]
        self._main = EventFile(folder / main_run(self._seeds, begun))
        shown = len(names) > 1 and (show_seeds or names[0] in begun)
        self._runs = [EventFile(folder / name) for name in names] if shown else []
        self._lines = (folder / LINES).open("a", encoding="utf-8")
        self._files = [self._main, *self._runs]
        now = time.time()
        if position:
            for file in self._files:
                file.restart(now, int(position["step"]) + 1)
        else:
            texts = {k: readable(v) if isinstance(v, str) else v for k, v in hparams.items()}
            self._main.summary(now, 0, hparams_columns(texts, varying, COLUMNS))
            # Named by its settings alone, a repeated run would share a row with the first.
            trial = readable(f"{folder.name} in {folder.parent.resolve()}")
            self._main.summary(now, 0, hparams_pb(texts, trial, now))
            bands = len(self._seeds) >= stats.FEWEST_SEEDS
            lines = {} if reference is None else REFERENCES
            self._main.summary(now, 0, margin_charts(MARGINS, bands, lines))
        self.flush()

    def position(self, step: int) -> dict[str, Any]:
        """Return the sizes of the files, for a logger that continues from here, from ``step``."""
        self.flush()
        for file in self._files:
            file.sync()
        os.fsync(self._lines.fileno())
        self._episodes.sync()
        sizes = {
            str(path.relative_to(self._folder)): path.stat().st_size
            for path in _event_files(self._folder)
        }
        size = (self._folder / LINES).stat().st_size
        episodes = self._episodes.size()
        return {"step": step, "lines": size, "events": sizes, "episodes": episodes}

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
        for i, seed in enumerate(self._seeds):
            row = {tag: column[i] for tag, column in columns.items() if math.isfinite(column[i])}
            if row:  # a seed whose training has ended has none
                if self._runs:
                    self._runs[i].scalars(now, step, shown(row))
                lines.append(json.dumps({"step": step, "seed": seed, **row}) + "\n")
        self._lines.write("".join(lines))
        if average := self._over_seeds(columns):
            self._main.scalars(now, step, shown(average))
        self.flush()

    def episodes(self, taken: Mapping[int, Points]) -> None:
        """Write finished training episodes by the seed's position."""
        now = time.time()
        for i, number, values in self._episodes.write(taken, by_seed=bool(self._runs)):
            if i is None:
                self._main.scalars(now, number, values)
            elif self._runs:
                self._runs[i].scalars(now, number, values)
        self.flush()

    def pictures(self, step: int, tag: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show pictures, uint8 `[height, width, colour]`, of the first seeds, one each."""
        now = time.time()
        for i, picture in enumerate(pictures[: len(self._seeds)]):
            run, ending = self._place(i)
            run.summary(now, step, image(f"{tag}{ending}", picture))

    def animation(self, step: int, tag: str, data: bytes, size: tuple[int, int]) -> None:
        """Show a GIF of ``size`` (width, height) of the first seed."""
        run, ending = self._place(0)
        run.summary(time.time(), step, animation(f"{tag}{ending}", data, size))

    def histograms(self, step: int, columns: Mapping[str, NDArray[np.floating]]) -> None:
        """Show each seed's row of every array ``[seed, n]`` as a histogram.

        Values that are not finite are left out; a row without finite values is not shown.
        """
        now = time.time()
        for i in range(len(self._seeds)):
            run, ending = self._place(i)
            finite = {f"{tag}{ending}": x[i][np.isfinite(x[i])] for tag, x in columns.items()}
            if nonempty := {tag: row for tag, row in finite.items() if row.size}:
                run.summary(now, step, histograms(nonempty))

    def _place(self, i: int) -> tuple[EventFile, str]:
        """Return the run that shows what only a seed has, and the ending of its tags there."""
        if self._runs:
            return self._runs[i], ""
        return self._main, f"/seed_{self._seeds[i]}" if len(self._seeds) > 1 else ""

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
        self._main.summary(now, 0, session_end(now))
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

    def _over_seeds(self, columns: Mapping[str, Sequence[float]]) -> dict[str, float]:
        """Return the interquartile means of the metrics of which all seeds have a value.

        With them are the ends of intervals, and the reference score of an evaluation.
        """
        whole = {tag: column for tag, column in columns.items() if all(map(math.isfinite, column))}
        if not whole:
            return {}
        middle = stats.trimmed_mean(np.array(list(whole.values())))  # [tag]
        row = dict(zip(whole, middle.tolist(), strict=True))
        if len(self._seeds) >= stats.FEWEST_SEEDS:
            for tag in set(MARGINS) & whole.keys():
                row |= zip(ends(tag), stats.bootstrap_ci(whole[tag]), strict=True)
        if self._reference is not None:
            row |= {line: self._reference for tag, line in REFERENCES.items() if tag in whole}
        return row


def _event_files(folder: Path) -> list[Path]:
    """Return the event files of the run's loggers, one level down; links are not followed."""
    folders = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    runs = [path for path in folders if re.fullmatch(RUNS, path.name)]
    files = (path for run in runs for path in run.glob(f"{EVENTS}*"))
    return [path for path in files if not path.name.endswith(FILM)]
