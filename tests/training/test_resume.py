"""Runs that were stopped, killed or lengthened go on as if nothing had been."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.checkpoint import store
from rlrun.run_folder.events import EventFile
from rlrun.run_folder.logger import Logger
from rlrun.terminal.commands import command_line
from rlrun.training.evaluator import Evaluator
from tests.soak.compare import left, unlike
from tests.support.common import differences
from tests.support.resume import Stop, resume, run, stopped_at

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(folder)
    return folder


@pytest.mark.parametrize("count", [5, 21, 60, 101, 149])
def test_a_run_that_died_goes_on_exactly(
    monkeypatch: pytest.MonkeyPatch, whole: Path, tmp_path: Path, count: int
) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, count, folder)
    assert json.loads((folder / "meta.json").read_text())["status"] == "failed"
    assert resume(str(folder)) == 0
    assert unlike(whole, folder) == []
    assert left(folder)["exact"] is True


def test_the_comparison_notices_another_run(whole: Path, tmp_path: Path) -> None:
    run(tmp_path / "other", "agent.lr=1.0001e-3")
    wrong = unlike(whole, tmp_path / "other")
    assert {place.split("/")[1] for place in wrong} >= {"checkpoint", "metrics", "curves"}


@pytest.mark.parametrize("place", ["evaluation", "log", "events"])
def test_dying_while_it_evaluates_or_writes(
    monkeypatch: pytest.MonkeyPatch, whole: Path, tmp_path: Path, place: str
) -> None:
    def die(*_: Any, **__: Any) -> Any:
        raise Stop

    targets: dict[str, tuple[Any, str]] = {
        "evaluation": (Evaluator, "final"),
        "log": (Logger, "_over_seeds"),
        "events": (EventFile, "scalars"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[place], die)
        with pytest.raises(Stop):
            run(tmp_path / "run")
    assert resume(str(tmp_path / "run")) == 0
    assert unlike(whole, tmp_path / "run") == []


def test_a_longer_run_does_not_make_schedules_jump(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """120 steps, then 300: the line of epsilon ended at 120 and stays where it was."""
    folder = tmp_path / "run"
    run(folder, "total_steps=120", "explore.fraction=1")
    capsys.readouterr()
    assert resume(str(folder), "total_steps=300") == 0
    both = f"{command_line('again')} && {command_line('resume', 'last', 'total_steps=300')}"
    assert f"\nagain:     {both}\n" in capsys.readouterr().out
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    rates = {
        m["step"]: m["rollout/exploration_rate"] for m in lines if "rollout/exploration_rate" in m
    }
    assert rates[50] == pytest.approx(1 - 0.95 * np.arange(22, 52, 2).mean() / 120, abs=0.02)
    assert all(rates[step] == pytest.approx(0.05, abs=1e-9) for step in (200, 250, 300))
    result = json.loads((folder / "result.json").read_text())
    assert (result["steps"], result["status"]) == (300, "done")
    assert (store.load(folder / "checkpoint"))["step"] == 300
    steps = [line["step"] for line in lines if line["seed"] == 0]
    assert steps == sorted(steps)


def test_nothing_to_do_is_said(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(whole)
    assert resume(str(whole)) == 0
    assert "is done. To train longer" in capsys.readouterr().out
    assert differences(before, left(whole)) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seeds=4"], "seeds is fixed by the run. These may change: total_steps"),
        (["agent.lr=1"], "agent.lr is fixed by the run"),
        (["agent.lrr=1"], "unknown setting agent.lrr"),
        (["total_steps=5"], "total_steps may be raised, not lowered: 300 -> 5"),
        (["total_steps=1,2"], "total_steps has several values"),
        (["total_steps"], "cannot read 'total_steps'"),
        (["total_steps=many"], "total_steps must be a whole number, got 'many'"),
        (["checkpoint.every_steps=-1"], "checkpoint.every_steps must be at least 0"),
    ],
)
def test_what_the_run_fixed_cannot_be_changed(
    whole: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert resume(str(whole), *words) == 2
    err = capsys.readouterr().err
    assert err.startswith("rlrun: ") and err.count("\n") == 1
    assert message in err


def test_equal_settings_may_be_repeated(whole: Path) -> None:
    assert resume(str(whole), "seeds=2", "agent.lr=0.001") == 0


def test_folders_that_are_none_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for words, message in (
        (["nowhere"], "there is no folder nowhere"),
        (["last"], "there is no run under outputs/ here"),
        (["empty"], "empty is not the folder of a run: it has no meta.json"),
    ):
        assert resume(*words) == 2
        assert message in capsys.readouterr().err
    assert resume("--help") == 0
    assert "rlrun resume RUN" in capsys.readouterr().out


def test_last_is_the_run_begun_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        run(tmp_path / "outputs" / name, "total_steps=40")
    assert resume("last") == 0
    assert "second is done" in capsys.readouterr().out
    assert resume("outputs") == 2
    assert "contains 2 runs: name one of them" in capsys.readouterr().err


def test_two_processes_cannot_go_on_with_one_run(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX);"
    hold = [sys.executable, "-c", f"{code} print(1, flush=True); sys.stdin.read()", ".lock"]
    with subprocess.Popen(
        hold, cwd=whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "1\n"
        assert resume(str(whole), "total_steps=400") == 1
        other.kill()
    assert "is in use: another process runs in it" in capsys.readouterr().err


def test_lost_checkpoints_do_not_lose_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, 100, folder)
    shutil.rmtree(folder / "checkpoint")
    metrics = (folder / "metrics.jsonl").read_bytes()
    assert metrics
    assert resume(str(folder)) == 1
    assert "has lost its checkpoints" in capsys.readouterr().err
    assert (folder / "metrics.jsonl").read_bytes() == metrics


def test_a_changed_config_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, 100, folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("batch_size: 8", "batch_size: 9"))
    metrics = (folder / "metrics.jsonl").read_bytes()
    assert resume(str(folder)) == 1
    assert "is not the one that the checkpoint was made with" in capsys.readouterr().err
    assert (folder / "metrics.jsonl").read_bytes() == metrics


@pytest.mark.parametrize("damage", ["cut lines", "no lines", "cut events", "no events"])
def test_damaged_logs_make_a_run_inexact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, 149, folder)
    name = "metrics.jsonl" if "lines" in damage else "seed_1/events*"
    (path,) = folder.glob(name)
    if damage.startswith("cut"):
        path.write_bytes(path.read_bytes()[:300])
    else:
        path.unlink()
    assert resume(str(folder)) == 0
    found = json.loads((folder / "meta.json").read_text())
    assert (found["status"], found["exact"]) == ("done", False)
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        json.loads(line)


def test_other_versions_make_a_run_inexact(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, 100, folder)
    meta = json.loads((folder / "meta.json").read_text())
    meta["versions"]["torch"] = "0.1"
    (folder / "meta.json").write_text(json.dumps(meta))
    assert resume(str(folder)) == 0
    assert json.loads((folder / "meta.json").read_text())["exact"] is False


@pytest.mark.parametrize("steps", ["3e2", "300.0"])
def test_a_length_is_a_whole_number(
    whole: Path, capsys: pytest.CaptureFixture[str], steps: str
) -> None:
    assert resume(str(whole), f"total_steps={steps}") == 0
    assert "is done" in capsys.readouterr().out
    assert resume(str(whole), "total_steps=10") == 2


def test_without_the_replay_a_run_is_not_exact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped_at(monkeypatch, 100, folder, "checkpoint.replay=false")
    assert "replay" not in store.load(folder / "checkpoint")["agent"]
    assert resume(str(folder)) == 0
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["status"], meta["exact"]) == ("done", False)
    assert "the replay was not in the checkpoint" in (folder / "run.log").read_text()


def test_saving_does_not_change_training(whole: Path, tmp_path: Path) -> None:
    run(tmp_path / "run", "checkpoint.every_steps=0", "checkpoint.every_minutes=null")
    assert unlike(whole, tmp_path / "run") == []
    run(tmp_path / "often", "checkpoint.every_steps=2")
    assert unlike(whole, tmp_path / "often") == []
