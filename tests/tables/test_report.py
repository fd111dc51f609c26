"""What a table shows of itself: arrows, pictures, text, CSV, exact returns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun import build
from rlrun.core.abilities import Tabular
from rlrun.core.errors import RunFailed
from rlrun.core.types import Model
from rlrun.envs.model import read_model
from rlrun.run import start_run
from rlrun.tables import pictures
from rlrun.tables.marks import arrows, ends
from rlrun.tables.pictures import grid_world, whole_table
from rlrun.tables.report import TableReport
from rlrun.training.evaluator import Evaluator
from tests.support.common import parts_and_env, settings


def model(env_id: str) -> Model:
    found = read_model(gym.make(env_id), 0.9)
    assert found is not None
    return found


def portrait(*words: str, seeds: int = 2) -> tuple[TableReport, Tabular]:
    parts, env = parts_and_env(*words, f"seeds={seeds}", "tuned=none")
    agent = cast("Tabular", build.build_agent(parts, env.spec))
    return TableReport(agent, env.spec, range(seeds), 100), agent


@pytest.mark.parametrize(
    ("env_id", "signs"),
    [
        ("FrozenLake-v1", "←↓→↑"),  # slippery: found by the average step
        ("FrozenLake8x8-v1", "←↓→↑"),
        ("CliffWalking-v1", "↑→↓←"),
        ("CliffWalkingSlippery-v1", "↑→↓←"),
        ("rlrun/MarsRover-v0", "←·→"),
        ("rlrun/GridWorld-v0", "↑→↓←"),
        ("rlrun/StochasticMarsRover-v0", "···"),  # it goes where it likes
        ("Taxi-v4", ""),
    ],
)
def test_arrows_are_found_from_the_model(env_id: str, signs: str) -> None:
    assert "".join(arrow.sign for arrow in arrows(model(env_id))) == signs


def test_ends_are_holes_goals_and_the_cliff() -> None:
    assert ends(model("FrozenLake-v1")) == {5, 7, 11, 12, 15}
    assert ends(model("CliffWalking-v1")) == set(range(37, 48))
    assert ends(model("rlrun/MarsRover-v0")) == set()
    assert ends(model("rlrun/ThreeStates-v0")) == set()


def test_the_policy_of_a_grid_world_as_text() -> None:
    shown, agent = portrait("agent=q_learning", "env=FrozenLake-v1")
    agent.values[0, :, 2] = 1.0
    agent.values[0, 4, 1] = 2.0
    assert shown.text() == "→ → → →\n↓ ■ → ■\n→ → → ■\n■ → → ■"


def test_other_policies_as_text() -> None:
    shown, agent = portrait("agent=q_learning", "env=rlrun/ThreeStates-v0")
    agent.values[0, 1, 2] = 1.0
    assert shown.text() == "0: 0  1: 2  2: 1"  # an impossible action is not chosen
    digits, _ = portrait(
        "agent=q_learning", "env=CartPole-v1", "env.bins=[[0,1,2],[0,1,1],[0,1,3],[0,1,1]]"
    )
    assert digits.text() == "0,0,0,0: 0  0,0,1,0: 0  0,0,2,0: 0  1,0,0,0: 0  1,0,1,0: 0  1,0,2,0: 0"
    assert portrait("agent=q_learning", "env=Taxi-v4")[0].text() == "500 states: too many to list"
    anything, _ = portrait("agent=td_prediction", "env=rlrun/MarsRover-v0")
    assert anything.text() == "? ? ? ? ? ? ?"


def test_a_grid_world_is_painted_by_its_values() -> None:
    values, policy = np.zeros((16, 4)), np.eye(4)[[2] * 16]
    values[0, 1], values[3, 0] = 5.0, 10.0
    m = model("FrozenLake-v1")
    signs, closed = arrows(m), ends(m)
    picture = grid_world(values, policy, (4, 4), signs, closed)
    place, edge = 87, 1  # four cells in 350 pixels
    corner = [
        tuple(picture[edge + r * place + 8, edge + c * place + 8].tolist())
        for r, c in ((0, 3), (0, 0), (0, 1), (1, 1))
    ]
    low, middle, high = (tuple(pictures.SCALE[i].astype(int).tolist()) for i in (0, 2, 4))
    assert corner == [high, middle, low, pictures.NOTHING]
    moved = grid_world(values, np.eye(4)[[1] * 16], (4, 4), signs, closed)
    assert not np.array_equal(picture, moved)  # other arrows
    both = grid_world(values, np.full((16, 4), 0.25), (4, 4), signs, closed)
    assert not np.array_equal(both, moved)


@pytest.mark.parametrize(("states", "actions"), [(3, 3), (500, 6), (7, 1), (20_000, 3)])
def test_every_value_of_a_table_is_in_its_picture(states: int, actions: int) -> None:
    values = np.zeros((states, actions))
    before = whole_table(values)
    assert max(before.shape) < 2000
    for s, a in ((0, 0), (states - 1, actions - 1), (states // 2, 0)):
        changed = values.copy()
        changed[s, a] = 1.0
        assert not np.array_equal(whole_table(changed), before)
    values[0, 0] = -np.inf
    impossible = whole_table(values)
    assert (impossible == pictures.NOTHING).all(-1).any()


def test_the_csv_has_every_value(tmp_path: Path) -> None:
    shown, agent = portrait("agent=q_learning", "env=rlrun/ThreeStates-v0")
    agent.values[1, 2, 1] = 1 / 3
    shown.write(tmp_path)
    rows = list(csv.reader((tmp_path / "q_table.csv").read_text().splitlines()))
    assert rows[0] == ["seed", "state", "action_0", "action_1", "action_2"]
    assert rows[2] == ["0", "1", "0.0", "", "0.0"]
    assert rows[6] == ["1", "2", "", repr(1 / 3), ""]
    assert len(rows) == 1 + 2 * 3
    portrait("agent=td_prediction", "env=rlrun/MarsRover-v0")[0].write(tmp_path)
    assert (tmp_path / "value_table.csv").read_text().startswith("seed,state,value\n0,0,0.0\n")


def test_exact_returns_are_those_of_the_policy_that_acts() -> None:
    shown, agent = portrait("agent=q_learning", "env=rlrun/MarsRover-v0")
    agent.values[1, :5, 2] = 1.0
    agent.values[1, 5, 1] = 1.0  # to s6, and stay there
    exact = shown.exact()
    assert exact is not None
    assert exact.tolist() == [1.0, 990.0]  # left: s3, s2 (+1), s1, off
    assert portrait("agent=q_learning", "env=CartPole-v1")[0].exact() is None


def test_a_run_shows_its_table_everywhere(tmp_path: Path) -> None:
    words = (
        "agent=q_learning",
        "env=FrozenLake-v1",
        "seeds=2",
        "total_steps=2000",
        "log.every=500",
    )
    start_run(settings(*words, "eval.every=500"), tmp_path, "rlrun again")
    for seed in (0, 1):
        events = EventAccumulator(str(tmp_path / f"seed_{seed}")).Reload()
        images = events.Images("eval/table")
        assert [picture.step for picture in images] == [500, 1000, 1500, 2000]
        image = Image.open(io.BytesIO(images[-1].encoded_image_string))
        assert image.size == (images[-1].width, images[-1].height)
        exact = [e.value for e in events.Scalars("eval/exact_return")]
        assert len(exact) == 4
        assert all(0 <= value <= 0.7403 for value in exact)  # what the best policy gives
    log = (tmp_path / "run.log").read_text()
    assert log.count("policy of seed 0:\n") == 4
    assert log.count("■") == 4 * 5
    rows = list(csv.DictReader((tmp_path / "q_table.csv").read_text().splitlines()))
    assert len(rows) == 2 * 16
    final: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())["final"]
    assert len(final["exact"]["per_seed"]) == 2
    assert final["exact"]["mean"] == pytest.approx(np.mean(final["exact"]["per_seed"]))
    assert EventAccumulator(str(tmp_path / "mean")).Reload().Scalars("eval/exact_return")


def test_a_failed_seed_has_no_exact_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Evaluator._play

    def fail(self: Evaluator, envs: Any, step: int, *more: Any) -> Any:
        self._failed.add(step, {1: "its arm fell off"})
        return play(self, envs, step, *more)

    monkeypatch.setattr(Evaluator, "_play", fail)
    words = ("agent=q_learning", "env=FrozenLake-v1", "seeds=3", "total_steps=200")
    with pytest.raises(RunFailed, match="failed seeds: 1; the others are done"):
        start_run(settings(*words, "eval.every=100"), tmp_path, "rlrun again")
    final: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())["final"]
    for scores in (final, final["exact"]):
        assert scores["per_seed"][1] is None and scores["mean"] is None
        assert None not in (scores["per_seed"][0], scores["per_seed"][2])
    events = EventAccumulator(str(tmp_path / "seed_1")).Reload()
    assert not {"final/exact_return", "final/mean_reward"} & {*events.Tags()["scalars"]}
