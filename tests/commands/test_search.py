"""Searches with real runs: what they find, give up, survive and leave behind."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from rlrun.run_folder.config_file import read_config
from rlrun.run_folder.files import LINES
from rlrun.run_folder.reader import read_run
from rlrun.sweep import ledger, view
from tests.support.cli import tree
from tests.support.resume import resume
from tests.support.sweeps import FAULTY, OPTUNA, VICTIM_WORD, command, started, states

pytestmark = pytest.mark.slow

LAKE = (  # a step size of 0.1 or more finds the goal; one near 0 never does
    "agent=q_learning",
    "agent.initial_value=0.5",
    "env=FrozenLake-v1",
    "env.kwargs.is_slippery=false",
    "tuned=none",
    "seeds=2",
    "total_steps=3000",
    "log.every=1000",
    "eval.every=1000",
    "eval.episodes=1",
    "eval.final_episodes=1",
    "eval.max_steps=50",
    "explore.start=1",
    "explore.end=1",
    "agent.lr=interval(1e-6,1)",
)
ALONE = (OPTUNA, "sweep.jobs=1", "hydra/launcher=basic")  # one after another, in this process


def search(folder: Path, *words: str) -> int:
    return command("-m", *ALONE, *LAKE, *words, f"hydra.sweep.dir={folder}")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of 6 trials of which none is given up."""
    folder = tmp_path_factory.mktemp("search") / "s"
    assert search(folder, "search.trials=6", "search.pruner=none") == 0
    return folder


def tried(folder: Path) -> dict[float, float | None]:
    """The learning rate of each trial and its value, in the order of the trials."""
    entries = ledger.read(folder).items()
    return {read_config(folder / job)["agent"]["lr"]: entry.value for job, entry in entries}


def test_it_finds_the_better_end(found: Path) -> None:
    told = tried(found)
    assert len(told) == 6
    assert all((value == 1.0) == (lr > 0.01) for lr, value in told.items())
    assert {0.0, 1.0} <= set(told.values())  # it has been at both ends


def test_the_same_seed_gives_the_same_trials(found: Path, tmp_path: Path) -> None:
    words = ("search.trials=3", "search.pruner=none")
    assert search(tmp_path / "again", *words) == 0
    assert search(tmp_path / "other", *words, "search.seed=1") == 0
    assert list(tried(tmp_path / "again").items()) == list(tried(found).items())[:3]
    assert not set(tried(tmp_path / "other")) & set(tried(found))


def test_runs_know_nothing_of_the_search(found: Path) -> None:
    for job, entry in ledger.read(found).items():
        run = read_run(found / job)
        assert not {"search", "sweep"} & set(run.settings)
        assert run.result is not None and run.result["final"]["mean"] == entry.value
        assert "search." not in run.meta["command"] and "sweep." not in run.meta["command"]


def test_the_best_is_an_experiment(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resume(str(found)) == 0  # there is nothing left: it says what came out again
    out = capsys.readouterr().out
    assert "search:    6 trials: 6 done\n" in out
    lr = next(lr for lr, value in tried(found).items() if value == 1.0)
    (line,) = [line for line in out.splitlines() if line.startswith("again:")]
    assert line.endswith(f"agent.lr={lr}")
    assert "search" not in line
    (line,) = [line for line in out.splitlines() if line.startswith("or:")]
    words = line.split()[2:]
    assert words[0] == "--config-dir" and words[2] == "experiment=best"
    assert command(*words, "hydra.run.dir=run") == 0
    (job,) = [job for job in ledger.read(found) if read_config(found / job)["agent"]["lr"] == lr]
    assert read_config(tmp_path / "run") == read_config(found / job)
    told, mine = (
        [json.loads(text) for text in (run / LINES).read_text().splitlines()]
        for run in (found / job, tmp_path / "run")
    )
    for row in (*told, *mine):
        row.pop("time/fps", None)
    assert mine == told
    assert "_target_" not in (found / "experiment" / "best.yaml").read_text()


def test_it_leaves_a_table_of_its_trials_ranked_by_exact_returns(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resume(str(found)) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("best:")]
    assert line.endswith(", by the exact return")
    assert f"table:     {os.path.relpath(found / 'summary.csv')}" in out
    with (found / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    ranked = sorted(tried(found).items(), key=lambda item: -float(item[1] or 0.0))
    assert [float(row["exact_mean"]) for row in rows] == [value for _, value in ranked]
    assert {float(row["agent.lr"]) for row in rows} == set(tried(found))


def test_a_trial_whose_folder_was_removed_is_run_again(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    shutil.copytree(found, folder)
    known = tried(found)
    jobs = [job for job, entry in ledger.read(folder).items() if entry.value == 1.0]
    shutil.rmtree(folder / jobs[0])  # the best one
    assert resume(str(folder)) == 0
    captured = capsys.readouterr()
    assert f"run again, for their folders are missing: {jobs[0]}" in captured.err
    assert "search:    6 trials: 6 done\n" in captured.out
    assert tried(folder) == known
    assert (folder / jobs[0] / "result.json").is_file()


def test_hopeless_trials_end_early(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    assert search(folder, "search.trials=6", "search.pruner=halving") == 0
    out = capsys.readouterr().out
    given_up = [job for job, entry in ledger.read(folder).items() if entry.state == "pruned"]
    assert 0 < len(given_up) < 6
    assert f"{6 - len(given_up)} done, {len(given_up)} pruned" in out
    for job in given_up:
        run = read_run(folder / job)
        assert run.result is not None
        assert (run.status, run.result["stopped"]) == ("pruned", "pruned")
        assert run.result["steps"] == 1000 and run.result["final"] is None
        assert tried(found)[run.settings["agent"]["lr"]] == 0.0  # the same 6 are drawn
        log = (folder / job / "run.log").read_text()
        assert "the search prunes this trial: others were better at this step" in log
    assert resume(str(folder / given_up[0])) == 0  # alone it goes on to its end
    run = read_run(folder / given_up[0])
    assert run.result is not None
    assert (run.status, run.result["steps"]) == ("done", 3000)


def test_a_trial_that_fails_does_not_end_the_search(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "LINE_SECONDS", 0.0)
    space = ("env.kwargs.what=choice('none',raises,dies)", "agent.lr=interval(0.1,1)")
    words = (*FAULTY, "seed=6", VICTIM_WORD, *space, "search.trials=6", "search.sampler=random")
    assert command("-m", OPTUNA, *words, "hydra.sweep.dir=s") == 0
    out, err = capsys.readouterr()
    kinds = [
        read_config(here / "s" / job)["env"]["kwargs"]["what"] for job in ledger.read(here / "s")
    ]
    assert states(here / "s") == ["done" if kind == "none" else "failed" for kind in kinds]
    assert set(states(here / "s")) == {"done", "failed"}
    assert f"{kinds.count('none')} done, {6 - kinds.count('none')} failed" in out
    last = [line for line in err.splitlines() if " jobs done" in line][-1]
    counted = re.match(r"(\d) of 6 jobs done(?: \| (\d) failed)?", last)  # not of its batch alone
    assert counted is not None
    assert sum(map(int, counted.groups("0"))) in (4, 5)  # one or both of the last two still run
    assert read_config(here / "s" / next(iter(ledger.read(here / "s"))))["seed"] == 6


def test_killed_and_gone_on_with_it_is_what_it_would_have_been(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    words = (OPTUNA, "sweep.jobs=1", *LAKE, "search.trials=4", "search.pruner=none")

    def third_begun() -> bool:
        return len(list(folder.glob("*/meta.json"))) == 3

    process = started(folder, *words, until=third_begun)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(ledger.read(folder)) == 3
    assert resume(str(folder), "search.trials=6", "hydra/launcher=basic") == 0
    assert list(tried(folder).items()) == list(tried(found).items())
    assert states(folder) == ["done"] * 6
    capsys.readouterr()
    assert resume(str(folder)) == 0  # it knows that there were to be 6
    assert "search:    6 trials: 6 done\n" in capsys.readouterr().out


def test_what_a_search_fixed_cannot_be_changed(
    found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(found)
    for word in ("search.seed=1", "agent.lr=1", "search.trials=x", "search.trials=1,2"):
        assert resume(str(found), word) == 2
        assert "These may change: sweep.jobs, sweep.on_error, hydra/launcher, search.trials" in (
            capsys.readouterr().err
        )
    assert tree(found) == before
