"""What a search goes through, what it draws, and which trials it gives up; no run is made."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rlrun.agents import AGENTS
from rlrun.cli.config.paths import config_root
from rlrun.run_folder.files import FolderError
from rlrun.tuning.settings import SearchSettings
from rlrun.tuning.space import Categorical, Interval
from rlrun.tuning.study import FILE, Study, Trial, pruning
from tests.support.cli import Rlrun, tree

LR = Interval("agent.lr", 1e-4, 1e-2, integer=False, log=True)
SIZE = Interval("agent.batch_size", 16, 64, integer=True, log=False)
HIDDEN = Categorical("agent.hidden", ("[64,64]", "[8]"))
OPTUNA = ("-m", "hydra/sweeper=optuna")


def search(**changes: object) -> SearchSettings:
    usual = {"trials": 8, "sampler": "random", "pruner": "none", "seed": 0}
    return SearchSettings(**(usual | changes))  # type: ignore[arg-type]


def study(folder: Path, **changes: object) -> Study:
    return Study(folder, search(**changes), [LR, SIZE, HIDDEN], 500)


def test_values_are_written_short_and_stay_between_the_ends() -> None:
    assert LR.word(0.00123456789) == "agent.lr=0.0012346"
    assert LR.word(0.0099999999) == "agent.lr=0.01"
    assert Interval("gamma", 0.99, 0.999996, False, False).word(0.9999959) == "gamma=0.999996"
    assert SIZE.word(17.0) == "agent.batch_size=17"
    assert LR.samples()[:2] == ["agent.lr=0.0001", "agent.lr=0.01"]
    assert SIZE.samples() == ["agent.batch_size=16", "agent.batch_size=64", "agent.batch_size=34"]
    assert HIDDEN.samples() == ["agent.hidden=[64,64]", "agent.hidden=[8]"]


def drawn(folder: Path, count: int, **changes: object) -> list[Trial]:
    """Trials one after another; each is worth its learning rate."""
    folder.mkdir(exist_ok=True)
    found = []
    for _ in range(count):
        trials = study(folder, **changes)  # as a process that begins anew would
        trial = trials.ask()
        trials.finish(trial.number, "done", lr(trial))
        found.append(trial)
    return found


def lr(trial: Trial) -> float:
    return float(trial.words[0].partition("=")[2])


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_what_is_drawn_depends_on_seed_and_past_alone(tmp_path: Path, sampler: str) -> None:
    one = study(tmp_path, sampler=sampler)
    together = []
    for number in range(14):
        trial = one.ask()
        assert trial.number == number
        one.finish(number, "done", lr(trial))
        together.append(trial)
    assert drawn(tmp_path / "apart", 14, sampler=sampler) == together
    assert drawn(tmp_path / "other", 3, sampler=sampler, seed=1) != together[:3]
    assert len(set(together)) == 14
    for trial in together:
        assert 1e-4 <= lr(trial) <= 1e-2
        assert trial.words[2] in HIDDEN.samples()


def test_tpe_learns_and_random_does_not(tmp_path: Path) -> None:
    """What is best is a high learning rate: later trials have one with TPE."""
    later = {
        sampler: sum(
            lr(trial) > 3e-3 for trial in drawn(tmp_path / sampler, 24, sampler=sampler)[12:]
        )
        for sampler in ("tpe", "random")
    }
    assert later["tpe"] >= 8 > later["random"]


def test_the_best_and_the_counts(tmp_path: Path) -> None:
    trials = study(tmp_path)
    assert trials.best() is None
    asked = [trials.ask() for _ in range(6)]
    outcomes = [("done", 3.0), ("done", 5.0), ("failed", None), ("pruned", None), ("done", 5.0)]
    for number, (outcome, value) in enumerate(outcomes):
        trials.finish(number, outcome, value)  # type: ignore[arg-type]
    best = trials.best()
    assert best is not None and (best.number, best.value) == (1, 5.0)
    assert best.words == asked[1].words
    assert [trials.count(each) for each in ("done", "failed", "pruned")] == [3, 1, 1]
    assert [trial.number for trial in study(tmp_path).unfinished()] == [5]
    assert study(tmp_path).unfinished()[0].words == asked[5].words


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_not_finite_has_failed(tmp_path: Path, value: float | None) -> None:
    trials = study(tmp_path)
    trials.finish(trials.ask().number, "done", value)
    assert (trials.count("failed"), trials.best()) == (1, None)


def test_a_process_killed_while_it_writes_loses_nothing(tmp_path: Path) -> None:
    whole = drawn(tmp_path / "whole", 4)
    folder = tmp_path / "cut"
    drawn(folder, 3)
    lines = (folder / FILE).read_bytes()
    for cut in (1, 40, 300, 700):  # the end of an outcome, and of a draw
        (folder / FILE).write_bytes(lines[:-cut])
        trials = study(folder)
        for trial in trials.unfinished():
            trials.finish(trial.number, "done", lr(trial))
        while len(trials) < 4:
            trial = trials.ask()
            trials.finish(trial.number, "done", lr(trial))
        assert trial.words == whole[3].words
        assert [each for each in drawn(folder, 1) if each.number == 4]


@pytest.mark.parametrize(
    "line", ["nonsense", "[1]", '{"op_code": 99, "worker_id": "x"}', '{"op_code": 4}']
)
def test_a_damaged_file_is_reported_in_a_sentence(tmp_path: Path, line: str) -> None:
    drawn(tmp_path, 2)
    with (tmp_path / FILE).open("a") as file:
        file.write(f"{line}\n{line}\n")
    with pytest.raises(FolderError, match="is damaged or belongs to another search"):
        study(tmp_path)


def test_values_outside_of_the_space_are_not_taken_from_the_file(tmp_path: Path) -> None:
    trials = study(tmp_path)
    trials.ask()
    path = tmp_path / FILE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if "[8]" in line.get("distribution", ""):
            line["distribution"] = line["distribution"].replace("[8]", "${oc.env:HOME}")
            line["param_value_internal"] = 1
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(FolderError, match="belongs to another search"):
        study(tmp_path).unfinished()


def test_median_pruning_ends_trials_below_the_others(tmp_path: Path) -> None:
    trials = study(tmp_path, pruner="median")
    for number in range(5):
        run = tmp_path / f"{trials.ask().number:03}_lr=1"
        should_prune = pruning(run)
        assert should_prune is not None
        assert not should_prune(500, 10.0 * number)
        assert not should_prune(1000, 100.0)
        trials.finish(number, "done", 100.0)
        assert pruning(run) is None  # it has an outcome: the run may continue alone
    last = tmp_path / f"{trials.ask().number:03}_lr=1"
    should_prune = pruning(last)
    assert should_prune is not None
    assert not should_prune(500, 20.0)  # the median of the others
    assert not should_prune(500, 20.0)  # a resumed run reports it again
    assert not should_prune(1000, float("nan"))
    assert should_prune(1000, 99.0)
    again = pruning(last)
    assert again is not None
    assert not again(500, 0.0)  # it has come further before
    assert again(1000, 99.0)


def test_halving_keeps_the_best_third(tmp_path: Path) -> None:
    trials = study(tmp_path, pruner="halving")
    given_up = []
    for value in (5.0, 4.0, 3.0, 6.0, 1.0, 2.0):
        should_prune = pruning(tmp_path / f"{trials.ask().number:03}_lr=1")
        assert should_prune is not None
        if should_prune(500, value):  # the first evaluation is a rung
            given_up.append(value)
        else:
            assert not should_prune(1000, -99.0)  # the second one is none
    assert given_up == [4.0, 3.0, 1.0, 2.0]


def test_runs_that_are_no_trials_are_not_given_up(tmp_path: Path) -> None:
    assert pruning(tmp_path / "000_lr=1") is None
    study(tmp_path, pruner="median").ask()
    assert pruning(tmp_path / "2026-11-24_10-00-00-abc") is None
    assert pruning(tmp_path / "best") is None
    assert pruning(tmp_path / "007_lr=1") is None
    study(tmp_path, pruner="none")
    assert pruning(tmp_path / "000_lr=1") is None


ENVS = {
    **dict.fromkeys(("ddpg", "td3", "sac"), "Pendulum-v1"),
    **dict.fromkeys(("maddpg", "matd3"), "tests.support.players:meeting"),
}
TABLES = ("q_learning", "sarsa", "expected_sarsa", "double_q_learning")
WITH_SPACE = sorted(path.stem for path in (config_root() / "search").glob("*.yaml"))


def test_who_has_a_space() -> None:
    planning = {"value_iteration", "policy_iteration", "q_value_iteration"}
    others = {"behaviour_cloning", "dagger", "go_explore", "random", "scripted"}
    others |= {"monte_carlo", "td_prediction"}
    assert set(AGENTS) - set(WITH_SPACE) == planning | others


@pytest.mark.slow
@pytest.mark.parametrize("agent", WITH_SPACE)
def test_shipped_spaces_can_be_searched(rlrun: Rlrun, tmp_path: Path, agent: str) -> None:
    """All of their ends are checked before the folder is claimed, which is taken."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    env = ENVS.get(agent, "CliffWalking-v1" if agent in TABLES else "CartPole-v1")
    outcome = rlrun(*OPTUNA, f"agent={agent}", f"env={env}", "seeds=1", "hydra.sweep.dir=taken")
    assert "the folder taken exists already" in outcome.err
    assert "interval(" in rlrun(f"agent={agent}", f"env={env}", "--cfg", "job").out


def test_without_optuna_it_is_said_how_to_get_it(
    rlrun: Rlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    outcome = rlrun(*OPTUNA)
    assert (outcome.code, tree(tmp_path)) == (2, [])
    assert outcome.err.endswith("needs Optuna: pip install 'optuna>=5'.\n")
    assert rlrun().code == 0
