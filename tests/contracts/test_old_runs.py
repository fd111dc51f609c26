"""Run folders that an earlier version wrote are still evaluated, resumed and reported.

``data`` holds runs that were killed at step 335 (`*_killed`), one that is done, and a sweep whose
second job was interrupted; ``expected.json`` is what the same version gave uninterrupted. They
were written before the code moved into rooms: names in checkpoints, configurations and ledgers
must keep their meaning.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rlrun.checkpoint import store
from rlrun.cli.verbs.dispatch import run_verb
from rlrun.run import start_run
from rlrun.sweep import ledger
from tests.support.common import SMALL_DQN, differences, row, settings
from tests.support.resume import resume

pytestmark = pytest.mark.slow

DATA = Path(__file__).with_name("data")
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())
KILLED = ("table_killed", "dqn_killed", "ppo_killed")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all of them, as the current directory."""
    folder = tmp_path / "old"
    shutil.copytree(DATA, folder)
    monkeypatch.chdir(folder)
    return folder


def losses(folder: Path) -> dict[tuple[int, int], float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {(x["step"], x["seed"]): x["train/loss"] for x in lines if "train/loss" in x}


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_run_gives_what_it_would_have_given(old: Path, name: str) -> None:
    assert resume(name) == 0
    final = json.loads((old / name / "result.json").read_text())["final"]
    assert final["per_seed"] == EXPECTED[name]["per_seed"]
    if (exact := EXPECTED[name]["exact"]) is not None:
        assert final["exact"]["per_seed"] == exact
    found = losses(old / name)
    for step, seed, loss in EXPECTED[name]["loss"]:  # processors differ in the last digits
        assert found[step, seed] == pytest.approx(loss, rel=1e-4), (step, seed)


@pytest.mark.parametrize("name", ["dqn_killed", "ppo_killed", "table_done"])
def test_policies_play(old: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run_verb(["evaluate", name, "--json", "episodes=2"]) == 0
    played = json.loads(capsys.readouterr().out)
    assert played["seeds"] == [0, 1] and len(played["per_seed"]) == 2
    if name == "table_done":  # the episodes of its own final evaluation
        assert run_verb(["evaluate", name, "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        result = json.loads((old / name / "result.json").read_text())
        assert again["per_seed"] == result["final"]["per_seed"]
        meta = json.loads((old / name / "meta.json").read_text())
        assert "own_final_episodes" not in meta  # as a new run has it, with other episodes
        (old / name / "meta.json").write_text(json.dumps(meta | {"own_final_episodes": True}))
        assert run_verb(["evaluate", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["lengths"] != again["lengths"]


def test_a_sweep_is_resumed_and_leaves_alone_what_is_done(old: Path) -> None:
    before = (old / "sweep" / "0_lr=0.1" / "result.json").read_bytes()
    assert resume("sweep") == 0
    assert [entry.state for entry in ledger.read(old / "sweep").values()] == ["done", "done"]
    assert (old / "sweep" / "0_lr=0.1" / "result.json").read_bytes() == before
    settings = (old / "sweep" / "1_lr=0.2" / "config.yaml").read_text()
    assert "lr: 0.2" in settings


def test_the_replay_of_an_old_run_is_data(old: Path) -> None:
    """Its capacity is 120; seed 2 learns from the transitions of seed 0."""
    (old / "new").mkdir()
    words = (*SMALL_DQN, "env=CartPole-v1", "data=dqn_killed", "seeds=3", "total_steps=8")
    start_run(settings(*words, "eval.every=0", "eval.final_episodes=0"), old / "new", "rlrun again")
    was, now = (store.load(old / name / "checkpoint")["agent"] for name in ("dqn_killed", "new"))
    stored, found = (row(each["replay"]["tail"], 0) for each in (was, now))
    assert differences(stored, found) == []
    assert differences(stored, row(now["replay"]["tail"], 2)) == []
    assert now["updates"].tolist() == [8, 8, 8]


def test_a_report_has_all_of_them(old: Path) -> None:
    assert run_verb(["report", str(old), "--out", "page"]) == 0
    page = (old / "page" / "index.html").read_text("utf-8")
    for name in ("q_learning", "sarsa", "dqn", "ppo", "FrozenLake-v1", "CartPole-v1"):
        assert name in page
