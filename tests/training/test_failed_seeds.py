"""What goes wrong is named, leaves the last good checkpoint, and takes nobody else with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.checkpoint import store
from rlrun.core.errors import RunFailed
from rlrun.core.rng import Numbers, Purpose
from rlrun.envs.gym_envs import GymEnvs
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.run import start_run
from tests.support.common import (
    SMALL_DQN,
    SMALL_PPO,
    SMALL_REINFORCE,
    differences,
    host,
    row,
    settings,
)
from tests.support.control import Reach
from tests.support.faults import VICTIM, WORDS, faulty, meta
from tests.support.resume import resume

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raises", "ArithmeticError: the wheel came off"),
        ("wrong shape", r"observation has the shape \(3,\), but its observation space has \(2,\)$"),
        ("dies", "its process has died"),
    ],
)
def test_an_environment_that_fails_is_named(
    tmp_path: Path, what: str, words: str, vector: str
) -> None:
    if what == "dies" and vector == "sync":
        return  # that is the end of the process itself
    with pytest.raises(RunFailed) as caught:
        start_run(faulty(what, f"env.vector={vector}"), tmp_path, "rlrun again")
    text = str(caught.value)
    assert text.startswith(
        "step 22: tests.support.faulty:Faulty-v0 failed in environment 0 of seed 6, "
    )
    assert "2 steps into its episode" in text
    assert re.search(words, text)
    assert meta(tmp_path)["status"] == "failed"
    assert "seed 6" in meta(tmp_path)["reason"]
    assert store.load(tmp_path / "checkpoint")["step"] == 20


def test_an_error_names_the_line_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"faulty\.py, line \d+"):
        start_run(faulty("raises"), tmp_path, "rlrun again")


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_an_environment_that_hangs_is_ended_and_named(tmp_path: Path, vector: str) -> None:
    folder = tmp_path / "run"
    kwargs = ("env.kwargs.what=hangs", f"env.kwargs.victim={VICTIM}", "env.timeout=5")
    words = (*WORDS, "env=tests.support.faulty:Faulty-v0", *kwargs, f"env.vector={vector}")
    command = [sys.executable, "-m", "rlrun", *words, f"hydra.run.dir={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert "environment 0 of seed 6" in done.stderr
    assert "env.timeout" in done.stderr
    assert "Traceback" not in done.stderr
    assert meta(folder)["status"] == "failed"
    assert store.load(folder / "checkpoint")["step"] == 20


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nan reward", "a reward of tests.support.faulty:Faulty-v0 is nan"),
        ("infinite reward", "a reward of tests.support.faulty:Faulty-v0 is inf"),
        ("nan observation", "an observation of tests.support.faulty:Faulty-v0 is nan"),
    ],
)
@pytest.mark.parametrize("agent", ["dqn", "q_learning", "ppo", "reinforce"])
def test_a_seed_whose_numbers_are_not_finite_is_given_up_alone(
    tmp_path: Path, what: str, words: str, agent: str
) -> None:
    agents = {
        "dqn": SMALL_DQN,
        "q_learning": ("agent=q_learning", "env.bins=[[-1,1,3],[-1,1,3]]", "tuned=none"),
        "ppo": SMALL_PPO,
        "reinforce": SMALL_REINFORCE,
    }
    how = (*WORDS[len(SMALL_DQN) :], *agents[agent])
    given = (
        "env=tests.support.faulty:Faulty-v0",
        f"env.kwargs.what={what}",
        f"env.kwargs.victim={VICTIM}",
    )
    used = settings(*how, *given)
    with pytest.raises(RunFailed, match="failed seeds: 6; the others are done"):
        start_run(used, tmp_path, "rlrun again")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["status"] == "failed"
    assert [score is None for score in result["final"]["per_seed"]] == [False, True, False]
    assert result["final"]["mean"] is None
    assert f"step 23: seed 6 failed: {words}" in (tmp_path / "run.log").read_text()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    silent = [line for line in lines if line["seed"] == 6 and line["step"] > 22]
    assert all(set(line) == {"step", "seed"} for line in silent)
    # the others are what they would be alone
    alone = tmp_path / "alone"
    alone.mkdir()
    single = {**used, "seed": 7, "seeds": 1}
    start_run(single, alone, "rlrun again")
    stack = store.load(tmp_path / "checkpoint")["agent"]["policy"]
    own = store.load(alone / "checkpoint")["agent"]["policy"]
    assert differences(row(host(stack), 2), host(own)) == []


def test_an_action_that_is_not_finite_does_not_reach_the_environment() -> None:
    class Asserts(Reach):
        def step(self, action: Any) -> Any:
            assert np.isfinite(action).all()
            return super().step(action)

    envs = GymEnvs(Asserts, "asserts", [5, 6, 7], 2, gamma=0.9)
    action = np.full((3, 2, 2, 3), 0.25, np.float32)
    action[1, 1, 0, 2] = np.nan
    given = action.copy()
    t = envs.step(action)
    assert envs.faults == {
        1: "an action in asserts is nan (environment 1, 0 steps into its episode)"
    }
    assert np.array_equal(action, given, equal_nan=True)
    given[1, 1, 0, 2] = 0
    assert np.array_equal(t.action, given)
    assert np.array_equal(envs.state_dict()["actions"][0], given.reshape(6, 2, 3))


def test_a_seed_that_fails_in_an_evaluation_is_given_up(tmp_path: Path) -> None:
    begins = Numbers(Purpose.EVAL_EPISODES)(6, 0, 0)
    with pytest.raises(RunFailed, match="failed seeds: 6"):
        start_run(faulty("nan reward", victim=begins), tmp_path, "rlrun again")
    log = (tmp_path / "run.log").read_text()
    assert "step 100: seed 6 failed in an evaluation: a reward of" in log


def test_a_frozen_seeds_weights_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="failed seeds: 6"):
        start_run(faulty("nan reward", "total_steps=60"), tmp_path, "rlrun again")
    early = store.load(tmp_path / "checkpoint")
    assert early["lost"] == {"1": early["lost"]["1"]}
    assert resume(str(tmp_path), "total_steps=120") == 1
    late = store.load(tmp_path / "checkpoint")
    for name in ("optimizer",):
        assert torch.equal(late["agent"][name]["mean"][1], early["agent"][name]["mean"][1])
    before, after = (s["agent"]["policy"]["online"] for s in (early, late))
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[0], after[0])


def test_a_loss_that_is_not_finite_freezes_its_seed(tmp_path: Path) -> None:
    how = ("agent.loss=squared", "agent.lr=1e3", "agent.max_grad_norm=null")
    with pytest.raises(RunFailed, match="failed seeds: 6"):
        start_run(faulty("huge reward", *how), tmp_path, "rlrun again")
    assert "seed 6 failed: the loss is" in (tmp_path / "run.log").read_text()


def test_when_no_seed_is_left_the_run_ends(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="step 23: all seeds have failed: a reward of"):
        start_run(faulty("nan reward", victim=None), tmp_path, "rlrun again")
    assert meta(tmp_path)["status"] == "failed"


def test_frozen_rows_do_not_move() -> None:
    params = Parameters(torch.randn(3, 64, generator=torch.Generator().manual_seed(0)), [(8, 8)])
    twin = params.copy()
    frozen, free = Optimizer(params, Method()), Optimizer(twin, Method())
    before = params.flat.clone()
    for _ in range(3):
        gradient = torch.ones(3, 64)
        frozen.step(gradient.clone(), 0.1, [1])
        free.step(gradient.clone(), 0.1)
    assert torch.equal(params.flat[1], before[1])
    assert torch.equal(params.flat[[0, 2]], twin.flat[[0, 2]])
