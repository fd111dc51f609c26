"""What two runs left, but for the time it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun.checkpoint import store
from tests.support.common import differences, host


def left(folder: Path) -> dict[str, Any]:
    """The checkpoint, metrics, episodes, curves and result of a run that is done."""
    state = store.load(folder / "checkpoint")
    for name in ("clock", "log"):
        state.pop(name)
    result = json.loads((folder / "result.json").read_text())
    for name in ("wall_seconds", "steps_per_second"):
        result.pop(name)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "checkpoint": host(_untimed(state)),
        "best": host(store.load(folder / "best")) if (folder / "best").exists() else {},
        "result": result,
        "metrics": [{k: v for k, v in line.items() if k != "time/fps"} for line in lines],
        "curves": {run.name: _curves(run) for run in sorted(folder.iterdir()) if _is_run(run)},
        "episodes": [path.read_text() for path in folder.glob("episodes.jsonl")],
        "table": [path.read_text() for path in sorted(folder.glob("*_table.csv"))],
        "exact": json.loads((folder / "meta.json").read_text())["exact"],
    }


def unlike(one: Path, other: Path) -> list[str]:
    """Where two runs differ."""
    return differences(left(one), left(other))


def _untimed(state: dict[str, Any]) -> dict[str, Any]:
    metrics = state["recorder"]["metrics"]
    state["recorder"]["metrics"] = {tag: each for tag, each in metrics.items() if tag != "time/fps"}
    return state


def _is_run(path: Path) -> bool:
    return path.is_dir() and any(path.glob("events.out.tfevents*"))


def _curves(run: Path) -> dict[str, Any]:
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0}).Reload()
    tags = events.Tags()
    scalars = {
        tag: [[point.step, point.value] for point in events.Scalars(tag)]
        for tag in tags["scalars"]
        if tag != "time/fps"
    }
    pictures = {tag: [point.step for point in events.Images(tag)] for tag in tags["images"]}
    return {"scalars": scalars, "pictures": pictures}
