"""Seeds that stop after a number of episodes: each learns what it would learn in its own run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.checkpoint import store
from rlrun.run import start_run
from tests.soak.compare import unlike
from tests.support.cli import Rlrun, tree
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_DRQN,
    SMALL_PPO,
    SMALL_REINFORCE,
    differences,
    host,
    row,
    settings,
)
from tests.support.resume import resume
from tests.support.trained import result

COMMON = (
    "seed=5",
    "seeds=3",
    "total_steps=1500",
    "log.every=50",
    "eval.every=100",
    "eval.episodes=2",
    "eval.final_episodes=4",
    "eval.max_steps=30",
)
REACH = "env=tests.support.control:Reach-v0"
TABLE = ("env=FrozenLake-v1", "tuned=none")
AGENTS = {
    "dqn": (*SMALL_DQN, "env.num_envs=2"),
    "drqn": (*SMALL_DRQN, "env.num_envs=2"),
    "noisy": (*SMALL_DQN, "agent=rainbow", "agent.atoms=5"),
    "ppo": (*SMALL_PPO, "agent.normalize_obs=true", "agent.normalize_reward=true"),
    "reinforce": (*SMALL_REINFORCE, "agent.normalize_obs=true"),
    "td3": ("agent=td3", *SMALL_CONTROL, REACH),
    "sac": ("agent=sac", *SMALL_CONTROL, REACH, "env.num_envs=2"),
    "sac_discrete": ("agent=sac_discrete", *SMALL_CONTROL, "env=CartPole-v1"),
    "batch": ("agent=ddpg", *SMALL_CONTROL, "agent.norm=batch", REACH),
    "q_learning": ("agent=q_learning", *TABLE, "env.num_envs=2"),
    "visits": ("agent=q_learning", *TABLE, "agent.lr_decay=0.1", "explore=bonus"),
    "sarsa": ("agent=sarsa", *TABLE),
    "n_step": ("agent=q_learning", *TABLE, "agent.n_step=3"),
    "traces": ("agent=sarsa", *TABLE, "agent.trace_decay=0.8"),
    "expected_sarsa": ("agent=expected_sarsa", *TABLE),
    "double_q": ("agent=double_q_learning", *TABLE),
    "monte_carlo": ("agent=monte_carlo", *TABLE),
    "td_prediction": ("agent=td_prediction", *TABLE),
    "random": ("agent=random", "tuned=none"),
}


def train(folder: Path, *words: str) -> dict[str, Any]:
    """Train in a folder; return its result."""
    folder.mkdir()
    start_run(settings(*words[:1], *COMMON, *words[1:]), folder, "rlrun again")
    return result(folder)


def policy(folder: Path, place: str = "checkpoint") -> Any:
    state = store.load(folder / place)
    return host(state["agent"]["policy"] if place == "checkpoint" else state["policy"])


def lines(folder: Path, seed: int) -> list[dict[str, Any]]:
    """The lines of a seed in metrics.jsonl with metrics of training, without the speed."""
    text = (folder / "metrics.jsonl").read_text()
    every = [json.loads(line) for line in text.splitlines()]
    own = [line for line in every if line["seed"] == seed]
    own = [{tag: value for tag, value in line.items() if tag != "time/fps"} for line in own]
    return [line for line in own if not any(tag.startswith("final/") for tag in line)]


@pytest.mark.slow
@pytest.mark.parametrize("name", AGENTS)
def test_a_stopped_seed_has_what_it_has_alone(tmp_path: Path, name: str) -> None:
    """Policy, scores, best evaluation and log, bit for bit, whenever its neighbours stop."""
    words = (*AGENTS[name], "stop.episodes=7")
    stack = train(tmp_path / "stack", *words)
    assert stack["stopped"] == "episodes"
    assert stack["steps"] == max(stack["stopped_at"]) < 1500
    assert len(set(stack["stopped_at"])) > 1  # otherwise nothing is tested
    for k, seed in enumerate(stack["seeds"]):
        folder = tmp_path / str(seed)
        alone = train(folder, *words, f"seed={seed}", "seeds=1")
        assert alone["stopped_at"] == [alone["steps"]] == [stack["stopped_at"][k]]
        assert alone["final"]["per_seed"] == [stack["final"]["per_seed"][k]]
        if alone["best"]:
            assert alone["best"]["per_seed"] == [stack["best"]["per_seed"][k]]
            assert alone["best"]["step"] == [stack["best"]["step"][k]]
            assert (
                differences(policy(folder, "best"), row(policy(tmp_path / "stack", "best"), k))
                == []
            )
        assert differences(policy(folder), row(policy(tmp_path / "stack"), k)) == []
        assert lines(folder, seed) == lines(tmp_path / "stack", seed)


@pytest.mark.slow
def test_the_policy_that_is_loaded_is_that_of_the_stopped_seed(tmp_path: Path) -> None:
    from rlrun import load_run

    told = train(tmp_path / "run", *AGENTS["random"], "stop.episodes=7")
    run = load_run(tmp_path / "run")
    assert [run.policy(seed).step for seed in run.seeds] == told["stopped_at"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dqn", "ppo", "traces", "random"])
def test_resumed_at_any_time_it_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also after some seeds have stopped, and at the very step at which one stops."""
    from rlrun.training.trainer import Trainer

    words = (*AGENTS[name], "stop.episodes=7", "checkpoint.every_steps=2")
    whole = train(tmp_path / "whole", *words)
    first, second, last = sorted(whole["stopped_at"])
    real = Trainer.after_step
    for place in dict.fromkeys((first - 4, first, (first + second) // 2, last)):
        folder = tmp_path / str(place)
        stopping = iter([place - place % 2, None])

        def after_step(self: Trainer, step: int, at: int | None = next(stopping)) -> bool:
            report = Trainer._report

            def die(*arguments: Any) -> None:
                if step == at:
                    raise KeyboardInterrupt
                report(*arguments)

            with monkeypatch.context() as patch:
                patch.setattr(Trainer, "_report", die)
                return real(self, step)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "after_step", after_step)
            with pytest.raises(KeyboardInterrupt):
                train(folder, *words)
        assert resume(str(folder)) == 0
        assert unlike(tmp_path / "whole", folder) == []


@pytest.mark.slow
def test_one_seed_can_train_for_more_episodes_and_one_that_others_passed_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = AGENTS["q_learning"]
    train(tmp_path / "long", *words, "seeds=1", "stop.episodes=12")
    train(tmp_path / "run", *words, "seeds=1", "stop.episodes=7")
    assert resume(str(tmp_path / "run")) == 0
    assert "stop.episodes=7 ended it. To train longer: " in capsys.readouterr().out
    assert resume(str(tmp_path / "run"), "stop.episodes=12") == 0
    assert unlike(tmp_path / "long", tmp_path / "run") == []

    told = train(tmp_path / "stack", *words, "stop.episodes=7")
    for word in ("stop.episodes=12", "stop.episodes=null"):
        assert resume(str(tmp_path / "stack"), word) == 2
        message = capsys.readouterr().err
        assert "stop.episodes cannot be raised from 7: seeds that have stopped cannot" in message
        assert result(tmp_path / "stack") == told  # nothing was touched
    assert resume(str(tmp_path / "stack"), "total_steps=3000") == 0
    assert result(tmp_path / "stack")["stopped_at"] == told["stopped_at"]


@pytest.mark.slow
def test_the_average_in_tensorboard_ends_where_the_first_seed_stops(tmp_path: Path) -> None:
    from tests.soak.compare import left

    told = train(tmp_path / "run", *AGENTS["dqn"], "stop.episodes=7", "log.every=10")
    curves = left(tmp_path / "run")["curves"]["mean"]["scalars"]
    steps = [step for step, _ in curves["rollout/ep_rew_mean"]]
    assert max(steps) <= min(told["stopped_at"])
    assert [step for step, _ in curves["final/mean_reward"]] == [told["steps"]]


def test_a_table_that_is_frozen_does_not_change() -> None:
    """Nor does its neighbour depend on that: the same as without the frozen one, worked by hand."""
    from rlrun.core.types import Space, Spec
    from rlrun.tables.qtable import QTable
    from rlrun.tables.settings import TableSettings

    spec = Spec("two", Space("discrete", (), (2,)), Space("discrete", (), (2,)), 1)
    table = QTable(spec, 2, TableSettings(lr=0.5))
    pair = np.array([[1], [4 + 2]])
    table.move(pair, np.array([[4.0], [8.0]]), 1)
    table.freeze(0)
    error = table.move(pair, np.array([[10.0], [8.0]]), 2)
    assert error.tolist() == [[8.0], [4.0]]
    assert table.q.tolist() == [[[0.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [6.0, 0.0]]]


def test_what_cannot_count_episodes_is_refused(rlrun: Rlrun, tmp_path: Path) -> None:
    for words, message in (
        (
            ("agent=value_iteration", "env=FrozenLake-v1", "stop.episodes=5"),
            "the agent value_iteration cannot stop its seeds one by one after stop.episodes",
        ),
        (("stop.episodes=0",), "stop.episodes must be at least 1, got 0"),
        (("data=nowhere", "stop.episodes=5"), "nowhere"),
    ):
        outcome = rlrun(*words)
        assert outcome.code == 2
        assert message in outcome.err
    assert tree(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("stop.episodes=7",)])
def test_all_episodes_of_training_are_recorded(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Their means are those of the log, and a stopped seed has exactly its number of episodes."""
    from rlrun import load_run

    told = train(tmp_path / "run", *AGENTS["dqn"], "total_steps=400", *words)
    run = load_run(tmp_path / "run")
    counts = np.isfinite(run.episodes.returns).sum(-1)
    np.testing.assert_array_equal(run.episodes.lengths, run.episodes.returns)  # as in CartPole
    logged = run.metrics["rollout/ep_rew_mean"].values
    means = run.episodes.mean_returns()
    for k, count in enumerate(counts):
        assert logged[k][np.isfinite(logged[k])][-1] == pytest.approx(means[k, count - 1])
    if words:
        assert counts.tolist() == [7, 7, 7]
    else:
        assert (np.nansum(run.episodes.lengths, -1) <= told["steps"]).all()


@pytest.mark.slow
def test_a_run_that_is_too_short_for_its_episodes_says_so(tmp_path: Path) -> None:
    told = train(tmp_path / "run", *AGENTS["dqn"], "total_steps=60", "stop.episodes=7")
    assert told["stopped_at"] == [None, None, None]
    assert "stopped" not in told
    sentence = "step 60: the run ends before 3 of 3 seeds had stop.episodes=7 episodes: a larger"
    assert sentence in (tmp_path / "run" / "run.log").read_text()
