"""The intrinsic reward of an agent: a bonus added to the rewards that it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Array, Metrics, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.replay.rollout import Rollout


class IntrinsicReward:
    """Adds the bonus of a curiosity to the rewards of an agent; without one it changes nothing.

    Args:
        curiosity: what computes the bonus; None for no bonus.
        faults: the agent's faults, to which those of the curiosity are added.
        unscaled: an empty rollout for the steps as observed, if the agent's own one has scaled
            observations or rewards.
    """

    def __init__(
        self, curiosity: Curiosity | None, faults: dict[int, str], unscaled: Rollout | None = None
    ) -> None:
        self._curiosity, self._faults, self._unscaled = curiosity, faults, unscaled
        self.metrics: Metrics = {}
        """Values ``[seed]`` of the latest transitions: the mean bonus, and the curiosity's own."""
        self.bonus: Callable[[Step], Array] | None = None if curiosity is None else self._bonus
        """Returns the bonus of transitions, and learns from them; None if there is no bonus."""
        self.stream = None if curiosity is None else curiosity.stream
        """Discount factor of the values of bonuses; None if they are added to rewards."""

    def observe(self, t: Step) -> None:
        """Process one vector step, whose observations are unscaled."""
        if self._curiosity is not None:
            self._curiosity.observe(t)
            if self._unscaled is not None:
                self._unscaled.add(t)

    def step(self, t: Step) -> Step:
        """Process one vector step; return it with the bonus added to its rewards."""
        if self._curiosity is None:
            return t
        self._curiosity.observe(t)
        return t._replace(reward=t.reward + self._bonus(t))

    def rollout(self, t: Step) -> Array | None:
        """Return the bonuses ``[seed, time, env]`` of a full rollout, all of which was observed.

        None if there is no bonus.
        """
        if self._curiosity is None:
            return None
        return self._bonus(t if self._unscaled is None else self._unscaled.drain())

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        if self._unscaled is not None:
            self._unscaled.cut()

    def _bonus(self, t: Step) -> Array:
        assert self._curiosity is not None
        bonus = self._curiosity.bonus(t)
        mean = np.ascontiguousarray(bonus).reshape(len(bonus), -1).mean(-1)
        self.metrics = {"train/bonus": mean, **self._curiosity.learn(t)}
        if faults := self._curiosity.faults:
            self._faults.update({**faults, **self._faults})  # the agent's first reason remains
            bonus = bonus.copy()
            bonus[list(faults)] = 0.0  # these seeds have failed: keep it out of their tables
        return bonus

    def freeze(self, position: int) -> None:
        """Freeze the curiosity of a seed, permanently."""
        if self._curiosity is not None:
            self._curiosity.freeze(position)

    def state_dict(self) -> State:
        """Return the state; {} if there is no bonus."""
        if self._curiosity is None:
            return {}
        unscaled = {} if self._unscaled is None else {"unscaled": self._unscaled.state_dict()}
        return {**unscaled, "own": self._curiosity.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of an agent's key ``curiosity``, which older runs do not have."""
        if self._curiosity is not None:
            self._curiosity.load_state_dict(state["own"])
            if self._unscaled is not None:
                self._unscaled.load_state_dict(state["unscaled"])
