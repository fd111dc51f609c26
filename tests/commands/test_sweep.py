"""Sweeps survive their jobs, and can be resumed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlrun.run_folder.reader import read_run
from rlrun.sweep import ledger, stop
from rlrun.terminal.commands import command_line
from tests.support.faulty import MENDED
from tests.support.sweeps import (
    FAULTY,
    LONG,
    VICTIM_WORD,
    assert_undisturbed,
    command,
    started,
    states,
)

pytestmark = pytest.mark.slow

KINDS = {
    "nothing": "",
    "raises": "failed in environment 0 of seed 6",
    "exits": "RuntimeError: the run ended itself with sys.exit(3)",
    "dies": "its process exited with code 9",
    "killed": "killed (SIGKILL): it may have used too much memory",
    "crashes": "crashed (SIGSEGV)",
    '"uses up the memory"': "Unable to allocate 16.0 GiB",
}


def test_one_job_takes_no_other_with_it(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = (*FAULTY, "seed=6", VICTIM_WORD)
    kinds = f"env.kwargs.what={','.join(KINDS)}"
    assert command("-m", *words, kinds, "hydra.sweep.dir=s") == 1
    err = capfd.readouterr().err
    found = list(ledger.read(here / "s").values())
    assert [e.state for e in found] == ["failed" if why else "done" for why in KINDS.values()]
    runs = [read_run(here / "s" / entry.job) for entry in found]
    assert [run.status for run in runs] == [entry.state for entry in found]  # one word everywhere
    for run, entry, (kind, why) in zip(runs, found, KINDS.items(), strict=True):
        assert why in entry.reason
        if kind in ("dies", "killed", "crashes"):  # the run itself could not record why
            assert run.meta["reason"] == entry.reason
        assert entry.state == "done" or f"FAILED: {entry.job}: {entry.reason}" in err
    assert "rlrun: 6 of 7 jobs failed:" in err
    assert err.endswith(f"rlrun: to resume the sweep: {command_line('resume', 's')}\n")
    assert "Traceback" not in err  # that stands in the job's own output.txt

    done = here / "s" / found[0].job / "meta.json"
    untouched = done.read_bytes()
    Path(MENDED).touch()
    assert command("resume", "s") == 0
    assert states(here / "s") == ["done"] * 7
    assert done.read_bytes() == untouched
    for entry in found[1:]:
        log = (here / "s" / entry.job / "run.log").read_text()
        assert "step 20: resumed" in log
    assert_undisturbed(here / "s")
    capfd.readouterr()
    assert command("resume", "s") == 0
    assert capfd.readouterr().out == "s is done.\n"


@pytest.mark.parametrize("launcher", ["local", "basic"])
def test_a_failure_may_stop_the_sweep(
    here: Path, launcher: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words = (*FAULTY, VICTIM_WORD, "env.kwargs.what=raises", "seed=5,6,7,8", "sweep.jobs=1")
    how = (f"hydra/launcher={launcher}", "sweep.on_error=stop", "hydra.sweep.dir=s")
    assert command("-m", *words, *how) == 1
    assert states(here / "s") == ["done", "failed", "queued", "queued"]
    err = capfd.readouterr().err
    assert "rlrun: 1 of 4 jobs failed:" in err
    assert "rlrun: 2 of 4 jobs are not done." in err
    Path(MENDED).touch()
    assert command("resume", "s", "sweep.jobs=2") == 0
    assert states(here / "s") == ["done"] * 4


@pytest.mark.parametrize(
    ("number", "launcher", "code"),
    [(signal.SIGINT, "local", 130), (signal.SIGTERM, "basic", 143)],
)
def test_a_sweep_that_is_stopped_goes_on(
    here: Path, number: signal.Signals, launcher: str, code: int
) -> None:
    words = (*LONG, "seed=1,3,5", "sweep.jobs=2", f"hydra/launcher={launcher}")
    curves = here / "s" / "0_seed=1" / "metrics.jsonl"
    process = started(here / "s", *words, until=curves.exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    assert f"rlrun: to resume the sweep: {command_line('resume', 's')}" in err
    assert "Traceback" not in err
    found = states(here / "s")
    assert found[0] == "interrupted" and found[2] == "queued"
    assert (here / "s" / "0_seed=1" / "checkpoint").is_dir()
    assert command("resume", "s", "hydra/launcher=local") == 0
    assert states(here / "s") == ["done"] * 3
    assert_undisturbed(here / "s")


def test_jobs_do_not_outlive_a_sweep_that_is_killed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = here / "s" / "0_seed=1" / "metrics.jsonl"
    process = started(
        here / "s", *LONG, "total_steps=10000000", "seed=1,3", "sweep.jobs=1", until=curves.exists
    )
    assert states(here / "s") == ["running", "queued"]
    assert command("resume", "s") == 2
    assert capsys.readouterr().err == "rlrun: s is in use: its jobs are being run.\n"
    assert not stop.requested(here / "s")
    process.kill()
    process.communicate(timeout=600)
    deadline = time.monotonic() + 600
    while states(here / "s")[0] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert states(here / "s") == ["interrupted", "queued"]
    assert (here / "s" / "0_seed=1" / "checkpoint").is_dir()


def test_two_sweeps_at_once_have_folders_of_their_own(here: Path) -> None:
    line = [sys.executable, "-m", "rlrun", "-m", *FAULTY, "seed=1,2", "hydra/launcher=basic"]
    both = [subprocess.Popen(line, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err.decode()
    sweeps = list(Path("outputs/sweeps").iterdir())
    assert len(sweeps) == 2
    assert [states(sweep) for sweep in sweeps] == [["done"] * 2] * 2
