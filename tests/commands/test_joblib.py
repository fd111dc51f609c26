"""Sweeps under joblib, which loses all its workers when one of them dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlrun.sweep import ledger
from tests.support.faulty import MENDED
from tests.support.sweeps import FAULTY, VICTIM_WORD, assert_undisturbed, command, states

pytestmark = pytest.mark.slow


def test_joblib_loses_no_job_but_those_that_fail(here: Path) -> None:
    words = (*FAULTY, "seed=6", VICTIM_WORD, "env.kwargs.what=nothing,raises,dies,none")
    how = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=s")
    assert command("-m", *words, *how) == 1
    assert states(here / "s") == ["done", "failed", "failed", "done"]
    found = list(ledger.read(here / "s").values())
    assert "failed in environment 0 of seed 6" in found[1].reason
    assert found[2].reason == "its process died"
    Path(MENDED).touch()
    assert command("resume", "s") == 0
    assert states(here / "s") == ["done"] * 4
    assert_undisturbed(here / "s")
