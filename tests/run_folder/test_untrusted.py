"""Run folders that are damaged, or made to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.checkpoint import store
from rlrun.run import start_run
from tests.support.common import settings
from tests.support.faults import WORDS
from tests.support.resume import resume

pytestmark = pytest.mark.slow


def test_nothing_is_loaded_through_a_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, outside = tmp_path / "run", tmp_path / "precious.txt"
    folder.mkdir()
    start_run(settings(*WORDS, "total_steps=40"), folder, "rlrun again")
    outside.write_text("keep me")
    (folder / "metrics.jsonl").unlink()
    (folder / "metrics.jsonl").symlink_to(outside)
    assert resume(str(folder), "total_steps=60") == 2
    assert "is a link, which a run's folder must not contain" in capsys.readouterr().err
    assert outside.read_text() == "keep me"


EVIL = {
    "config.yaml, code": (
        "config.yaml",
        "!!python/object/apply:os.system ['touch pwned']\n",
        "config.yaml is damaged",
    ),
    "config.yaml, resolved": (
        "config.yaml",
        "seed: ${oc.env:HOME}\n",
        "does not hold the settings of a run",
    ),
    "config.yaml, target": (
        "config.yaml",
        "total_steps: 40\nenv: {}\nagent: {_target_: os.system, command: touch pwned}\n",
        "it names no agent or no environment",
    ),
    "config.yaml, a list": ("config.yaml", "[1, 2]\n", "does not hold the settings of a run"),
    "config.yaml, a bomb": (
        "config.yaml",
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n" + "c: " * 3,
        "config.yaml is damaged",
    ),
    "config.yaml, odd": (
        "config.yaml",
        "agent: 3\nenv: [1]\ntotal_steps: 40\n",
        "does not hold the settings of a run",
    ),
    "config.yaml, empty": ("config.yaml", "", "does not hold the settings of a run"),
    "config.yaml, references": (
        "config.yaml",
        "a: &a [x, x]\nagent: *a\nenv: {}\ntotal_steps: 40\n",
        "it has references",
    ),
    "meta.json, half": ("meta.json", '{"version": 1', "meta.json is damaged"),
    "meta.json, later": (
        "meta.json",
        '{"version": 9, "horizon": 5, "status": "running"}',
        "meta.json has format version 9",
    ),
    "meta.json, deep": ("meta.json", "[" * 100_000, "meta.json is damaged"),
    "meta.json, no number": (
        "meta.json",
        '{"version": 1, "horizon": "many", "status": "running"}',
        "meta.json is damaged",
    ),
}


@pytest.mark.parametrize("kind", EVIL)
def test_a_damaged_or_malicious_folder_is_an_error_and_no_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    name, content, message = EVIL[kind]
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    start_run(settings(*WORDS, "total_steps=40"), folder, "rlrun again")
    capsys.readouterr()
    (folder / name).write_text(content)
    assert resume("run", "total_steps=60") == 2
    err = capsys.readouterr().err
    assert err.startswith("rlrun: ") and err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("position", [None, "x", {}, {"step": 1, "lines": "y", "events": {}}, 7])
def test_a_position_of_the_log_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], position: Any
) -> None:
    start_run(settings(*WORDS, "total_steps=60"), tmp_path, "rlrun again")
    checkpoints = store.Checkpoints(tmp_path / "checkpoint")
    checkpoints.save({**checkpoints.load(), "log": position})
    capsys.readouterr()
    assert resume(str(tmp_path), "total_steps=80") == 1
    assert "does not say how far the log was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["agent"].pop("optimizer"),
        lambda s: s["agent"]["policy"].update(online=s["agent"]["policy"]["online"][:1]),
        lambda s: s["agent"]["policy"].update(online="weights"),
        lambda s: s["envs"].update(actions=s["envs"]["actions"][:, :1]),
        lambda s: s["envs"].update(begun=s["envs"]["begun"] - 10**6),
        lambda s: s["agent"]["replay"].update(time=10**15),
        lambda s: s["agent"]["explore"]["streams"][0].update(width=10**15),
        lambda s: s["recorder"].update(returns=[]),
        lambda s: s["best"].update(mean=np.zeros(1)),
        lambda s: s.pop("clock"),
        lambda s: s.update(step="many"),
    ],
)
def test_a_state_that_is_not_this_runs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any
) -> None:
    start_run(settings(*WORDS, "total_steps=60"), tmp_path, "rlrun again")
    checkpoints = store.Checkpoints(tmp_path / "checkpoint")
    state = checkpoints.load()
    change(state)
    checkpoints.save(state)
    capsys.readouterr()
    assert resume(str(tmp_path), "total_steps=80") == 1
    err = capsys.readouterr().err
    assert "the checkpoint does not match the settings of its run" in err
    assert "Traceback" not in err
