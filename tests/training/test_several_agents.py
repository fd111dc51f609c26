"""Several agents in one run: logged, scored, saved and resumed with their axis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.core.rng import Purpose
from rlrun.core.signals import Interrupted
from rlrun.core.types import Array
from tests.support.collectors import NAMES, SEEDS, Averages, luck_of, whole_episode
from tests.support.collectors_run import run
from tests.support.common import differences, host, row


def logged(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{tag: each for tag, each in line.items() if tag != "time/fps"} for line in lines]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Averages]:
    path = tmp_path_factory.mktemp("collectors") / "run"
    return path, *run(path)


def test_all_agents_learn_to_collect(finished: tuple[Path, dict[str, Any], Averages]) -> None:
    means = host(finished[2].state_dict())["policy"]
    best = (means["sum"] / means["count"]).argmax(-1)
    assert best.tolist() == [[1, 1, 1]] * 3


def test_the_result_has_the_sum_and_a_summary_of_each_agent(
    finished: tuple[Path, dict[str, Any], Averages],
) -> None:
    """All collect at the end, so that the scores are those of whole episodes."""
    final = finished[1]["final"]
    means: Array = np.array(
        [
            np.mean(
                [
                    whole_episode(luck_of(Purpose.FINAL_EPISODES, seed, env, 0))[0]
                    for env in range(6)
                ],
                0,
            )
            for seed in SEEDS
        ]
    )
    assert list(final["agents"]) == list(NAMES)
    for each, name in enumerate(NAMES):
        summary = final["agents"][name]
        assert list(summary) == ["per_seed", "mean", "iqm", "ci95"]
        assert summary["per_seed"] == pytest.approx(means[:, each].tolist())
        assert summary["mean"] == summary["iqm"] == pytest.approx(means[:, each].mean())
    assert final["per_seed"] == pytest.approx(means.sum(1).tolist())
    assert "agents" not in finished[1]["best"]


def test_the_curves_have_the_sum_and_each_agent(
    finished: tuple[Path, dict[str, Any], Averages],
) -> None:
    rows = [line for line in logged(finished[0]) if "eval/mean_reward" in line]
    assert [(line["step"], line["seed"]) for line in rows] == [
        (step, seed) for step in (20, 40, 60) for seed in SEEDS
    ]
    for line in rows:
        each = [line[f"eval/mean_reward/{name}"] for name in NAMES]
        assert line["eval/mean_reward"] == pytest.approx(sum(each))
        assert "eval/q_bias" not in line and "eval/discounted_return" not in line
    last = [whole_episode(luck_of(Purpose.EVAL_EPISODES, SEEDS[-1], e, 0))[0] for e in range(4)]
    assert each == pytest.approx(np.mean(last, 0).tolist())


@pytest.mark.parametrize(("stop", "step"), [(7, 16), (12, 20), (33, 52)])
def test_a_resumed_run_is_exact(
    finished: tuple[Path, dict[str, Any], Averages], tmp_path: Path, stop: int, step: int
) -> None:
    """Stopped in the middle of episodes, in an evaluation, and after two of them."""
    path, result, agent = finished
    with pytest.raises(Interrupted):
        run(tmp_path, stop=stop)
    assert json.loads((tmp_path / "meta.json").read_text())["saved"] == step
    resumed, other = run(tmp_path)
    for timed in ("wall_seconds", "steps_per_second"):
        resumed[timed] = result[timed]
    assert resumed == result
    assert differences(host(agent.state_dict()), host(other.state_dict())) == []
    assert logged(tmp_path) == logged(path)
    assert json.loads((tmp_path / "meta.json").read_text())["exact"] is True


def test_a_seed_gets_in_a_stack_what_it_gets_alone(
    finished: tuple[Path, dict[str, Any], Averages], tmp_path: Path
) -> None:
    path, result, agent = finished
    alone, other = run(tmp_path, SEEDS[1:2])
    ours = row(host(agent.state_dict()["policy"]), 1)
    assert differences(ours, host(other.state_dict()["policy"])) == []
    assert logged(tmp_path) == [line for line in logged(path) if line["seed"] == SEEDS[1]]
    for name in NAMES:
        per_seed = result["final"]["agents"][name]["per_seed"]
        assert alone["final"]["agents"][name]["per_seed"] == per_seed[1:2]
        assert alone["final"]["agents"][name]["ci95"] is None


def test_the_agents_of_a_failed_seed_have_no_scores(tmp_path: Path) -> None:
    result, _ = run(tmp_path, faulty=1)
    assert result["status"] == "failed"
    for scores in (result["final"], *result["final"]["agents"].values()):
        assert [each is None for each in scores["per_seed"]] == [False, True, False]
        assert scores["mean"] is None
    assert all(
        ("eval/mean_reward/bee" in line) == (line["seed"] != SEEDS[1])
        for line in logged(tmp_path)
        if line["step"] == 40
    )
