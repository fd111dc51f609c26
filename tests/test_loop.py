"""The loop: who is called when, and what an evaluation counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.types import Array, Metrics, SpaceKinds, State, Step
from rlrun.envs.gym_envs import GymEnvs
from rlrun.loop import evaluate, interact


class Taped(gym.Env[Array, Any]):
    """Writes what is done to it on a tape; its episodes have these lengths in turn."""

    def __init__(self, tape: list[str], lengths: Mapping[int, int]) -> None:
        self.observation_space = spaces.Box(0, 1e6, (1,), np.float32)
        self.action_space = spaces.Discrete(9)
        self.tape, self.lengths, self.episodes, self.time = tape, lengths, 0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.length = self.lengths[self.episodes % len(self.lengths)]
        self.episodes, self.time = self.episodes + 1, 0
        self.tape.append("reset")
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.time += 1
        self.tape.append(f"step {action}")
        return np.full(1, self.time, np.float32), 1.0, self.time == self.length, False, {}


class Teller:
    """An agent that writes on the same tape."""

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)

    def __init__(self, tape: list[str]) -> None:
        self.tape = tape

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        self.tape.append(f"act at {step} on {obs[0, 0, 0]:.0f}{'' if explore else ' greedily'}")
        return np.full(obs.shape[:2], 7)

    def learn(self, t: Step, step: int) -> Metrics:
        self.tape.append(f"learn at {step}: {t.obs[0, 0, 0]:.0f} to {t.next_obs[0, 0, 0]:.0f}")
        return {"train/loss": np.array([step])} if step > 1 else {}

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


def test_the_order_of_calls() -> None:
    tape: list[str] = []
    envs = GymEnvs(lambda: Taped(tape, {0: 2}), "taped", [0], 1, gamma=1.0)
    results = []
    for step, t, metrics in interact(Teller(tape), envs):
        results.append((step, float(t.reward[0, 0]), bool(t.last[0, 0]), list(metrics)))
        if step == 3:
            break
    assert tape == [
        "reset",
        *("act at 0 on 0", "step 7", "learn at 1: 0 to 1"),
        *("act at 1 on 1", "step 7", "reset", "learn at 2: 1 to 2"),
        *("act at 2 on 0", "step 7", "learn at 3: 0 to 1"),
    ]
    assert results == [
        (1, 1.0, False, []),
        (2, 1.0, True, ["train/loss"]),
        (3, 1.0, False, ["train/loss"]),
    ]


def test_the_clock_counts_steps_of_a_seed() -> None:
    envs = GymEnvs(lambda: Taped([], {0: 3}), "taped", [0, 1], 4, gamma=1.0)
    steps = [next_[0] for next_, _ in zip(interact(Teller([]), envs), range(3), strict=False)]
    assert steps == [4, 8, 12]


def test_each_environment_plays_the_same_number_of_whole_episodes() -> None:
    """Taking the first to finish would see nearly only the short ones."""
    made: list[Taped] = []

    def make() -> Taped:
        made.append(Taped([], {0: 2, 1: 3} if len(made) % 2 == 0 else {0: 40, 1: 50}))
        return made[-1]

    envs = GymEnvs(make, "taped", [0, 1], 2, gamma=1.0)
    returns, lengths = evaluate(Teller([]), envs, 0, 4)[:2]
    assert [sorted(r) for r in returns.tolist()] == [[2, 3, 40, 50]] * 2
    assert returns.tolist() == lengths.tolist()


def test_episodes_that_cannot_be_shared_are_refused() -> None:
    envs = GymEnvs(lambda: Taped([], {0: 2}), "taped", [0], 3, gamma=1.0)
    with pytest.raises(ValueError, match="10 episodes cannot be divided evenly among 3"):
        evaluate(Teller([]), envs, 0, 10)
