"""What an agent believes against what it gets: numbers worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun import build
from rlrun.agents.dqn import DQN
from rlrun.core.types import Array, Envs, Metrics, SpaceKinds, State, Step
from rlrun.envs.gym_envs import GymEnvs
from rlrun.loop import Played, evaluate
from rlrun.run import start_run
from rlrun.run_folder.board import SHOWN_AS
from rlrun.training.evaluator import _value_metrics
from tests.support.common import SMALL_DQN, envs_of, parts_and_env, settings

Script = tuple[Sequence[float], Sequence[float], str]
"""The observations, one more than the rewards; the rewards; how the episode ends."""

# by seed and environment; what the agent is to believe of an observation is the observation
SCRIPTS: tuple[tuple[Script, Script], ...] = (
    (([8, 0, 50], [1, 2], "terminated"), ([3, 0, 0, 16], [1, 1, 1], "truncated")),
    (([1, 4], [10], "truncated"), ([5, 100], [-2], "terminated")),
    (([0, 0, 0, 0, 70], [0, 0, 0, 16], "terminated"), ([2, 6], [4], "truncated")),
    (([7, 9, 9], [1, -1], "truncated"), ([1, 60], [1], "terminated")),
)
VALUES = [[8, 3, 1, 5], [0, 2, 7, 1]]
DISCOUNTED = [  # with gamma 1/2
    [1 + 2 / 2, 1 + 1 / 2 + 1 / 4 + 16 / 8, 10 + 4 / 2, -2],
    [16 / 8, 4 + 6 / 2, 1 - 1 / 2 + 9 / 4, 1],
]


class Scripted(gym.Env[Array, Any]):
    """Plays its scripts in turn from the second reset on: the first is that of its making."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.observation_space = spaces.Box(-1e6, 1e6, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._scripts, self._begun = scripts, -2

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self._begun, self._time = self._begun + 1, 0
        self._obs, self._rewards, self._end = self._scripts[self._begun % len(self._scripts)]
        return self._see(), {}

    def _see(self) -> Array:
        return np.array([self._obs[self._time]], np.float32)

    def step(self, action: Any) -> Any:
        self._time += 1
        over = self._time == len(self._rewards)
        end = {"terminated": (over, False), "truncated": (False, over)}[self._end]
        return self._see(), self._rewards[self._time - 1], *end, {}


class Still:
    """Does the same everywhere, and notes the observations."""

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        self.seen.append((step, explore, obs.tolist()))
        return np.zeros(obs.shape[:2], np.int64)

    def learn(self, t: Step, step: int) -> Metrics:
        return {}

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


def scripted() -> Envs:
    scripts = iter(SCRIPTS)
    return GymEnvs(lambda: Scripted(next(scripts)), "scripted", [0, 1], 2, gamma=0.5)


def test_values_and_discounted_returns_by_hand() -> None:
    asked: list[Array] = []

    def value(obs: Array) -> Array:
        asked.append(obs[..., 0])
        return obs[..., 0]

    played = evaluate(Still(), scripted(), 0, 4, value=value)
    assert played.values is not None and played.discounted is not None
    assert played.values.tolist() == VALUES
    assert played.discounted.tolist() == DISCOUNTED
    assert played.returns.tolist() == [[3, 3, 10, -2], [16, 4, 0, 1]]
    row = {tag: values.tolist() for tag, values in _value_metrics(played).items()}
    assert row == {"eval/discounted_return": [3.9375, 3.1875], "eval/q_bias": [0.3125, -0.6875]}
    # whole batches only: at the start; what was cut off and what began at steps 1 and 2; nothing at
    # step 3, where the last episode that counts of an environment terminates; what began at
    # step 4; what was cut off at step 5
    assert [obs.shape for obs in asked] == [(2, 2)] * 7


def test_asking_changes_nothing_else() -> None:
    silent, asked = Still(), Still()
    without = evaluate(silent, scripted(), 7, 4)
    with_value = evaluate(asked, scripted(), 7, 4, value=lambda obs: obs[..., 0])
    assert silent.seen == asked.seen
    assert without.returns.tolist() == with_value.returns.tolist()
    assert without.lengths.tolist() == with_value.lengths.tolist()
    assert (without.values, without.discounted) == (None, None)
    assert _value_metrics(without) == {}


@pytest.mark.parametrize(
    ("probe", "limit", "expected"),
    [
        ("Constant", None, 1.0),
        ("Delay", None, 0.9),
        ("Endless", None, (1 - 0.9**10) / (1 - 0.9) + 0.9**10 * 20),
        ("Endless", 3, 1 + 0.9 + 0.81 + 0.729 * 20),
    ],
)
def test_probes(probe: str, limit: int | None, expected: float) -> None:
    envs = envs_of(f"rlrun/{probe}-v0", (0, 1, 2), 2, 0.9, max_episode_steps=limit)
    played = evaluate(Still(), envs, 0, 6, value=lambda obs: np.full(obs.shape[:2], 20.0))
    assert played.discounted is not None
    assert played.discounted.ravel().tolist() == pytest.approx([expected] * 18)
    assert _value_metrics(played)["eval/q_bias"].tolist() == pytest.approx([20 - expected] * 3)


def test_the_true_value_has_no_bias() -> None:
    envs = envs_of("rlrun/Endless-v0", (0, 1), 1, 0.9)
    played = evaluate(Still(), envs, 0, 2, value=lambda obs: np.full(obs.shape[:2], 10.0))
    assert _value_metrics(played)["eval/q_bias"].tolist() == pytest.approx([0.0, 0.0])


def test_scaled_rewards_are_compared_with_what_is_learnt_from_them() -> None:
    """Reward 1 for ever is worth 10 at a discount of .9; scaled to .25, 2.5 is learnt."""
    words = ("env=rlrun/Endless-v0", "env.reward_scale=0.25", "gamma=0.9", "seeds=2")
    envs = build.evaluation_envs(*parts_and_env(*words), 1)
    played = evaluate(Still(), envs, 0, 2, value=lambda obs: np.full(obs.shape[:2], 2.5))
    assert _value_metrics(played)["eval/q_bias"].tolist() == pytest.approx([0.0, 0.0])
    assert played.returns.tolist() == [[10.0, 10.0]] * 2


def test_an_infinite_value_is_of_its_seed_alone() -> None:
    def value(obs: Array) -> Array:
        values = np.full(obs.shape[:2], 10.0)
        values[1] = np.inf
        return values

    envs = envs_of("rlrun/Endless-v0", (0, 1, 2), 1, 0.9)
    row = _value_metrics(evaluate(Still(), envs, 0, 1, value=value))
    assert np.isfinite(row["eval/q_bias"]).tolist() == [True, False, True]
    zeros = np.zeros((1, 2))
    opposite = Played(zeros, zeros, np.array([[np.inf, -np.inf]]), zeros)
    assert np.isnan(_value_metrics(opposite)["eval/q_bias"]).all()


WORDS = (
    *SMALL_DQN,
    "seed=703",
    "seeds=2",
    "total_steps=300",
    "log.every=100",
    "eval.every=150",
    "eval.episodes=1",  # so that the length that is logged is that of the episode
    "eval.final_episodes=2",
    "env.max_episode_steps=30",
    "gamma=0.9",
)
TAGS = ("eval/discounted_return", "eval/q_bias")


def rows(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{tag: value for tag, value in line.items() if tag != "time/fps"} for line in lines]


def result(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "result.json").read_text())
    return {k: v for k, v in found.items() if k not in ("wall_seconds", "steps_per_second")}


def test_a_run_logs_what_its_agent_believes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_value, without = tmp_path / "with", tmp_path / "without"
    monkeypatch.setattr(DQN, "value", lambda _, obs: np.full(obs.shape[:2], 4.0))
    for folder in (with_value, without):
        folder.mkdir()
        if folder == without:  # an agent that estimates nothing
            monkeypatch.setattr("rlrun.training.evaluator.value_of", lambda agent: None)
        start_run(settings(*WORDS), folder, "rlrun again")
    evaluations = [row for row in rows(with_value) if "eval/mean_reward" in row]
    assert len(evaluations) == 4
    for row in evaluations:
        length = row["eval/mean_ep_length"]  # CartPole pays 1 for each step
        beyond = 4 * 0.9**30 if length == 30 else 0.0
        got = (1 - 0.9**length) / (1 - 0.9) + beyond
        assert row["eval/discounted_return"] == pytest.approx(got)
        assert row["eval/q_bias"] == pytest.approx(4 - got)
    assert not any(tag in row for row in rows(without) for tag in TAGS)
    others = [{k: v for k, v in row.items() if k not in TAGS} for row in rows(with_value)]
    assert others == rows(without)
    assert result(with_value) == result(without)
    shown = EventAccumulator(str(with_value / "mean")).Reload()
    for tag in TAGS:
        mean = np.mean([row[tag] for row in evaluations if row["step"] == 300])
        assert shown.Scalars(SHOWN_AS.get(tag, tag))[-1].value == pytest.approx(mean, rel=1e-6)
