"""A ring of vector steps: uniform sampling, n-step returns at sample time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.replay.nstep import n_step
from rlrun.types import Array, Batch, Draws, Spec, State, Step

FIELDS = ("obs", "action", "reward", "discount", "next_obs", "last")


class Replay:
    """The newest ``capacity`` transitions of each seed.

    Arrays are ``[seed, time, env, ...]``: one vector step is one slot for all seeds, with one
    cursor, because every seed has taken the same number of steps. A sampled ``index`` counts
    (time, env) within a seed.

    Args:
        spec: shapes of what is stored.
        draws: one stream of random numbers per seed.
        seeds: how many.
        capacity: transitions per seed, at least one per environment.

    Raises:
        ValueError: ``capacity`` is too small.
    """

    def __init__(self, spec: Spec, draws: Draws, seeds: int, *, capacity: int) -> None:
        if capacity < spec.num_envs:
            raise ValueError(
                f"capacity must be at least {spec.num_envs} (a transition of each environment "
                f"of a seed), got {capacity}"
            )
        self._draws = draws
        self._envs = spec.num_envs
        self._slots = capacity // spec.num_envs
        self._cursor = 0  # where the next step goes
        self._filled = 0
        grid = (seeds, self._slots, self._envs)
        obs, obs_type = (*grid, *spec.obs.shape), spec.obs.dtype
        action = (*grid, *spec.action.shape)
        try:
            self._data: dict[str, Array] = {  # zeros are only backed by memory once written
                "obs": np.zeros(obs, obs_type),
                "action": np.zeros(action, spec.action.dtype),
                "reward": np.zeros(grid, np.float32),
                "discount": np.zeros(grid, np.float32),
                "next_obs": np.zeros(obs, obs_type),
                "last": np.zeros(grid, np.bool_),
            }
        except (MemoryError, ValueError) as error:  # numpy's ValueError: more than can be counted
            raise ValueError(
                f"capacity must be smaller: {capacity} transitions of {seeds} seeds do not fit "
                "into this machine's memory"
            ) from error
        self._flat = {k: a.reshape(-1, *a.shape[3:]) for k, a in self._data.items()}
        self._first = np.arange(seeds)[:, None] * (self._slots * self._envs)  # of each seed

    def __len__(self) -> int:
        """Transitions stored per seed."""
        return self._filled * self._envs

    def add(self, t: Step) -> None:
        """Store one vector step in the place of the oldest."""
        for name in FIELDS:
            self._data[name][:, self._cursor] = getattr(t, name)
        self._cursor = (self._cursor + 1) % self._slots
        self._filled = min(self._filled + 1, self._slots)

    def sample(self, size: int, steps: int = 1) -> Batch:
        """``size`` transitions per seed, drawn uniformly with replacement.

        ``steps`` is the n of the n-step return. It ends early at the end of an episode, where the
        bootstrap is that step's own (0 if it terminated), and at the newest step stored.
        """
        index = (self._draws.uniform(size) * len(self)).astype(np.int64)
        place = index + self._first
        if steps == 1:
            reward, discount = self._take("reward", place), self._take("discount", place)
            end = place
        else:
            reward, discount, end = self._n_step(index, steps)
        return Batch(
            self._take("obs", place),
            self._take("action", place),
            reward,
            discount,
            self._take("next_obs", end),
            None,
            index,
        )

    def update(self, index: Array, priority: Array) -> None:
        """Uniform sampling has no priorities."""

    def _take(self, name: str, place: Array) -> Array:
        # "clip" skips numpy's check of every index; all are in range by construction
        return np.take(self._flat[name], place, axis=0, mode="clip")

    def _n_step(self, index: Array, steps: int) -> tuple[Array, Array, Array]:
        """Returns, discounts and the place of the last step, each ``[seed, batch]``."""
        time, env = np.divmod(index, self._envs)
        window = (time[..., None] + np.arange(steps)) % self._slots  # [seed, batch, n]
        place = window * self._envs + env[..., None] + self._first[..., None]
        newest = (self._cursor - 1) % self._slots
        stop = self._take("last", place) | (window == newest)
        returns, discounts, reach = n_step(
            self._take("reward", place), self._take("discount", place), stop
        )
        return returns, discounts, np.take_along_axis(place, reach[..., None], -1)[..., 0]

    def check_valid(self) -> tuple[bool, str]:
        """Whether what must always hold does, and if not, what fails."""
        if not 0 <= self._cursor < self._slots:
            return False, f"cursor {self._cursor} outside of {self._slots} slots"
        if self._filled < self._slots and self._cursor != self._filled:
            return False, f"{self._filled} filled slots, but the cursor is at {self._cursor}"
        if any(array[:, self._filled :].any() for array in self._data.values()):
            return False, "a slot that was never written is not zero"
        return True, ""

    def state_dict(self) -> State:
        data = {name: array[:, : self._filled] for name, array in self._data.items()}
        return {"data": data, "cursor": self._cursor, "draws": self._draws.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._cursor = state["cursor"]
        self._filled = state["data"]["last"].shape[1]
        for name, array in self._data.items():
            array[:, : self._filled] = state["data"][name]
        self._draws.load_state_dict(state["draws"])
