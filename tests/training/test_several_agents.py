"""Several agents in one environment: played, logged, scored, saved and resumed with their axis."""

from __future__ import annotations

import io
import json
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.core.rng import Purpose
from rlrun.core.signals import Interrupted, Signals
from rlrun.core.types import Array, Envs
from rlrun.loop import evaluate, interact
from rlrun.replay.options import UniformReplaySettings
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger
from rlrun.terminal.progress import Progress
from rlrun.training.checkpoints import CheckpointSettings, Saver
from rlrun.training.early_stopping import Stopper, StopSettings
from rlrun.training.evaluator import EvalSettings, Evaluator
from rlrun.training.experience import Interaction
from rlrun.training.failed_seeds import FailedSeeds
from rlrun.training.metrics_window import MetricsWindow
from rlrun.training.run_parts import RunParts
from rlrun.training.stopped_seeds import StoppedSeeds
from rlrun.training.train import train
from tests.support.collectors import NAMES, Averages, Collecting, Collectors, luck_of, spec_of
from tests.support.common import differences, host, row

SEEDS = (3, 5, 8)
STEPS = 60  # of each seed, in two environments


def whole_episode(luck: int) -> tuple[list[float], int]:
    """What ant, bee and cat get who always collect, and the length: 4 or 3 steps, the bee's 2."""
    length = 4 if luck % 2 == 0 else 3
    return [length * (1.0 + luck), 2 * (10.0 + luck), length * (100.0 + luck)], length


def test_an_agent_that_has_left_is_not_alive_and_the_others_continue() -> None:
    """The first episode of each environment, step by step."""
    for seed in range(6):
        envs = Collectors((seed,), 1, Purpose.TRAIN_EPISODES)
        luck = luck_of(Purpose.TRAIN_EPISODES, seed, 0, 0)
        returns, length = whole_episode(luck)
        steps = [envs.step(np.ones((1, 1, 3), np.int64)) for _ in range(length)]
        assert [bool(t.last[0, 0]) for t in steps] == [False] * (length - 1) + [True]
        assert [t.alive[0, 0].tolist() for t in steps if t.alive is not None] == [
            [True, number < 2, True] for number in range(length)
        ]
        assert [float(t.discount[0, 0, 1]) for t in steps] == [0.5] + [0.0] * (length - 1)
        truncated = 0.0 if length == 4 else 0.5
        assert [float(t.discount[0, 0, 2]) for t in steps] == [0.5] * (length - 1) + [truncated]
        assert steps[-1].score[0, 0].tolist() == returns


def test_an_evaluation_returns_the_sum_and_each_agents_returns() -> None:
    envs = Collectors(SEEDS, 2, Purpose.EVAL_EPISODES)
    played = evaluate(Collecting(), envs, 0, 6, value=Averages(SEEDS, replay_of(SEEDS)).value)
    places = [(env, episode) for env in range(2) for episode in range(3)]
    expected = [
        [whole_episode(luck_of(Purpose.EVAL_EPISODES, seed, *place)) for place in places]
        for seed in SEEDS
    ]
    assert played.agents is not None
    assert played.agents.tolist() == [[returns for returns, _ in each] for each in expected]
    assert played.returns.tolist() == [[sum(returns) for returns, _ in each] for each in expected]
    assert played.lengths.tolist() == [[length for _, length in each] for each in expected]
    assert played.values is None and played.discounted is None


def test_the_window_of_metrics_has_the_sum_over_agents() -> None:
    envs, window = Collectors(SEEDS, 2, Purpose.TRAIN_EPISODES), MetricsWindow(len(SEEDS))
    agent = Averages(SEEDS, replay_of(SEEDS))
    ended: list[list[float]] = [[] for _ in SEEDS]
    for step, t, metrics in interact(agent, envs):
        assert t.action.shape == t.score.shape == (3, 2, 3)
        window.add(t, metrics)
        for s, e in np.argwhere(t.last).tolist():
            ended[s].append(sum(t.score[s, e].tolist()))
        if step == 40:
            break
    assert min(map(len, ended)) >= 10
    assert window.row()["rollout/ep_rew_mean"].tolist() == [np.mean(each) for each in ended]


def replay_of(seeds: tuple[int, ...]) -> Any:
    return UniformReplaySettings(capacity=40).build(spec_of(2), seeds, STEPS)


class StopsAt(Signals):
    """A stop is requested at the count-th check."""

    def __init__(self, count: int | None) -> None:
        super().__init__()
        self._left = count

    def check(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Interrupted(signal.SIGINT)


def run(
    path: Path, seeds: tuple[int, ...] = SEEDS, stop: int | None = None, faulty: int | None = None
) -> tuple[dict[str, Any], Averages]:
    """Train, or resume if there is a checkpoint; return the result and the agent."""
    path.mkdir(exist_ok=True)
    saver = Saver(path / "checkpoint", CheckpointSettings(every_minutes=None))
    saved, _ = saver.load()
    if saved is None:
        folder = RunFolder.create(path, "rlrun again", STEPS)
    else:
        folder = RunFolder.reopen(path, json.loads((path / "meta.json").read_text()), "resume")
    agent, signals = Averages(seeds, replay_of(seeds)), StopsAt(stop)

    def make_envs(num_envs: int, purpose: Purpose) -> Envs:
        return opened(seeds, num_envs, purpose, faulty)

    position = None if saved is None else saved["log"]
    progress = Progress("collectors", STEPS, io.StringIO())
    failed = FailedSeeds(seeds, agent, folder, progress)
    stopped = StoppedSeeds(StopSettings(), seeds, agent, folder)
    try:
        with closing(Logger(path, seeds, {}, position)) as logger:
            evaluator = Evaluator(
                EvalSettings(every=20, episodes=4, final_episodes=6),
                agent,
                make_envs,
                seeds,
                folder,
                logger,
                None,
                False,
                failed,
                stopped,
                signals.check,
            )
            parts = RunParts(
                agent_name="averages",
                agent=agent,
                env_id="collectors",
                experience=Interaction(agent, opened(seeds, 2, Purpose.TRAIN_EPISODES)),
                seeds=seeds,
                total_steps=STEPS,
                log_every=10,
                evaluator=evaluator,
                filming=None,
                logger=logger,
                progress=progress,
                folder=folder,
                saver=saver,
                signals=signals,
                failed_seeds=failed,
                stopped_seeds=stopped,
                stopper=Stopper(StopSettings()),
                fingerprint="",
            )
            return train(parts, saved), agent
    finally:
        folder.close("done")


def opened(
    seeds: tuple[int, ...], num_envs: int, purpose: Purpose, faulty: int | None = None
) -> Collectors:
    envs = Collectors(seeds, num_envs, purpose)
    if faulty is not None:
        envs.faults[faulty] = "its reward is nan"
    return envs


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
