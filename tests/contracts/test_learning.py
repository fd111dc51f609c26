"""Real agents, real environments, real thresholds, several seeds; none of the seeds of tuning."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.api import load_run
from rlrun.run import start_run
from tests.support.common import settings

pytestmark = pytest.mark.train


def result(folder: Path, *words: str) -> dict[str, Any]:
    """What the command leaves under "final" in result.json."""
    start_run(settings(*words), folder, "rlrun again")
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())["final"]
    return found


def final(folder: Path, *words: str) -> list[float]:
    """The final mean return of each seed."""
    per_seed: list[float] = result(folder, *words)["per_seed"]
    return per_seed


def exact(folder: Path, *words: str) -> list[float]:
    """The exact return of each seed's greedy policy within the step limit."""
    per_seed: list[float] = result(folder, *words)["exact"]["per_seed"]
    return per_seed


@pytest.mark.parametrize("counts", ["pairs", "states"])
def test_counts_open_a_lock_that_epsilon_does_not(tmp_path: Path, counts: str) -> None:
    """20 right actions in a row: by chance once in a million of about 60,000 attempts."""
    words = ("agent=q_learning", "env=tests.support.lock:Lock-v0", "seed=20", "seeds=8")
    same = ("total_steps=15000", "gamma=0.9", "agent.lr=1", "explore.start=0.1", "explore.end=0.1")
    found = []
    for more in ((), ("curiosity=count", f"curiosity.counts={counts}")):
        folder = tmp_path / str(len(more))
        folder.mkdir()
        found.append(final(folder, *words, *same, *more))
    assert found == [[0.0] * 8, [1.0] * 8]


def test_hindsight_finds_goals_that_dqn_alone_does_not(tmp_path: Path) -> None:
    """8 bits. A return and its length add up to 1 where an episode succeeds, else to 0."""
    words = ("agent=dqn", "env=rlrun/BitFlip-v0", "env.kwargs.bits=8", "seed=20", "seeds=3")
    how = ("agent.hidden=[64]", "agent.train_every=1", "agent.learning_starts=500", "gamma=0.98")
    when = ("total_steps=4000", "eval.every=4000", "eval.episodes=100", "eval.final_episodes=0")
    success = {}
    for replay in ("hindsight", "uniform"):
        (tmp_path / replay).mkdir()
        line = (*words, *how, *when, f"replay={replay}")
        start_run(settings(*line), tmp_path / replay, "rlrun again")
        metrics = load_run(tmp_path / replay).metrics
        returns, lengths = metrics["eval/mean_reward"], metrics["eval/mean_ep_length"]
        success[replay] = (returns.values + lengths.values)[:, -1]
    assert success["hindsight"].min() >= 0.95, success
    assert success["uniform"].max() <= 0.1, success


def test_dqn_solves_cartpole_with_its_shipped_settings(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=dqn", "env=CartPole-v1", "seed=20", "seeds=4")
    assert min(scores) >= 475, scores


def test_discrete_sac_balances_the_pole(tmp_path: Path) -> None:
    words = ("agent=sac_discrete", "env=CartPole-v1", "seed=20", "seeds=2", "eval.every=0")
    assert min(final(tmp_path, *words, "total_steps=20000")) > 400


def test_dqn_learns_from_the_replay_of_random_actions(tmp_path: Path) -> None:
    """Their mean return is about 22, and none of their episodes comes near the threshold."""
    where = ("agent=dqn", "env=CartPole-v1", "seed=20", "seeds=4", "eval.every=0")
    acting = ("total_steps=15000", "explore=uniform", "agent.learning_starts=15001")
    for name in ("data", "learner"):
        (tmp_path / name).mkdir()
    start_run(settings(*where, *acting, "eval.final_episodes=0"), tmp_path / "data", "rlrun again")
    how = (f"data={tmp_path / 'data'}", "total_steps=8000", "eval.final_episodes=20")
    scores = final(tmp_path / "learner", *where, *how)
    assert min(scores) >= 150, scores


@pytest.mark.parametrize("agent", ["ppo", "a2c", "reinforce"])
def test_policy_gradients_solve_cartpole_with_their_shipped_settings(
    tmp_path: Path, agent: str
) -> None:
    scores = final(tmp_path, f"agent={agent}", "env=CartPole-v1", "seed=20", "seeds=4")
    assert min(scores) >= 475, scores


def test_priorities_and_dueling_find_the_top_of_the_mountain(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=dueling_dqn", "env=MountainCar-v0", "seed=20", "seeds=3")
    assert min(scores) >= -120, scores


def test_ddpg_swings_the_pendulum_up(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=ddpg", "env=Pendulum-v1", "seed=20", "seeds=3")
    assert min(scores) >= -300, scores


@pytest.mark.parametrize("agent", ["dqn", "qr_dqn"])
def test_dqn_learns_from_discrete_observations(tmp_path: Path, agent: str) -> None:
    where = (f"agent={agent}", "env=FrozenLake-v1", "env.kwargs.is_slippery=false")
    how = ("total_steps=12000", "explore.fraction=0.8", "agent.lr_end=0", "eval.every=0")
    scores = final(tmp_path, *where, *how, "seed=20", "seeds=5")
    assert scores == [1.0] * 5


@pytest.mark.parametrize(
    ("env", "least"),
    [
        ("FrozenLake-v1", 0.72),  # the best stationary policy: 0.7402 in 100 steps
        ("FrozenLake8x8-v1", 0.84),  # about 0.8936 in 200
        ("Taxi-v4", 7.8),  # 7.93
        ("CliffWalking-v1", -13.0),
    ],
)
def test_q_learning_solves_the_toy_problems_with_its_shipped_settings(
    tmp_path: Path, env: str, least: float
) -> None:
    scores = exact(tmp_path, "agent=q_learning", f"env={env}", "seed=20", "eval.every=0")
    assert len(scores) == 10
    assert min(scores) >= least, scores


def test_sarsa_goes_the_safe_way_round_the_cliff(tmp_path: Path) -> None:
    """13 steps are the shortest way, next to the edge; each row away from it costs two more."""
    where = ("agent=sarsa", "env=CliffWalking-v1", "seed=20")
    scores = exact(tmp_path, *where, "eval.every=0")
    assert all(score in (-15.0, -17.0) for score in scores), scores
    row_at_the_edge = {2 * 12 + column for column in range(1, 11)}
    with (tmp_path / "q_table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for seed in range(20, 30):
        rows = [r for r in table if int(r["seed"]) == seed]
        q = {int(r["state"]): [float(r[f"action_{a}"]) for a in range(4)] for r in rows}
        s, walked = 36, set()
        while s != 47:
            move = (-12, 1, 12, -1)[q[s].index(max(q[s]))]
            s += move
            walked.add(s)
        assert len(walked & row_at_the_edge) <= 2  # to get away from it, and to the goal


def test_q_learning_finds_the_policy_of_the_three_states(tmp_path: Path) -> None:
    """At a discount of 0.9 it is (a0, a0, a1): 10 a step with 0.7, and no walk through the fire."""
    where = ("agent=q_learning", "env=rlrun/ThreeStates-v0", "seed=20", "seeds=30")
    result(tmp_path, *where)
    with (tmp_path / "q_table.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            q = [float(row[f"action_{a}"] or "-inf") for a in range(3)]
            assert q.index(max(q)) == (0, 0, 1)[int(row["state"])], row


def test_q_learning_finds_the_best_policy_of_the_grid_world(tmp_path: Path) -> None:
    """Russell and Norvig's utility of the start is 0.705, and that is its exact return."""
    where = ("agent=q_learning", "env=rlrun/GridWorld-v0", "gamma=1", "seed=40", "seeds=5")
    slower = ("agent.lr_clock=steps", "agent.lr_decay=0.0005", "explore.end=0.3", "eval.every=0")
    scores = exact(tmp_path, *where, *slower, "total_steps=150000")
    assert scores == pytest.approx([0.7053] * 5, abs=5e-5)


def test_q_learning_balances_the_pole_with_bins(tmp_path: Path) -> None:
    where = ("agent=q_learning", "env=CartPole-v1", "seed=20", "seeds=5", "eval.every=0")
    scores = final(tmp_path, *where)
    assert min(scores) >= 200, scores


def test_sarsa_with_tiles_finds_the_top_of_the_mountain(tmp_path: Path) -> None:
    """With its shipped settings, in half of their steps."""
    where = ("agent=sarsa", "env=MountainCar-v0", "total_steps=60000", "eval.every=0")
    scores = final(tmp_path, *where, "seed=20", "seeds=4")
    assert min(scores) >= -140, scores


def test_sarsa_with_a_fourier_basis_balances_the_pole(tmp_path: Path) -> None:
    how = (
        "agent.features=fourier",
        "agent.lr=0.001",
        "agent.trace_decay=0.9",
        "agent.traces=dutch",
    )
    where = ("agent=sarsa", "env=CartPole-v1", "tuned=none", "total_steps=15000", "eval.every=0")
    scores = final(tmp_path, *where, *how, "explore.start=0.1", "seed=20", "seeds=4")
    assert min(scores) >= 475, scores


@pytest.mark.parametrize("agent", ["sarsa", "expected_sarsa", "double_q_learning", "monte_carlo"])
def test_the_others_learn_the_dry_lake(tmp_path: Path, agent: str) -> None:
    dry = ("env=FrozenLake-v1", "env.kwargs.is_slippery=false", "tuned=none")
    how = ("total_steps=20000", "explore.end=0", "explore.fraction=0.9", "eval.every=0")
    assert exact(tmp_path, f"agent={agent}", *dry, *how, "seed=20") == [1.0] * 10


def test_td_prediction_is_right_about_a_random_walk(tmp_path: Path) -> None:
    """The drifting rover's values solve V = R + γ T V, by numpy's solver."""
    where = ("agent=td_prediction", "env=rlrun/StochasticMarsRover-v0", "gamma=0.9")
    result(tmp_path, *where, "total_steps=100000", "eval.every=0", "seed=20", "seeds=5")
    chance = 0.2 * np.eye(7) + 0.4 * np.eye(7, k=1) + 0.4 * np.eye(7, k=-1)
    chance[0, 0] = chance[6, 6] = 0.6
    values = np.linalg.solve(np.eye(7) - 0.9 * chance, chance @ [0, 1, 0, 0, 0, 10, 0])
    with (tmp_path / "value_table.csv").open(newline="") as file:
        found = [float(row["value"]) for row in csv.DictReader(file)]
    assert found == pytest.approx(np.tile(values, 5), rel=0.08)


def test_random_is_the_baseline(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=random", "env=CartPole-v1", "seeds=5", "total_steps=1000")
    assert all(18 < score < 27 for score in scores), scores  # 22.2 on average, 1.2 its deviation


@pytest.mark.parametrize(
    ("agent", "least"),
    [
        ("random_search", 300),
        ("hill_climbing", 300),
        ("ars", 400),
        ("cma_es", 300),
    ],
)
def test_searches_balance_the_pole(tmp_path: Path, agent: str, least: float) -> None:
    words = ("env=CartPole-v1", "seed=20", "seeds=4", "total_steps=40000", "eval.every=0")
    scores = final(tmp_path, f"agent={agent}", *words, "eval.final_episodes=20")
    assert min(scores) >= least, scores
