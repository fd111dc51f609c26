"""Several agents in one environment: who is still there, evaluations and metrics of episodes."""

from __future__ import annotations

import numpy as np

from rlrun.core.rng import Purpose
from rlrun.core.types import Array
from rlrun.loop import evaluate, interact
from rlrun.training.metrics_window import MetricsWindow
from tests.support.collectors import (
    SEEDS,
    Averages,
    Collecting,
    Collectors,
    luck_of,
    replay_of,
    whole_episode,
)
from tests.support.common import differences, host


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


def test_the_window_of_metrics_has_the_returns_of_agents_and_their_sum() -> None:
    envs = Collectors(SEEDS, 2, Purpose.TRAIN_EPISODES)
    window = MetricsWindow(len(SEEDS), agents=envs.spec.agents)
    agent = Averages(SEEDS, replay_of(SEEDS))
    ended: list[list[Array]] = [[] for _ in SEEDS]
    for step, t, metrics in interact(agent, envs):
        assert t.action.shape == t.score.shape == (3, 2, 3)
        window.add(t, metrics)
        for s, e in np.argwhere(t.last).tolist():
            ended[s].append(t.score[s, e])
        if step == 40:
            break
    assert min(map(len, ended)) >= 10
    saved, row = window.state_dict(), window.row()
    assert row["rollout/ep_rew_mean"].tolist() == [np.mean([sum(s) for s in e]) for e in ended]
    for k, name in enumerate(envs.spec.agents):
        wanted = [np.mean([score[k] for score in each]) for each in ended]
        assert row[f"rollout/ep_rew_mean/{name}"].tolist() == wanted
    other = MetricsWindow(len(SEEDS), agents=envs.spec.agents)
    other.load_state_dict(saved)
    assert differences(host(other.row()), host(row)) == []
