"""Where metrics go: TensorBoard event files and `metrics.jsonl`, both by seed number.

The event files are written here record by record, with TensorBoard's own record format and
messages: one record holds all metrics of a seed at a step, nothing runs in a thread, and torch is
not needed. Scalars are `simple_value`s, which every reader of event files understands.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from tensorboard.plugins.hparams import (  # type: ignore[import-untyped]
    api_pb2,
    metadata,
    plugin_data_pb2,
)
from tensorboard.plugins.hparams.summary_v2 import hparams_pb  # type: ignore[import-untyped]
from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

from rlrun import stats

AGGREGATED = (
    "rollout/ep_rew_mean",
    "eval/mean_reward",
    "eval/exact_return",
    "final/mean_reward",
    "final/exact_return",
)


class _EventFile:
    """One TensorBoard event file in a folder of its own: a run in TensorBoard's list."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names, so that what a
        # resumed run writes comes after what it wrote before.
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        name = f"events.out.tfevents.{seconds:010d}.{nanoseconds:09d}"
        self._records = RecordWriter((folder / name).open("xb"))
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalars(self, wall_time: float, step: int, values: Mapping[str, float]) -> None:
        summary = Summary()
        for tag, value in values.items():
            summary.value.add(tag=tag, simple_value=value)
        self.summary(wall_time, step, summary)

    def summary(self, wall_time: float, step: int, summary: Summary) -> None:
        self._write(Event(wall_time=wall_time, step=step, summary=summary))

    def _write(self, event: Event) -> None:
        self._records.write(event.SerializeToString())

    def flush(self) -> None:
        self._records.flush()

    def close(self) -> None:
        self._records.close()


class Logger:
    """Writes the metrics of all seeds of a run into its folder.

    - `seed_<k>/`: TensorBoard scalars of seed number k, and its line in the HParams tab;
    - `iqm/`, `ci_low/`, `ci_high/` (2 seeds or more): interquartile mean and 95 % bootstrap
      interval over the seeds of the tags in `AGGREGATED`, wherever all seeds have a value;
    - `metrics.jsonl`: `{"step": 5000, "seed": 703, "eval/mean_reward": 500.0, ...}`, a line for
      each write and seed number.

    A second Logger in the same folder, as in a resumed run, adds to what is there.
    """

    def __init__(
        self, folder: Path, seeds: Sequence[int], hparams: Mapping[str, bool | int | float | str]
    ) -> None:
        """Open the files. `hparams` are those of the run; each seed adds its number as `seed`.

        No experiment record is written: TensorBoard would take the columns of the HParams tab from
        the first one it meets, and other agents' settings would be missing. Without one it takes
        the settings and metrics of all runs, and shows first the settings that differ.
        """
        self._seeds = list(seeds)
        self._runs = [_EventFile(folder / f"seed_{seed}") for seed in self._seeds]
        names = ("iqm", "ci_low", "ci_high") if len(self._seeds) > 1 else ()
        self._aggregates = {name: _EventFile(folder / name) for name in names}
        self._lines = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._files: list[_EventFile | TextIO] = [
            *self._runs,
            *self._aggregates.values(),
            self._lines,
        ]
        now = time.time()
        for seed, run in zip(self._seeds, self._runs, strict=True):
            run.summary(now, 0, hparams_pb({**hparams, "seed": seed}, start_time_secs=now))
        self.flush()

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
            run.summary(now, step, _image(tag, picture))

    def flush(self) -> None:
        """Hand everything to the system, so that a killed run loses nothing and readers see it."""
        for file in self._files:
            file.flush()

    def close(self) -> None:
        """Mark the sessions of the HParams tab as ended and close the files; once is enough."""
        if self._lines.closed:
            return
        now = time.time()
        ended = _session_end(now)
        for run in self._runs:
            run.summary(now, 0, ended)
        for file in self._files:
            file.close()

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
        for name, row in values.items():
            if row:
                self._aggregates[name].scalars(wall_time, step, row)


def _image(tag: str, picture: NDArray[np.uint8]) -> Summary:
    height, width, colours = picture.shape
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    summary = Summary()
    value = summary.value.add(tag=tag)
    value.image.height, value.image.width, value.image.colorspace = height, width, colours
    value.image.encoded_image_string = data.getvalue()
    return summary


def _session_end(now: float) -> Summary:
    """Build the record that ends a session of the HParams tab, for which the library has none."""
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=now)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    summary = Summary()
    summary.value.add(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return summary
