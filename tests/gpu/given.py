"""What a part is given: the device, how much to do, until when, and where its results go."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

DeviceName = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Sizes:
    """How much a part does."""

    steps: int = 400
    """Steps of each seed of every agent's run."""
    stacks: tuple[int, ...] = (3, 10, 100)
    """Seeds in the stacks that are compared with seeds alone."""
    updates: int = 100
    """Updates before weights are compared."""
    rows: tuple[int, ...] = (10, 100, 1000)
    host_rows: tuple[int, ...] = (10, 100)
    control_rows: tuple[int, ...] = (1, 10, 100)
    pixel_rows: tuple[int, ...] = (1, 10)
    seconds: float = 6.0
    """Length of a window in which speed is measured."""
    most: float = 30.0
    """Seconds that one measurement may take with its warm-up."""
    profiled: int = 50
    """Vector steps that are profiled."""


TINY = Sizes(120, (2,), 4, (2, 3), (2,), (1,), (1,), 0.2, 20.0, 4)
"""For tests."""


@dataclass
class Given:
    """A part's device, sizes, deadline (by `time.time`) and results.

    The results are rows, by the name of their table; they are written after each row, so that a
    part that is stopped keeps what it has done.
    """

    part: str
    device: DeviceName
    sizes: Sizes
    folder: Path
    deadline: float
    results: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.time()

    def note(self, sentence: str) -> None:
        with self._lock:
            self.results.setdefault("notes", []).append(sentence)
            self._write()

    def row(self, table: str, **values: Any) -> None:
        with self._lock:
            self.results.setdefault("tables", {}).setdefault(table, []).append(values)
            self._write()

    def attempt(
        self, table: str, name: str, work: Callable[[], dict[str, Any]], **known: Any
    ) -> None:
        """Add a row of what is ``known`` and what ``work`` returns.

        If it raises an exception, the row has that instead: nothing stops the others.
        """
        known = {"name": name, **known}
        if self.left < 0:
            self.row(table, **known, error="no time was left")
            return
        start = time.perf_counter()
        try:
            values = work()
        except (Exception, SystemExit) as error:
            trace = traceback.format_exc()
            self.results.setdefault("traces", {})[f"{table}: {name}"] = trace[-4000:]
            values = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        self.row(table, **known, **values, seconds=round(time.perf_counter() - start, 1))

    def _write(self) -> None:
        path = self.folder / f"{self.part}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.results, indent=1))
        os.replace(temporary, path)


def synchronize(device: str) -> None:
    """Wait until the device has done what it was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def machine(device: DeviceName) -> dict[str, Any]:
    """Return what the numbers depend on."""
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "the CPU, standing in",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "TF32 in matrix products": torch.backends.cuda.matmul.allow_tf32,
        "TF32 in convolutions": torch.backends.cudnn.allow_tf32,
    }
    if device == "cuda":
        cudnn: Any = torch.backends.cudnn
        found |= {"CUDA": torch.version.cuda, "cuDNN": cudnn.version()}
    return found
