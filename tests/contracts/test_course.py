"""The experiments of course texts: their values, and what the texts say comes out of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun import build
from tests.contracts.test_learning import exact, final
from tests.contracts.test_papers import text_of, value_of
from tests.support.common import settings

TEXTS: dict[str, dict[str, Any]] = {
    "course_pytorch_dqn": {
        "agent.name": "dqn",
        "env.id": "CartPole-v1",
        "agent.hidden": [128, 128],
        "agent.activation": "relu",
        "agent.batch_size": 128,
        "gamma": 0.99,
        "explore.name": "exponential",
        "explore.start": 0.9,
        "explore.end": 0.01,
        "explore.decay": 2500,
        "agent.tau": 0.005,
        "agent.target_every": 1,
        "agent.train_every": 1,
        "agent.optimizer": "adamw",
        "agent.amsgrad": True,
        "agent.lr": 3e-4,
        "agent.loss": "huber",
        "agent.max_grad_value": 100,
        "agent.max_grad_norm": None,
        "replay.capacity": 10_000,
        "stop.episodes": 600,
    },
    "course_reinforce_nadam": {
        "agent.name": "reinforce",
        "env.id": "CartPole-v1",
        "env.max_episode_steps": 200,
        "agent.episodes": 10,
        "stop.episodes": 150 * 10,
        "gamma": 0.95,
        "agent.normalize_returns": True,
        "agent.baseline": False,
        "agent.optimizer": "nadam",
        "agent.lr": 0.01,
    },
    "course_dqn_elu": {
        "agent.name": "dqn",
        "env.id": "CartPole-v1",
        "agent.hidden": [32, 32],
        "agent.activation": "elu",
        "agent.optimizer": "nadam",
        "gamma": 0.95,
        "explore.name": "linear",
        "explore.start": 1.0,
        "explore.end": 0.01,
        "explore.clock": "episodes",
        "explore.over": 500,
        "agent.learning_clock": "episodes",
        "agent.learning_starts": 50,
        "agent.loss": "squared",
        "agent.batch_size": 32,
        "stop.episodes": 600,
    },
    "course_dueling_per": {
        "agent.name": "dueling_dqn",
        "agent.dueling": True,
        "agent.hidden": [128],
        "agent.lr": 1e-4,
        "agent.batch_size": 64,
        "gamma": 0.99,
        "replay.capacity": 10_000,
        "replay.alpha": 0.6,
        "replay.beta": 0.4,
        "replay.priority": "loss",
        "replay.epsilon": 1e-5,
        "agent.train_every": 4,
        "agent.tau": 0.001,
    },
    "course_ddpg_batchnorm": {
        "agent.name": "ddpg",
        "agent.hidden": [128, 128],
        "agent.norm": "batch",
        "agent.init": "xavier",
        "agent.init_bias": 0.1,
        "explore.name": "ornstein_uhlenbeck",
        "agent.max_grad_norm": 1.0 / 2,  # our loss is half the squared error
    },
    "course_mars_rover": {"agent.lr": 0.5, "gamma": 0.9, "agent.initial_value": 0.0},
    "course_three_states": {
        "agent.lr": 0.05,
        "agent.lr_decay": 0.005,
        "agent.lr_clock": "steps",
        "gamma": 0.9,
        "explore.name": "uniform",
    },
    "sutton_barto_10_2": {
        "agent.name": "sarsa",
        "env.id": "MountainCar-v0",
        "agent.features": "tiles",
        "agent.tilings": 8,
        "agent.tiles": 8,
        "agent.trace_decay": 0.0,
        "agent.initial_value": 0.0,
        "explore.start": 0.0,
        "explore.end": 0.0,
        "gamma": 1.0,
        "stop.episodes": 500,
        "seeds": 100,
    },
    "course_frozen_lake": {"env.id": "FrozenLake-v1", "gamma": 0.99},
}


@pytest.mark.parametrize("experiment", TEXTS)
def test_the_values_are_those_of_the_text(experiment: str) -> None:
    given = settings(f"experiment={experiment}")
    assert {key: value_of(given, key) for key in TEXTS[experiment]} == TEXTS[experiment]
    assert "  - override /tuned: none\n" in text_of(f"experiment/{experiment}")
    build.validate(given)


def test_beta_reaches_1_after_100000_steps() -> None:
    given = settings("experiment=course_dueling_per")
    assert given["replay"]["beta_fraction"] * given["total_steps"] == pytest.approx(100_000)


def q_table(folder: Path) -> dict[tuple[int, int], list[float]]:
    """The action values by seed and state; those of impossible actions are -inf."""
    with (folder / "q_table.csv").open() as file:
        return {
            (int(seed), int(state)): [float(q or "-inf") for q in values]
            for seed, state, *values in list(csv.reader(file))[1:]
        }


@pytest.mark.train
def test_random_actions_find_the_way_to_act_in_the_three_states(tmp_path: Path) -> None:
    """a0, a0 and a1; step sizes fall so fast that the value of a1 in s0 stays below 17.0."""
    assert len(exact(tmp_path, "experiment=course_three_states", "seed=20", "seeds=20")) == 20
    q = q_table(tmp_path)
    assert {state: {int(np.argmax(q[k, state])) for k in range(20, 40)} for state in range(3)} == {
        0: {0},
        1: {0},
        2: {1},
    }
    assert np.mean([q[k, 0][1] for k in range(20, 40)]) == pytest.approx(16.0, abs=1.0)


@pytest.mark.train
def test_the_rover_goes_to_its_large_reward_and_stays_there(tmp_path: Path) -> None:
    returns = exact(tmp_path, "experiment=course_mars_rover", "seed=20", "seeds=10")
    assert returns == [990.0] * 10  # 0 for a step, and 99 times 10
    q = q_table(tmp_path)
    for k in range(20, 30):  # staying in s6 pays 10 for ever
        assert q[k, 5][1] == pytest.approx(10 / (1 - 0.9), rel=1e-6)
        assert q[k, 3][2] == pytest.approx(0.9 * 100, rel=1e-6)


@pytest.mark.train
def test_frozen_lake_is_learnt_as_it_is_planned(tmp_path: Path) -> None:
    returns = exact(tmp_path, "experiment=course_frozen_lake", "seed=20", "seeds=8", "eval.every=0")
    assert returns == pytest.approx([0.740] * 8, abs=5e-4)


@pytest.mark.train
def test_reinforce_stays_near_200(tmp_path: Path) -> None:
    """The text takes 150 updates; 75 are enough."""
    words = ("experiment=course_reinforce_nadam", "seed=20", "seeds=3", "stop.episodes=750")
    assert min(final(tmp_path, *words)) >= 190
