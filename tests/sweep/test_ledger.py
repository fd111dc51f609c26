"""What is known of the jobs of a sweep, whoever died while writing it."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rlrun.run_folder.files import FolderError, drop_partial_line
from rlrun.run_folder.folder import RunFolder
from rlrun.sweep.ledger import FILE, Entry, read, record, recorded


def add(folder: Path, **line: Any) -> None:
    with (folder / FILE).open("a") as file:
        file.write(json.dumps({"time": time.time(), **line}) + "\n")


def run_of(folder: Path, job: str, status: Any, reason: str | None = None) -> None:
    """The folder that a run of this job left."""
    (folder / job).mkdir()
    RunFolder.create(folder / job, "rlrun", 10, "torch").close(status, reason)
    if status == "done":
        (folder / job / "result.json").write_text('{"final": {"mean": 7.5}}')


def state(folder: Path, job: str = "0") -> str:
    return read(folder)[job].state


def test_the_last_line_about_a_job_counts(tmp_path: Path) -> None:
    for job in ("1_b", "0_a"):
        record(tmp_path, job, "queued", overrides=["seed=1", f"agent.lr={job}"])
    record(tmp_path, "0_a", "running")
    (tmp_path / "0_a").mkdir()
    record(tmp_path, "0_a", "done", value=2.5)
    record(tmp_path, "1_b", "failed", reason="no luck")
    found = read(tmp_path)
    assert list(found) == ["1_b", "0_a"]  # as they were queued
    assert (found["0_a"].state, found["0_a"].value) == ("done", 2.5)
    assert (found["1_b"].state, found["1_b"].reason) == ("failed", "no luck")
    assert found["0_a"].overrides == ("seed=1", "agent.lr=0_a")


def test_a_value_that_is_not_finite_is_none(tmp_path: Path) -> None:
    record(tmp_path, "0", "done", value=float("nan"))
    assert "NaN" not in (tmp_path / FILE).read_text()
    assert read(tmp_path)["0"].value is None


def test_half_a_line_is_ignored_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    record(tmp_path, "0", "queued", overrides=[])
    with (tmp_path / FILE).open("a") as file:
        file.write('{"job": "0", "state": "do')
    assert state(tmp_path) == "queued"
    with (tmp_path / FILE).open("a") as file:
        file.write("\n")
    with pytest.raises(FolderError, match="is damaged: a line of it does not describe a job"):
        read(tmp_path)


def test_half_a_line_is_cut_off_before_anything_is_added(tmp_path: Path) -> None:
    record(tmp_path, "0", "queued", overrides=["a=1"])
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole + b'{"job": "0", "state": "do')
    for _ in range(2):
        drop_partial_line(tmp_path / FILE)
        assert (tmp_path / FILE).read_bytes() == whole
    record(tmp_path, "0", "failed")
    assert recorded(tmp_path)["0"].state == "failed"


@pytest.mark.parametrize(
    "line",
    [
        {"job": "0", "state": "won"},
        {"job": "../0", "state": "queued"},
        {"job": "..", "state": "queued"},
        {"job": "", "state": "queued"},
        {"job": 3, "state": "queued"},
        {"job": "0", "state": "queued", "overrides": "seed=1"},
        {"job": "0", "state": "queued", "overrides": [1]},
        {"job": "0", "state": "done", "value": "many"},
        {"job": "0", "state": "running", "pid": "me"},
        {"job": "0", "state": "running", "pid": float("inf")},
        {"state": "queued"},
    ],
)
def test_what_is_no_line_of_ours_is_refused(tmp_path: Path, line: dict[str, Any]) -> None:
    add(tmp_path, **line)
    with pytest.raises(FolderError, match="is damaged"):
        read(tmp_path)


def test_no_ledger_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is not the folder of a sweep"):
        read(tmp_path)


def test_running_is_only_who_lives(tmp_path: Path) -> None:
    record(tmp_path, "0", "running")
    assert state(tmp_path) == "running"
    code = "import sys; from pathlib import Path; from rlrun.sweep.ledger import record;"
    code += "record(Path(sys.argv[1]), '0', 'running')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert recorded(tmp_path)["0"].state == "running"
    assert state(tmp_path) == "interrupted"


def test_a_process_that_got_the_number_of_a_dead_one_is_another(tmp_path: Path) -> None:
    for pid in (os.getppid(), 10**30):
        add(tmp_path, job="0", state="running", pid=pid, begun=1, host=platform.node())
        assert state(tmp_path) == "interrupted"


@pytest.mark.slow
def test_on_another_machine_the_lock_of_the_run_tells(tmp_path: Path) -> None:
    add(tmp_path, job="0", state="running", pid=1, begun=1, host="elsewhere")
    assert state(tmp_path) == "running"  # it may be about to open its folder
    add(tmp_path, job="0", state="running", pid=1, begun=1, host="elsewhere", time=0)
    assert state(tmp_path) == "interrupted"
    (tmp_path / "0").mkdir()
    code = (
        "import sys, time; from pathlib import Path; from rlrun.run_folder.folder import RunFolder;"
    )
    code += "f = RunFolder.create(Path(sys.argv[1]), 'x', 1, 'torch'); print(flush=True); "
    code += "time.sleep(600)"
    command = [sys.executable, "-c", code, str(tmp_path / "0")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        assert state(tmp_path) == "running"
    finally:
        process.kill()
        process.communicate()
    assert state(tmp_path) == "interrupted"


@pytest.mark.parametrize(
    ("told", "meta", "judged"),
    [
        ("queued", "done", "done"),  # somebody ran it by hand
        ("failed", "done", "done"),
        ("done", "interrupted", "interrupted"),  # somebody made it longer, and stopped
        ("done", "running", "interrupted"),
        ("failed", "interrupted", "failed"),
        ("failed", "running", "failed"),
        ("interrupted", "failed", "interrupted"),
        ("queued", "running", "queued"),
    ],
)
def test_the_folder_of_the_run_decides(tmp_path: Path, told: Any, meta: str, judged: str) -> None:
    record(tmp_path, "0", told, value=1.0 if told == "done" else None)
    run_of(tmp_path, "0", meta)
    assert state(tmp_path) == judged
    assert read(tmp_path)["0"].value == (7.5 if judged == "done" else None)


def test_the_reason_in_the_folder_of_a_run_is_kept(tmp_path: Path) -> None:
    add(tmp_path, job="0", state="running", pid=2**22 + 1, begun=1, host=platform.node())
    run_of(tmp_path, "0", "failed", "it hung")
    assert read(tmp_path)["0"] == Entry(
        "0",
        "failed",
        reason="it hung",
        host=platform.node(),
        process=(2**22 + 1, 1),
        time=read(tmp_path)["0"].time,
    )


def _write(folder: Path, number: int) -> None:
    for turn in range(200):
        record(folder, f"{number}_{'x' * 80}", "done", value=float(turn))


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (tmp_path / FILE).read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 800
    assert [entry.value for entry in recorded(tmp_path).values()] == [199.0] * 4
