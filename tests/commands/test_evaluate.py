"""`rlrun evaluate` plays what a run has learnt, to the bit, and leaves the run as it is."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from rlrun import build
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.types import Segment
from rlrun.loop import evaluate
from rlrun.playback import load_player
from rlrun.run_folder.reader import read_run
from rlrun.training.evaluator import EvalSettings
from tests.support.common import parts_and_env
from tests.support.trained import RUNS, digests, evaluated, result, said, trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("table") / "run", "table", "total_steps=2000")


@pytest.fixture(scope="module")
def cart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("cart") / "run", "dqn")


@pytest.mark.parametrize("name", RUNS)
def test_the_final_evaluation_comes_out_again(tmp_path: Path, name: str) -> None:
    """Also of one seed alone, and that of the best policies."""
    folder = trained(tmp_path / "run", name)
    before, known = digests(folder), result(folder)
    again = evaluated(folder)
    for key in ("per_seed", "mean", "iqm", "ci95", "step", "episodes"):
        assert again[key] == known["final"][key], key
    assert np.mean(again["returns"], -1).tolist() == known["final"]["per_seed"]
    alone = evaluated(folder, "seed=1")
    assert alone["seeds"] == [1]
    assert alone["returns"] == again["returns"][1:2]
    assert alone["lengths"] == again["lengths"][1:2]
    if name != "random":  # what is random depends on the step, and each seed's best has its own
        best = evaluated(folder, "which=best")
        assert best["step"] == known["best"]["step"]
        for seed, step in enumerate(best["step"]):
            if step == known["steps"]:  # it is the same policy, in the same episodes
                assert best["returns"][seed] == again["returns"][seed]
        assert chosen(folder) == known["best"]["per_seed"]
    assert digests(folder) == before


def chosen(folder: Path) -> list[float]:
    """What the best policies get in the episodes of the evaluations in training."""
    player = load_player(read_run(folder), "best")
    episodes = player.run.settings["eval"]["episodes"]
    num_envs = EvalSettings.envs_for(episodes)
    with closing(build.evaluation_envs(player.parts, player.env, num_envs)) as envs:
        played = evaluate(player.agent, envs, player.step, episodes)
    means: list[float] = played.returns.mean(-1).tolist()
    return means


def test_other_episodes(cart: Path) -> None:
    """Those of another seed number are that number's own; all learners play the same ones."""
    usual, others = evaluated(cart), evaluated(cart, "episode_seed=2")
    assert others["returns"][2] == usual["returns"][2]
    assert others["returns"][0] != usual["returns"][0]
    assert evaluated(cart, "episodes=2")["episodes"] == 2
    two = evaluated(cart, "seed=1", "seeds=2")
    assert (two["seeds"], two["returns"]) == ([1, 2], usual["returns"][1:])


def test_another_environment(table: Path) -> None:
    """Without ice a table's walk is the same every time, and three steps long if they are three."""
    sure = evaluated(table, "env.kwargs.is_slippery=false")
    assert all(len(set(lengths)) == 1 for lengths in sure["lengths"])
    assert any(len(set(lengths)) > 1 for lengths in evaluated(table)["lengths"])
    short = evaluated(table, "env.max_episode_steps=3")
    assert np.max(short["lengths"]) == 3
    assert np.max(evaluated(table, "eval.max_steps=2", "device=cpu")["lengths"]) == 2


def test_the_table_on_the_terminal(cart: Path) -> None:
    code, out, _ = said("evaluate", str(cart))
    known = result(cart)["final"]
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"dqn on CartPole-v1, seeds 0 to 2: {cart}"
    assert lines[1] == "policies of step 120, 4 greedy episodes of each seed"
    assert [line.split()[:2] for line in lines[5:8]] == [
        [str(seed), _rounded(score)] for seed, score in enumerate(known["per_seed"])
    ]
    assert f"mean           {_rounded(known['mean'])}" in lines
    assert "at step" in said("evaluate", str(cart), "which=best")[1]


def _rounded(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def test_a_seed_that_was_given_up_has_no_score(cart: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(cart, folder)
    state = store.load(folder / "checkpoint")
    store.save(folder / "checkpoint", {**state, "lost": {"1": "the loss is nan"}})
    told = evaluated(folder)
    assert told["per_seed"][1] is None
    assert told["mean"] is None
    assert told["per_seed"][::2] == result(cart)["final"]["per_seed"][::2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["episods=3"], "unknown setting episods. Did you mean episodes?"),
        (["episodes=0"], "episodes must be between 1 and 1,000,000, got 0"),
        (
            ["episodes=10000000000000"],
            "episodes must be between 1 and 1,000,000, got 10,000,000,000,000",
        ),
        (["seeds=10000000000000"], "seeds must be between 1 and 1,000,000, got 10,000,000,000,000"),
        (["episodes=1,2"], "needs one value"),
        (["seed=7"], "has no seed 7: it has seeds 0 to 2"),
        (["seed=2", "seeds=2"], "has no seed 3"),
        (["which=last"], "which must be one of final, best"),
        (["agent.lr=1"], "agent.lr is fixed by the run"),
        (["device=gpu"], "there is no device 'gpu'"),
        (["env.kwargs.is_slipery=false"], "Did you mean is_slippery?"),
        (["env.kwargs.map_name=8x8"], "discrete [64] instead of discrete [16]"),
        (["--jason"], "there is no flag --jason"),
    ],
)
def test_mistakes_are_told_in_a_sentence(table: Path, words: list[str], sentence: str) -> None:
    code, out, err = said("evaluate", str(table), *words)
    assert (code, out) == (2, "")
    assert err.startswith("rlrun: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_what_cannot_be_played(cart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    shutil.copytree(cart, folder)
    shutil.rmtree(folder / "best")
    assert "has no best policies" in said("evaluate", str(folder), "which=best")[2]
    config = folder / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("num_envs: 2", "num_envs: 1"))
    assert "is not the one that the checkpoint was made with" in said("evaluate", str(folder))[2]
    config.write_text(text)
    shutil.rmtree(folder / "checkpoint")
    assert "has lost its checkpoints" in said("evaluate", str(folder))[2]
    (folder / "meta.json").unlink()
    assert "is not the folder of a run" in said("evaluate", str(folder))[2]
    monkeypatch.chdir(tmp_path)
    assert said("evaluate", "last")[2] == "rlrun: there is no run under outputs/ here.\n"
    code, out, _ = said("evaluate", "--help")
    assert code == 0
    assert "episode_seed=K" in out


def test_no_module_is_taken_from_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained(tmp_path / "run", "images")
    monkeypatch.chdir(folder)
    for verb in ("evaluate", "record"):
        code, _, err = said(verb, ".")
        assert code == 2
        assert (
            "use it from another directory: in this one tests.support.pixels could be imported"
            in err
        )


def test_the_replay_is_neither_read_nor_made(tmp_path: Path) -> None:
    state = {
        "agent": {
            "policy": torch.ones(2, 3),
            "replay": {"old": Segment(obs=np.zeros((2, 5))), "": np.ones(2)},
        },
        "": 3,
    }
    store.save(tmp_path, state)
    whole = store.load(tmp_path)
    assert whole["agent"]["replay"]["old"]["obs"].shape == (2, 5)
    (segment,) = tmp_path.glob("segment-*")
    segment.unlink()
    with pytest.raises(store.CheckpointError):
        store.load(tmp_path)
    kept = store.load(tmp_path, without=("agent", "replay"))
    assert kept.keys() == {"agent", ""}
    assert kept["agent"].keys() == {"policy"}
    assert kept["agent"]["policy"].tolist() == torch.ones(2, 3).tolist()

    huge = ("agent=rainbow", "env=CartPole-v1", "replay.capacity=1000000000000")
    parts, env = parts_and_env(*huge)
    with pytest.raises(BadInput, match="of memory are free"):
        build.build_agent(parts, env.spec)
    agent = build.build_player(parts, env.spec, (4, 5))
    assert len(agent.state_dict()["policy"]["online"]) == 2
    assert json.dumps(list(parts.seed_numbers)) == str(list(range(10)))
    assert parts.replay.settings.capacity == 1_000_000_000_000
