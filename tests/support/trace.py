"""An agent with a memory, as another package has it, and an environment that needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.fields import Fraction, PerRow, Positive
from rlrun.core.restore import restore_into
from rlrun.core.rows import column
from rlrun.core.types import Array, Metrics, SpaceKinds, Spec, State, Step
from rlrun.explore.policies import Explore


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """The settings of `Trace`."""

    decay: PerRow[Fraction] = 0.8
    """Share of the trace that a step keeps."""
    lr: PerRow[Positive] = 0.5
    """Step size."""


class Trace:
    """Learns rewards as linear functions of an exponential trace of the observations."""

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)
    settings_class: ClassVar[type[TraceSettings]] = TraceSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], explore: Explore, settings: TraceSettings
    ) -> None:
        self._explore, self._shape = explore, spec.obs.shape
        self._decay, self._lr = column(settings.decay, 3), column(settings.lr, 3)
        self._weights = np.zeros((len(seeds), spec.action.choices[0], *spec.obs.shape))

    def initial_memory(self, num_envs: int) -> Array:
        return np.zeros((len(self._weights), num_envs, *self._shape))

    def act(
        self, obs: Array, step: int, memory: Array, first: Array, *, explore: bool = True
    ) -> tuple[Array, Array]:
        """Actions ``[seed, env]`` and traces ``[seed, env, number]``."""
        trace = self._trace(obs, memory, first)
        values = self._rewards(trace)
        action = self._explore(step, lambda: values) if explore else values.argmax(-1)
        return action, trace

    def _trace(self, obs: Array, memory: Array, first: Array) -> Array:
        """The trace with these observations; it is 0 before an episode."""
        before = np.where(first[..., None], 0.0, memory)
        trace: Array = before + (1 - self._decay) * (obs - before)
        return trace

    def _rewards(self, trace: Array) -> Array:
        """The expected reward of each action, ``[seed, env, action]``."""
        expected: Array = (self._weights[:, None] * trace[:, :, None]).sum(-1)
        return expected

    def value(self, obs: Array) -> Array:
        raise NotImplementedError("without its memory the agent has no estimate")

    def learn(self, t: Step, step: int) -> Metrics:
        assert t.memory is not None and t.first is not None
        self._explore.observe(t.last)
        trace = self._trace(t.obs, t.memory, t.first)
        rows = np.arange(len(trace))[:, None]
        expected = np.take_along_axis(self._rewards(trace), t.action[..., None], -1)
        error = t.reward[..., None] - expected  # [seed, env, 1]
        np.add.at(self._weights, (rows, t.action), self._lr * error * trace)
        return {"train/loss": (error[..., 0] ** 2).mean(-1)}

    def state_dict(self) -> State:
        return {"policy": {"weights": self._weights}, "explore": self._explore.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._weights, state["policy"]["weights"], "the weights")
        self._explore.load_state_dict(state["explore"])


class Cue(gym.Env[Array, Any]):
    """Shows 1 or -1 as an episode begins, then 0; 3 to 8 times it pays 1 for the action that fits.

    Action 1 fits the 1, action 0 the -1; the other action pays -1.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._cue, self._left = (int(self.np_random.integers(low, high)) for low, high in DRAWS)
        return np.array([2 * self._cue - 1], np.float32), {}

    def step(self, action: Any) -> Any:
        self._left -= 1
        reward = 1.0 if action == self._cue else -1.0
        return np.zeros(1, np.float32), reward, self._left == 0, False, {}

    def render(self) -> Any:
        return np.full((32, 32, 3), 30 * self._left, np.uint8)


DRAWS = ((0, 2), (3, 9))  # from, to: of the cue, and of the length of an episode
gym.register("Cue-v0", "tests.support.trace:Cue")

YAML = """\
defaults:
  - _self_
  - override /replay@_global_.replay: none
name: trace
decay: 0.8
lr: 0.5
"""


def install(folder: Path) -> Path:
    """What `pip install` leaves of a package with this agent; its YAML is in ``folder/conf``.

    Returns the folder that must be on Python's path.
    """
    (folder / "conf" / "agent").mkdir(parents=True)
    (folder / "conf" / "agent" / "trace.yaml").write_text(YAML)
    info = folder / "site" / "trace-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trace\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rlrun.agents]\ntrace = tests.support.trace:Trace\n")
    return info.parent
