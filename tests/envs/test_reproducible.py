"""Environments whose episodes do not follow from their seeds: noticed, told, and seeded."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.cli.verbs.dispatch import run_verb
from rlrun.core.schema import construct
from rlrun.envs import global_generators
from rlrun.envs.environment import Environment
from rlrun.envs.settings import EnvSettings
from rlrun.run import start_run
from tests.support.common import SMALL_DQN, settings
from tests.support.faults import meta
from tests.support.resume import resume

pytestmark = pytest.mark.slow

UNSEEDED = "env=tests.support.faulty:Unseeded-v0"


@pytest.fixture(autouse=True)
def same_generators_afterwards() -> Any:
    """Other tests find the global generators as they were."""
    python, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(arrays)
    torch.set_rng_state(tensors)


def env_of(*words: str) -> Environment:
    given = construct(EnvSettings, settings("agent=random", *words)["env"], "env")
    return Environment(given, 0.9)


@pytest.mark.parametrize("at", ["make", "reset", "step"])
@pytest.mark.parametrize("source", ["np.random", "random", "torch"])
def test_a_global_generator_that_is_drawn_from_is_named(source: str, at: str) -> None:
    env = env_of(UNSEEDED, f"env.kwargs.source={source}", f"env.kwargs.at={at}")
    assert env.check_reproducible(0) == (
        f"tests.support.faulty:Unseeded-v0 draws random numbers from {source}, which the whole "
        "program shares, instead of self.np_random, which reset(seed=...) seeds: its episodes are "
        "not determined by their seeds"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((UNSEEDED, "env.kwargs.source=own", "env.kwargs.at=make"), "each time it is created"),
        ((UNSEEDED, "env.kwargs.source=own", "env.kwargs.at=reset"), "each time it is created"),
        ((UNSEEDED, "env.kwargs.source=own", "env.kwargs.at=step"), "each time it is created"),
        (("env=FrozenLake-v1", "env.kwargs.map_name=null"), "each time it is created"),
        (("env=tests.support.faulty:Forgetful-v0",), "differently when it is reset again"),
    ],
)
def test_what_its_seed_does_not_decide_is_noticed(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in env_of(*words).check_reproducible(0)


def test_one_that_keeps_something_is_exact_when_it_is_made_anew() -> None:
    env = env_of("env=tests.support.faulty:Forgetful-v0", "env.rebuild=true")
    assert env.check_reproducible(0) == ""


@pytest.mark.parametrize(
    "env_id",
    [
        *("CartPole-v1", "Pendulum-v1", "LunarLander-v3", "BipedalWalker-v3", "Blackjack-v1"),
        *("FrozenLake-v1", "Taxi-v4", "rlrun/MarsRover-v0", "tests.support.faulty:Faulty-v0"),
        *("rlrun/MarkovChain-v0", "rlrun/GridWorld-v0", "rlrun/Vacuum-v0", "rlrun/Xor-v0"),
        *("rlrun/DeepSea-v0", "rlrun/FrozenLake-v0"),
    ],
)
@pytest.mark.parametrize("vector", ["sync", "async"])
def test_an_environment_that_its_seed_decides_leaves_everything_alone(
    env_id: str, vector: str
) -> None:
    before = global_generators.states()
    env = env_of(f"env={env_id}", f"env.vector={vector}")
    assert env.check_reproducible(0) == ""
    assert global_generators.states() == before


def lines(folder: Path, *words: str) -> list[dict[str, Any]]:
    """What a short run writes into metrics.jsonl, speeds aside."""
    folder.mkdir()
    how = ("seeds=2", "env.num_envs=2", "total_steps=80", "log.every=20", "eval.every=40")
    short = ("eval.episodes=2", "eval.final_episodes=2")
    start_run(settings(*SMALL_DQN, UNSEEDED, *how, *short, *words), folder, "rlrun again")
    text = (folder / "metrics.jsonl").read_text()
    read = [json.loads(line) for line in text.splitlines()]
    return [{k: v for k, v in line.items() if k != "time/fps"} for line in read]


@pytest.mark.slow
@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize("source", ["np.random", "random", "torch"])
def test_the_same_command_gives_the_same_numbers_and_the_run_is_not_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, vector: str
) -> None:
    given = (f"env.kwargs.source={source}", f"env.vector={vector}")
    first = lines(tmp_path / "first", *given)
    random.random(), np.random.random(), torch.rand(())  # another state to begin with
    assert lines(tmp_path / "second", *given) == first
    assert lines(tmp_path / "other", *given, "seed=9") != first
    found = meta(tmp_path / "first")
    (sentence,) = found["not_exact_because"]
    assert found["exact"] is False and f"draws random numbers from {source}," in sentence
    assert f"not exact from here on: {sentence}" in capsys.readouterr().err
    assert f"not exact from here on: {sentence}" in (tmp_path / "first" / "run.log").read_text()
    rewards = {line["rollout/ep_rew_mean"] for line in first if "rollout/ep_rew_mean" in line}
    assert len(rewards) > 2  # they do draw


def test_a_resumed_run_keeps_its_reason_once(tmp_path: Path) -> None:
    lines(tmp_path / "run")
    before = meta(tmp_path / "run")["not_exact_because"]
    assert resume(str(tmp_path / "run"), "total_steps=100") == 0
    after = meta(tmp_path / "run")["not_exact_because"]
    assert after[0] == before[0]
    assert len(after) == len(set(after))


@pytest.mark.slow
def test_to_evaluate_or_record_says_so_too_and_repeats_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(tmp_path / "run")
    run = str(tmp_path / "run")
    capsys.readouterr()
    shown = []
    for _ in range(2):
        assert run_verb(["evaluate", run, "--json"]) == 0
        out, err = capsys.readouterr()
        assert err.startswith("rlrun: not exact: tests.support.faulty:Unseeded-v0 draws random")
        shown.append(json.loads(out)["returns"])
    assert shown[0] == shown[1]
    assert run_verb(["record", run]) == 2  # it cannot be filmed
    assert "rlrun: not exact: tests.support.faulty:Unseeded-v0" in capsys.readouterr().err


def test_processes_of_environments_draw_numbers_of_their_own() -> None:
    env = env_of(UNSEEDED, "env.vector=async", "env.num_envs=3")
    assert env.check_reproducible(5)
    shown = []
    for _ in range(2):
        envs = env.open([5, 6], 3)
        shown.append(envs.step(np.zeros((2, 3), np.int64)).reward)
        envs.close()
    assert np.array_equal(shown[0], shown[1])
    assert len(np.unique(shown[0])) == 6


def test_the_example_in_the_process_of_the_run_leaves_its_signals_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job of a sweep is a child process itself, and still has to hear when it is to stop."""
    monkeypatch.setattr(multiprocessing, "parent_process", multiprocessing.current_process)
    before = signal.getsignal(signal.SIGINT)
    try:
        env_of("env=CartPole-v1", "env.vector=async").open([0], 1).close()
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, before)
