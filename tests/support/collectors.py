"""Three agents that collect in one environment, one of which leaves early; and their learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Numbers, Purpose, Streams
from rlrun.core.types import Array, Metrics, Space, SpaceKinds, Spec, State, Step
from rlrun.replay.options import UniformReplaySettings
from rlrun.replay.ring import Replay

SEEDS = (3, 5, 8)
STEPS = 60  # of each seed, in two environments
NAMES = ("ant", "bee", "cat")
WORTH = np.array([1.0, 10.0, 100.0])  # of what each of them collects in one step
LEAVES = 2  # the bee, after so many steps


def spec_of(num_envs: int) -> Spec:
    one = Space("vector", (2,)), Space("discrete", (), (2,))
    return Spec("Collectors", *one, num_envs, agents=NAMES)


def luck_of(purpose: Purpose, seed: int, env: int, episode: int) -> int:
    """The luck of an episode, 0 to 3."""
    return Numbers(purpose)(seed, env, episode) % 4


class Collectors:
    """Collecting (1, not 0) in a step gives an agent its worth plus the luck of the episode.

    Episodes of even luck terminate after 4 steps, the others are truncated after 3. Each agent
    observes the steps so far and the luck, and zeros once it has left.
    """

    def __init__(self, seeds: Sequence[int], num_envs: int, purpose: Purpose) -> None:
        self.spec, self.per_seed = spec_of(num_envs), num_envs
        self.faults: dict[int, str] = {}
        self.inexact: list[str] = []
        self.legal: Array | None = None
        self._seeds, self._purpose = tuple(seeds), purpose
        self.restart()

    def restart(self) -> None:
        grid = (len(self._seeds), self.per_seed)
        self._episode, self._time = np.zeros((2, *grid), np.int64)
        self._return = np.zeros((*grid, len(NAMES)))
        self._begin()

    def _begin(self) -> None:
        luck = [
            [luck_of(self._purpose, seed, env, int(number)) for env, number in enumerate(numbers)]
            for seed, numbers in zip(self._seeds, self._episode, strict=True)
        ]
        self._luck = np.array(luck)
        self.obs: Array = self._observed(self._time)

    def _observed(self, time: Array) -> Array:
        each = np.stack([time, self._luck], -1).astype(np.float32)
        return np.where(_alive(time)[..., None], each[:, :, None], np.float32(0))

    def step(self, action: Array) -> Step:
        obs, alive = self.obs, _alive(self._time)
        gain = WORTH + self._luck[..., None]
        reward = np.where(alive & (action == 1), gain, 0.0)
        self._return = self._return + reward
        self._time = self._time + 1
        even = self._luck % 2 == 0
        last = self._time == np.where(even, 4, 3)
        continues = _alive(self._time) & ~(last & even)[..., None]
        next_obs = self._observed(self._time)
        score = np.where(last[..., None], self._return, 0.0)
        length = np.where(last, self._time, 0)
        self._return[last], self._time[last] = 0.0, 0
        self._episode = self._episode + last
        self._begin()
        discount = np.where(continues, 0.5, 0.0)
        return Step(obs, action, reward, discount, next_obs, last, score, length, alive=alive)

    def state_dict(self) -> State:
        return {"episode": self._episode, "time": self._time, "return": self._return.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        self._episode, self._time = state["episode"].copy(), state["time"].copy()
        restore_into(self._return, state["return"], "the returns")
        self._begin()
        return []

    def close(self) -> None:
        pass


def _alive(time: Array) -> Array:
    always = np.ones_like(time, np.bool_)
    return np.stack([always, time < LEAVES, always], -1)


class Averages:
    """Learns the mean 2-step return of each agent's actions, and takes the best; half at random."""

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)
    several_agents: ClassVar[bool] = True

    def __init__(self, seeds: Sequence[int], replay: Replay) -> None:
        self._sum, self._count = np.zeros((2, len(seeds), len(NAMES), 2))
        self._draws, self._replay = Streams(seeds, Purpose.EXPLORE), replay

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        means = self._sum / np.maximum(self._count, 1.0)
        best: Array = means.argmax(-1)[:, None].repeat(obs.shape[1], 1)  # [seed, env, agent]
        if not explore:
            return best
        draw = self._draws.uniform(best[0].size).reshape(best.shape)
        return np.where(draw < 0.5, (draw * 4).astype(np.int64), best)

    def value(self, obs: Array) -> Array:
        raise AssertionError("the values of several agents are not compared")

    def learn(self, t: Step, step: int) -> Metrics:
        self._replay.add(t)
        batch = self._replay.sample(4, 2, step=step)
        seed, agent = np.indices(batch.alive.shape)[[0, 2]]
        where = seed, agent, batch.action
        np.add.at(self._sum, where, np.where(batch.alive, batch.reward, 0.0))
        np.add.at(self._count, where, batch.alive)
        return {"train/q_mean": self._sum.reshape(len(self._sum), -1).sum(-1)}

    def state_dict(self) -> State:
        return {
            "policy": {"sum": self._sum, "count": self._count},
            "draws": self._draws.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._sum, state["policy"]["sum"], "the sums")
        restore_into(self._count, state["policy"]["count"], "the numbers")
        self._draws.load_state_dict(state["draws"])
        self._replay.load_state_dict(state["replay"])


class Collecting:
    """All agents collect in every step, whoever is still there."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        return np.ones(obs.shape[:3], np.int64)


def whole_episode(luck: int) -> tuple[list[float], int]:
    """What ant, bee and cat get who always collect, and the length: 4 or 3 steps, the bee's 2."""
    length = 4 if luck % 2 == 0 else 3
    return [length * (1.0 + luck), 2 * (10.0 + luck), length * (100.0 + luck)], length


def replay_of(seeds: tuple[int, ...]) -> Any:
    """A replay for `Averages`, of 20 steps in two environments."""
    return UniformReplaySettings(capacity=40).build(spec_of(2), seeds, STEPS)
