"""Environments of several agents that are small enough to know what every step must give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from gymnasium import spaces

LEAVES, CUT = 3, 6  # steps after which the caller leaves, and after which a meeting is cut off
PLAYERS = ["caller", "walker_0", "walker_1"]


class Meeting:
    """Two walkers look for a place from -2 to 2 that the caller knows, who leaves early.

    The caller observes the place and can be silent (0) or call (1); a walker observes the place of
    both walkers and whether there was a call, and steps down, stays or steps up. All get minus the
    distance of both walkers from the place; it is over when both are there.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012
    possible_agents = PLAYERS

    def __init__(self, render_mode: str | None = None, worth: float = 1.0) -> None:
        self.render_mode, self._worth, self.agents = render_mode, worth, list[str]()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(-9, 9, (1,) if agent == "caller" else (3,))

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(2) if agent == "caller" else spaces.Discrete(3, start=-1)

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        self._place, self._walkers = int(rng.integers(-2, 3)), rng.integers(-2, 3, 2)
        self._call, self._time, self.agents = 0, 0, list(PLAYERS)
        return self._observed(), {agent: {} for agent in PLAYERS}

    def _observed(self) -> dict[str, Any]:
        seen = np.array([*self._walkers, self._call], np.float32)
        all_agents = {"caller": np.array([self._place], np.float32)}
        all_agents |= {"walker_0": seen, "walker_1": seen[[1, 0, 2]]}
        return {agent: all_agents[agent] for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        assert list(actions) == self.agents, "actions of exactly the agents that are there"
        self._time += 1
        self._call = actions.get("caller", 0)
        self._walkers = np.clip(self._walkers + [actions[a] for a in PLAYERS[1:]], -2, 2)
        far = float(np.abs(self._walkers - self._place).sum())
        observed, there = self._observed(), list(self.agents)
        met, late = far == 0, self._time == CUT
        leaves = [agent == "caller" and self._time == LEAVES for agent in there]
        ended = dict.fromkeys(there, met)
        cut = {a: late or leaving for a, leaving in zip(there, leaves, strict=True)}
        self.agents = [a for a in there if not (ended[a] or cut[a])]
        rewards = dict.fromkeys(there, -far * self._worth)
        return observed, rewards, ended, cut, {agent: {} for agent in there}

    def render(self) -> Any:
        picture = np.zeros((16, 32, 3), np.uint8)
        for colour, place in enumerate([self._place, *self._walkers]):
            picture[:, 4 + 6 * (place + 2) : 8 + 6 * (place + 2), colour] = 255
        return picture

    def close(self) -> None:
        self.agents = []


class Pulling:
    """Two agents pull one weight on a line to 0, with forces of different bounds and number."""

    metadata: dict[str, Any] = {}  # noqa: RUF012
    possible_agents = ["left", "right"]  # noqa: RUF012

    def __init__(self, steps: int = 5) -> None:
        self._steps, self.agents, self.forces = steps, list[str](), dict[str, Any]()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(-9, 9, (2,))

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(-2, 0, (1,)) if agent == "left" else spaces.Box(0.0, 1.0, (2,))

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        self._weight, self._time = float(np.random.default_rng(seed).uniform(-1, 1)), 0
        self.agents = list(self.possible_agents)
        return self._observed(), {}

    def _observed(self) -> dict[str, Any]:
        return dict.fromkeys(self.possible_agents, np.array([self._weight, self._time], np.float32))

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        self.forces = actions
        self._weight += float(actions["left"][0]) + float(actions["right"].sum())
        self._weight, self._time = float(np.clip(self._weight, -5, 5)), self._time + 1
        rewards = dict.fromkeys(self.agents, -abs(self._weight))
        ends = dict.fromkeys(self.agents, False)
        cuts = dict.fromkeys(self.agents, self._time == self._steps)
        observed = self._observed()
        self.agents = [] if self._time == self._steps else self.agents
        return observed, rewards, ends, cuts, {}

    def close(self) -> None:
        pass


meeting = SimpleNamespace(parallel_env=Meeting)
pulling = SimpleNamespace(parallel_env=Pulling)
