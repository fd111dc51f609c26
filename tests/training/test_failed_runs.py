"""Full disks, memory that runs out and folders without permission end a run in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.agents.dqn import DQN
from rlrun.checkpoint import store
from rlrun.core.errors import RunFailed
from rlrun.run import start_run
from rlrun.run_folder.logger import Logger
from tests.support.common import (
    settings,
)
from tests.support.faults import WORDS, meta
from tests.support.resume import resume

pytestmark = pytest.mark.slow


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = Logger.write, [0]

    def write(self: Any, step: int, values: Any) -> None:
        written[0] += 1
        if written[0] == 4:
            raise OSError(28, "No space left on device", "metrics.jsonl")
        real(self, step, values)

    monkeypatch.setattr(Logger, "write", write)
    with pytest.raises(RunFailed, match=r"step 80: metrics\.jsonl .*No space left"):
        start_run(settings(*WORDS), tmp_path, "rlrun again")
    assert meta(tmp_path)["status"] == "failed"
    assert store.load(tmp_path / "checkpoint")["step"] == 80
    monkeypatch.undo()
    assert resume(str(tmp_path)) == 0
    assert meta(tmp_path)["status"] == "done"


def too_much_for_python() -> None:
    np.zeros(2**61, np.int8)


def too_much_for_torch() -> None:
    torch.zeros(2**61, dtype=torch.int8)


@pytest.mark.parametrize("take", [too_much_for_python, too_much_for_torch])
def test_memory_that_is_used_up_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[], None]
) -> None:
    monkeypatch.setattr(DQN, "learn", lambda *_: take())
    with pytest.raises(RunFailed, match="step 0: out of memory"):
        start_run(settings(*WORDS), tmp_path, "rlrun again")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFailed, match="cannot be written"):
        start_run(settings(*WORDS), tmp_path, "rlrun again")
