"""Sweeps survive their jobs, and what is left of them is gone on with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rlrun.sweep import ledger
from tests.faulty import MENDED
from tests.sweep_helpers import (
    FAULTY,
    WHOLE,
    assert_undisturbed,
    command,
    here,  # noqa: F401  # a fixture
    states,
)

KINDS = {
    "'none'": "",
    "raises": "RunFailed|failed in environment 0 of seed 6",
    "exits": "RuntimeError: the run ended itself with sys.exit(3)",
    "dies": "its process ended itself with exit code 9",
    "killed": "killed (SIGKILL): perhaps the memory was used up",
    "crashes": "crashed (SIGSEGV)",
    "uses up the memory": "emory",
    "'nan'": "",
}


def test_one_job_takes_no_other_with_it(
    here: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kinds = ",".join(f'"{kind}"' if " " in kind else kind for kind in KINDS)
    words = (*FAULTY, "seed=6", WHOLE)
    assert command("-m", *words, f"env.kwargs.what={kinds}", "hydra.sweep.dir=s") == 1
    err = capfd.readouterr().err
    folder = here / "s"
    found = list(ledger.read(folder).values())
    assert [e.state for e in found] == ["done" if not why else "failed" for why in KINDS.values()]
    for entry, why in zip(found, KINDS.values(), strict=True):
        assert why.rpartition("|")[2] in entry.reason
        assert entry.state == "done" or f"FAILED: {entry.job}: {entry.reason}" in err
    assert "rlrun: 6 of 8 jobs failed:" in err
    assert err.endswith("rlrun: to go on with what is left: rlrun resume s\n")
    assert "Traceback" not in err  # it stands in the job's own output.txt
    untouched = (folder / found[0].job / "meta.json").read_bytes()

    Path(MENDED).touch()
    assert command("resume", "last" if Path("outputs").exists() else "s") == 0
    assert states(folder) == ["done"] * 8
    assert (folder / found[0].job / "meta.json").read_bytes() == untouched
    assert "resumed" in (folder / found[3].job / "run.log").read_text()
    os.unlink(MENDED)
    Path(MENDED).touch()
    assert_undisturbed(folder, words, tmp_path)
    capfd.readouterr()
    assert command("resume", "s") == 0
    assert capfd.readouterr().out == "s is done.\n"
