"""TensorBoard event files, written record by record with TensorBoard's own messages.

One record holds all metrics of a seed at a step; no thread and no torch are needed. Scalars are
`simple_value`s, which every reader of event files supports.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.event_pb2 import (  # type: ignore[import-untyped]
    Event,
    SessionLog,
)
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from tensorboard.compat.proto.tensor_pb2 import TensorProto  # type: ignore[import-untyped]
from tensorboard.compat.proto.types_pb2 import DT_STRING  # type: ignore[import-untyped]
from tensorboard.plugins.custom_scalar import (  # type: ignore[import-untyped]
    layout_pb2,
)
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.histogram.summary_v2 import histogram_pb  # type: ignore[import-untyped]
from tensorboard.plugins.hparams import (  # type: ignore[import-untyped]
    api_pb2,
    metadata,
    plugin_data_pb2,
)
from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

Plain = bool | int | float | str
EVENTS = "events.out.tfevents"
FILM = ".film"  # suffix of event files that no logger writes


class EventFile:
    """One TensorBoard event file in its own folder: a run in TensorBoard's list."""

    def __init__(self, folder: Path, name: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names: the time puts a
        # resumed run's file after the earlier ones.
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        own = f"{EVENTS}.{seconds:010d}.{nanoseconds:09d}"
        self._file = (folder / (name or own)).open("xb")
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def restart(self, wall_time: float, step: int) -> None:
        """Make readers discard what they have read of ``step`` and later steps."""
        log = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=wall_time, step=step, session_log=log))

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

    def sync(self) -> None:
        """Wait until everything is on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._records.close()


def image(tag: str, picture: NDArray[np.uint8]) -> Summary:
    height, width, colours = picture.shape
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    summary = Summary()
    value = summary.value.add(tag=tag)
    value.image.height, value.image.width, value.image.colorspace = height, width, colours
    value.image.encoded_image_string = data.getvalue()
    return summary


def animation(tag: str, data: bytes, size: tuple[int, int]) -> Summary:
    """Build a GIF of ``size`` (width, height), which TensorBoard plays among the images."""
    summary = Summary()
    value = summary.value.add(tag=tag)
    value.image.width, value.image.height = size
    value.image.colorspace = 3
    value.image.encoded_image_string = data
    return summary


def add_film(folder: Path, step: int, tag: str, data: bytes, size: tuple[int, int]) -> None:
    """Add a GIF to the folder of a seed's event files, in a separate file that no logger writes.

    Its name sorts first: TensorBoard reads files in order, and would take a later one for newer
    and stop reading the file of a running logger.
    """
    file = EventFile(folder, f"{EVENTS}.{0:010d}.{time.time_ns()}{FILM}")
    file.summary(time.time(), step, animation(tag, data, size))
    file.close()


def histograms(rows: Mapping[str, NDArray[np.floating]]) -> Summary:
    """Build histograms of the numbers ``[n]`` of each tag; each ``n`` is at least 1."""
    summary = Summary()
    for tag, values in rows.items():
        summary.MergeFrom(histogram_pb(tag, values))
    return summary


def ends(tag: str) -> tuple[str, str]:
    """Return the tags of the two ends of a scalar's interval."""
    return f"interval/{tag}/low", f"interval/{tag}/high"


def margin_charts(tags: Iterable[str], bands: bool, references: Mapping[str, str]) -> Summary:
    """Build the layout of the Custom Scalars tab: for each tag a line, and the band of its `ends`.

    Without ``bands`` only lines are drawn. ``references`` are the tags of further lines, by the tag
    whose chart they are in. Runs with the same layout share their charts, if the title of their
    category is the same: TensorBoard merges only the charts of the first category.
    """
    layout = layout_pb2.Layout()
    category = layout.category.add(title="over the seeds, with 95 % intervals")
    for tag in tags:
        low, high = ends(tag) if bands else (tag, tag)
        chart = category.chart.add(title=tag)
        chart.margin.series.add(value=tag, lower=low, upper=high)
        if line := references.get(tag):
            chart.margin.series.add(value=line, lower=line, upper=line)
    summary = Summary()
    content = TensorProto(dtype=DT_STRING, string_val=[layout.SerializeToString()])
    summary.value.add(
        tag=custom_scalar.CONFIG_SUMMARY_TAG,
        metadata=custom_scalar.create_summary_metadata(),
        tensor=content,
    )
    return summary


def hparams_columns(
    hparams: Mapping[str, Plain], varying: Container[str], metrics: Iterable[str]
) -> Summary:
    """Build the record of the columns of the HParams tab, which the library builds only for Keras.

    The hyperparameters in ``varying`` come first, ``metrics`` in their order: TensorBoard shows the
    first five of each.
    """
    experiment = api_pb2.Experiment()
    for name, value in hparams.items():
        info = experiment.hparam_infos.add(name=name, differs=name in varying)
        if isinstance(value, bool):
            info.type = api_pb2.DATA_TYPE_BOOL
            info.domain_discrete.extend([False, True])
        elif isinstance(value, str):
            info.type = api_pb2.DATA_TYPE_STRING
        else:
            info.type = api_pb2.DATA_TYPE_FLOAT64
    for tag in metrics:
        experiment.metric_infos.add(name=api_pb2.MetricName(tag=tag))
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    return _hparams_record(metadata.EXPERIMENT_TAG, content)


def session_end(now: float) -> Summary:
    """Build the record that ends a session of the HParams tab, missing in the library."""
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=now)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    return _hparams_record(metadata.SESSION_END_INFO_TAG, content)


def _hparams_record(tag: str, content: plugin_data_pb2.HParamsPluginData) -> Summary:
    summary = Summary()
    summary.value.add(
        tag=tag,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return summary
