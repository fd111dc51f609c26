"""Sweeps under submitit (on this machine, without Slurm) and under Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faulty import MENDED
from tests.support.sweeps import FAULTY, VICTIM_WORD, assert_undisturbed, command, states


@pytest.mark.filterwarnings("default")  # of theirs there are many
@pytest.mark.parametrize(("launcher", "package"), [("submitit_local", "submitit"), ("ray", "ray")])
def test_no_job_is_lost_but_those_that_fail(here: Path, launcher: str, package: str) -> None:
    pytest.importorskip(package)
    words = (*FAULTY, "seed=6", VICTIM_WORD, "env.kwargs.what=nothing,raises,dies,none")
    assert command("-m", *words, f"hydra/launcher={launcher}", "hydra.sweep.dir=s") == 1
    assert states(here / "s") == ["done", "failed", "failed", "done"]
    Path(MENDED).touch()
    assert command("resume", "s", "hydra/launcher=local") == 0
    assert states(here / "s") == ["done"] * 4
    assert_undisturbed(here / "s")
