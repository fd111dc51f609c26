"""Runs that end early: once they are good enough, or after some time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlrun.checkpoint import store
from rlrun.core.types import Array
from rlrun.terminal.commands import command_line
from rlrun.training.clock import WallClock
from rlrun.training.early_stopping import Stopper, StopSettings
from rlrun.training.evaluator import Evaluator
from tests.soak.compare import left, unlike
from tests.support.cli import Rlrun, tree
from tests.support.resume import Stop as Died
from tests.support.resume import resume, run, stopped_at
from tests.support.trained import result

pytestmark = pytest.mark.slow

SCORES = {100: (20.0, 40.0), 200: (60.0, 70.0), 300: (90.0, 90.0)}  # of two seeds


@pytest.fixture(autouse=True)
def improving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations that say what the tests need."""
    real = Evaluator.run

    def improved(self: Evaluator, step: int) -> dict[str, Array]:
        row = real(self, step)
        row["eval/mean_reward"][:] = SCORES.get(step, (100.0, 100.0))
        return row

    monkeypatch.setattr(Evaluator, "run", improved)


@pytest.mark.parametrize(
    ("settings", "step", "evaluation", "seconds", "word"),
    [
        (StopSettings(), 10, 1e9, 1e9, None),
        (StopSettings(reward=-200.0), 10, -200.0, 0.0, "reward"),
        (StopSettings(reward=-200.0), 10, -200.1, 1e9, None),
        (StopSettings(reward=0.0), 10, None, 1e9, None),
        (StopSettings(reward=0.0), 10, float("nan"), 0.0, None),
        (StopSettings(minutes=2.0), 10, None, 119.0, None),
        (StopSettings(minutes=2.0), 10, None, 120.0, "minutes"),
        (StopSettings(reward=5.0, minutes=2.0), 3, 9.0, 999.0, None),
    ],
)
def test_when_to_end(
    settings: StopSettings, step: int, evaluation: float | None, seconds: float, word: str | None
) -> None:
    means = {} if evaluation is None else {"eval/mean_reward": evaluation}
    stop = Stopper(settings, past=3).reason_to_stop(step, means, seconds)
    assert (stop and stop.word) == word


def test_a_search_compares_exact_returns_and_a_reward_is_that_of_episodes() -> None:
    compared = []

    def should_prune(step: int, mean: float) -> bool:
        compared.append((step, mean))
        return False

    stopper = Stopper(StopSettings(reward=5.0), should_prune=should_prune)
    means = {"eval/mean_reward": 4.0, "eval/exact_return": 6.0}
    assert stopper.reason_to_stop(10, means, 0.0) is None
    assert stopper.reason_to_stop(20, {"eval/mean_reward": 3.0}, 0.0) is None
    assert stopper.reason_to_stop(30, {}, 0.0) is None
    assert compared == [(10, 6.0), (20, 3.0)]


def test_a_run_ends_where_the_mean_over_seeds_reaches_the_reward(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run", "stop.reward=62")
    told = result(tmp_path / "run")
    assert (told["steps"], told["final"]["step"], told["final"]["episodes"]) == (200, 200, 2)
    assert (told["stopped"], told["status"]) == ("reward", "done")
    sentence = "step 200: the run ends here: the evaluation reached 65, and stop.reward is 62"
    assert sentence in (tmp_path / "run" / "run.log").read_text()
    assert sentence in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "meta.json").read_text())["status"] == "done"


def test_a_run_that_is_never_good_enough_is_as_without(tmp_path: Path) -> None:
    run(tmp_path / "plain")
    run(tmp_path / "run", "stop.reward=91")
    assert "stopped" not in result(tmp_path / "run")
    assert unlike(tmp_path / "plain", tmp_path / "run") == []


def test_schedules_are_those_of_the_whole_run_and_it_can_go_on(tmp_path: Path) -> None:
    """Stopped at 200 and told to go on: bit for bit the run that was never stopped."""
    run(tmp_path / "plain")
    folder = tmp_path / "run"
    run(folder, "stop.reward=62")
    assert resume(str(folder), "stop.reward=null") == 0
    assert "stopped" not in result(folder)
    assert unlike(tmp_path / "plain", folder) == []


@pytest.mark.parametrize("place", [60, 95, "final", "show"])
def test_killed_and_resumed_it_ends_at_the_same_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: int | str
) -> None:
    run(tmp_path / "whole", "stop.reward=62")
    folder = tmp_path / "run"
    if isinstance(place, int):
        stopped_at(monkeypatch, place, folder, "stop.reward=62")
    else:
        real = getattr(Evaluator, place)

        def die(self: Evaluator, step: int) -> Any:
            if step == 200:
                raise Died
            return real(self, step)

        with monkeypatch.context() as patch:
            patch.setattr(Evaluator, place, die)
            with pytest.raises(Died):
                run(folder, "stop.reward=62")
    assert resume(str(folder)) == 0
    assert result(folder)["stopped"] == "reward"
    assert unlike(tmp_path / "whole", folder) == []


def test_what_a_stopped_run_is_told_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run(folder, "stop.reward=62")
    before = left(folder)
    assert resume(str(folder)) == 0
    line = command_line("resume", str(folder))
    hint = f"is done. stop.reward=62 ended it. To train longer: {line} stop.reward=null"
    assert hint in capsys.readouterr().out
    assert left(folder).keys() == before.keys()
    assert resume(str(folder), "total_steps=400") == 0  # past the step that was good enough
    assert (result(folder)["steps"], result(folder)["stopped"]) == (300, "reward")


def test_asked_to_go_on_and_killed_at_once_it_still_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run(folder, "stop.reward=62")

    def die(*_: Any) -> Any:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "run", die)
        with pytest.raises(Died):
            resume(str(folder), "stop.reward=61")
    assert resume(str(folder)) == 0
    assert result(folder)["steps"] == 300


def test_minutes_count_over_resumes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock on which every step takes a second: 50 steps, whatever happens in between."""
    ticks = [0.0]

    def wall(self: WallClock) -> float:
        return ticks[0]

    def load(self: WallClock, state: Any) -> None:
        ticks[0] = float(state["wall"])

    from rlrun.agents.dqn import DQN

    real = DQN.learn

    def learn(self: Any, t: Any, step: int) -> Any:
        ticks[0] += 1
        return real(self, t, step)

    monkeypatch.setattr(DQN, "learn", learn)
    monkeypatch.setattr(WallClock, "wall", property(wall))
    monkeypatch.setattr(WallClock, "load_state_dict", load)
    folder = tmp_path / "run"
    limit = 50 / 60
    stopped_at(monkeypatch, 30, folder, f"stop.minutes={limit}")
    assert resume(str(folder)) == 0
    assert (result(folder)["steps"], result(folder)["stopped"]) == (100, "minutes")
    assert "step 100: the run ends here: stop.minutes=0.833" in capsys.readouterr().err
    assert resume(str(folder), "total_steps=400") == 0
    assert f"To train longer: {command_line('resume')}" in capsys.readouterr().out
    assert resume(str(folder), f"stop.minutes={2 * limit}") == 0
    assert result(folder)["steps"] == 200
    assert store.load(folder / "checkpoint")["step"] == 200


def test_runs_from_before_these_settings_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder)
    config = folder / "config.yaml"
    block = "stop:\n  reward: null\n  minutes: null\n  episodes: null\n"
    assert block in config.read_text()
    config.write_text(config.read_text().replace(block, ""))
    assert resume(str(folder), "total_steps=400") == 0
    assert (result(folder)["steps"], left(folder)["exact"]) == (400, True)


def test_reward_without_evaluations_is_refused(rlrun: Rlrun, tmp_path: Path) -> None:
    for words, message in (
        (
            ("stop.reward=5", "eval.every=0"),
            "stop.reward needs evaluations during training, and eval.",
        ),
        (("stop.minutes=0",), "stop.minutes must be positive, got 0"),
        (("stop.rewards=5",), "Did you mean stop.reward?"),
    ):
        outcome = rlrun(*words)
        assert outcome.code == 2
        assert message in outcome.err
    assert tree(tmp_path) == []
    assert rlrun("stop.minutes=1", "eval.every=0").code == 0
