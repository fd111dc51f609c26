"""A whole small run: its folder, its numbers, its cadences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun.checkpoint import store
from rlrun.run import start_run
from rlrun.training.best import Best, merge
from rlrun.training.evaluator import EvalSettings
from rlrun.training.metrics_window import Average
from tests.support.common import SMALL_DQN, settings
from tests.support.logged import lines

WORDS = (
    *SMALL_DQN,
    "seed=703",
    "seeds=2",
    "total_steps=300",
    "log.every=100",
    "eval.every=150",
    "eval.episodes=4",
    "eval.final_episodes=6",
    "env.max_episode_steps=60",
)


def run(folder: Path, *words: str) -> dict[str, Any]:
    folder.mkdir()
    start_run(settings(*WORDS, *words), folder, "rlrun again")
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    run(path)
    return path


def test_the_result_says_what_others_read(folder: Path) -> None:
    result = json.loads((folder / "result.json").read_text())
    assert list(result) == [
        "agent",
        "env",
        "seeds",
        "steps",
        "final",
        "best",
        "wall_seconds",
        "steps_per_second",
        "status",
    ]
    assert (result["agent"], result["env"], result["seeds"]) == ("dqn", "CartPole-v1", [703, 704])
    assert (result["steps"], result["status"]) == (300, "done")
    final, best = result["final"], result["best"]
    assert (final["step"], final["episodes"], len(final["per_seed"])) == (300, 6, 2)
    assert final["mean"] == pytest.approx(np.mean(final["per_seed"]))
    assert final["iqm"] == final["mean"] and final["ci95"] is None  # of two seeds
    assert best["episodes"] == 4
    assert all(step in (150, 300) for step in best["step"])


def test_metrics_come_when_they_are_due_and_best_is_the_best_of_them(folder: Path) -> None:
    rows = lines(folder)
    assert [(r["step"], r["seed"]) for r in rows if "time/fps" in r] == [
        (step, seed) for step in (100, 200, 300) for seed in (703, 704)
    ]
    evaluations = [r for r in rows if "eval/mean_reward" in r]
    assert [r["step"] for r in evaluations] == [150, 150, 300, 300]
    updates = [r["train/n_updates"] for r in rows if "train/n_updates" in r and r["seed"] == 703]
    assert updates == [41, 91, 141]  # every 2 steps from 20 on
    best = json.loads((folder / "result.json").read_text())["best"]
    for place, seed in enumerate((703, 704)):
        scores = {r["step"]: r["eval/mean_reward"] for r in evaluations if r["seed"] == seed}
        assert best["per_seed"][place] == max(scores.values())
        assert scores[best["step"][place]] == max(scores.values())


def test_no_point_is_written_twice(folder: Path) -> None:
    rows = lines(folder)
    seen = [(r["step"], r["seed"], tag) for r in rows for tag in r if tag not in ("step", "seed")]
    assert len(seen) == len(set(seen))


def test_tensorboard_has_the_seeds_and_the_aggregate(folder: Path) -> None:
    for name in ("seed_703", "seed_704", "mean"):
        events = EventAccumulator(str(folder / name)).Reload()
        points = [event.step for event in events.Scalars("eval/mean_reward")]
        assert points == [150, 300], name
    events = EventAccumulator(str(folder / "seed_703")).Reload()
    assert {
        "rollout/ep_rew_mean",
        "rollout/ep_len_mean",
        "rollout/exploration_rate",
        "eval/mean_reward",
        "eval/mean_ep_length",
        "train/loss",
        "train/q_mean",
        "train/n_updates",
        "time/fps",
    } <= set(events.Tags()["scalars"])


def test_the_folder_tells_what_ran(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["status"], meta["exact"]) == ("done", True)
    assert meta["command"] == "rlrun again"
    assert meta["versions"]["torch"] == torch.__version__
    assert "agent:" in (folder / "config.yaml").read_text()
    assert "${" not in (folder / "config.yaml").read_text()
    assert "step 150: evaluation" in (folder / "run.log").read_text()
    saved = store.load(folder / "checkpoint")
    assert saved["step"] == 300
    assert set(saved["agent"]) >= {"policy", "target", "optimizer", "explore", "replay"}
    assert set(saved["envs"]) >= {"episode", "actions", "obs"}


def test_best_holds_each_seed_at_its_own_best(folder: Path) -> None:
    best, last = store.load(folder / "best"), store.load(folder / "checkpoint")
    now = last["agent"]["policy"]["online"]
    assert best["policy"]["online"].shape == now.shape
    for place, step in enumerate(best["step"]):
        assert torch.equal(best["policy"]["online"][place], now[place]) == (step == 300)
    assert torch.equal(last["best"]["policy"]["online"], best["policy"]["online"])


def test_the_same_command_gives_the_same_result(folder: Path, tmp_path: Path) -> None:
    again = run(tmp_path / "again")
    first = json.loads((folder / "result.json").read_text())
    for key in ("wall_seconds", "steps_per_second"):
        first.pop(key)
        again.pop(key)
    assert first == again
    for a, b in zip(lines(folder), lines(tmp_path / "again"), strict=True):
        assert {k: v for k, v in a.items() if k != "time/fps"} == {
            k: v for k, v in b.items() if k != "time/fps"
        }


def test_logging_and_evaluating_do_not_change_training(folder: Path, tmp_path: Path) -> None:
    run(tmp_path / "quiet", "log.every=1000", "eval.every=0", "eval.final_episodes=0")
    result = json.loads((tmp_path / "quiet" / "result.json").read_text())
    assert (result["final"], result["best"]) == (None, None)
    a, b = (store.load(f / "checkpoint") for f in (folder, tmp_path / "quiet"))
    assert torch.equal(a["agent"]["policy"]["online"], b["agent"]["policy"]["online"])


def test_a_failed_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the lights went out")

    monkeypatch.setattr("rlrun.training.evaluator.evaluate", fail)
    with pytest.raises(RuntimeError):
        run(tmp_path / "run")
    meta = json.loads((tmp_path / "run" / "meta.json").read_text())
    assert meta["status"] == "failed"
    assert "the lights went out" in meta["reason"]


def test_evaluation_episodes_are_cut_where_asked(tmp_path: Path) -> None:
    run(tmp_path / "run", "eval.max_steps=5")
    lengths = [r["eval/mean_ep_length"] for r in lines(tmp_path / "run") if "eval/mean_reward" in r]
    assert lengths == [5.0] * 4


def test_episodes_are_shared_evenly() -> None:
    shared = {episodes: EvalSettings.envs_for(episodes) for episodes in (1, 7, 10, 11, 12, 100)}
    assert shared == {1: 1, 7: 7, 10: 10, 11: 1, 12: 6, 100: 10}


def test_best_takes_the_rows_of_the_seeds_that_improved() -> None:
    def policy(value: float) -> dict[str, Any]:
        return {"weights": torch.full((2, 3), value), "deep": {"mean": np.full(2, value)}}

    best = Best(2)
    assert best.offer(10, np.array([5.0, 1.0]), policy(1.0))
    assert best.offer(20, np.array([5.0, 2.0]), policy(2.0))  # a tie, and an improvement
    assert not best.offer(30, np.array([4.0, 0.0]), policy(3.0))
    again = Best(2)
    again.load_state_dict(best.state_dict())
    for kept in (best, again):
        assert kept.step.tolist() == [10, 20]
        assert kept.mean.tolist() == [5.0, 2.0]
        assert kept.policy["weights"].tolist() == [[1.0] * 3, [2.0] * 3]
        assert kept.policy["deep"]["mean"].tolist() == [1.0, 2.0]


def test_best_is_a_copy() -> None:
    weights = torch.zeros(1, 2)
    kept = merge({"w": weights}, {"w": weights}, np.array([True]))
    weights += 1
    assert kept["w"].tolist() == [[0.0, 0.0]]


def test_the_best_of_lists_has_the_value_of_each_seed() -> None:
    old, new = {"genome": ["a", "b", "c"]}, {"genome": ["x", "y", "z"]}
    kept = merge(old, new, np.array([True, False, True]))
    assert kept == {"genome": ["x", "b", "z"]}
    assert old == {"genome": ["a", "b", "c"]}


def test_averages_are_means_and_counts_are_the_latest() -> None:
    mean, count = Average(), Average()
    for n in range(1000):
        mean.add(torch.tensor([n, 2.0 * n]))
        count.add(np.array([n, n + 1]))
    assert mean.value().tolist() == [499.5, 999.0]
    assert count.value().tolist() == [999, 1000]


def test_a_short_run_is_logged_at_its_end(tmp_path: Path) -> None:
    run(tmp_path / "run", "total_steps=90", "log.every=1000", "eval.every=0")
    rows = [r for r in lines(tmp_path / "run") if "train/loss" in r]
    assert [(r["step"], r["seed"], r["train/n_updates"]) for r in rows] == [
        (90, 703, 36),
        (90, 704, 36),
    ]


def test_an_interrupted_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rlrun.training.evaluator.evaluate", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "meta.json").read_text())["status"] == "interrupted"
    assert [r["step"] for r in lines(tmp_path / "run")] == [100, 100]
