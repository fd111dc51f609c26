"""A ring of vector steps: uniform sampling, n-step returns at sample time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.replay.nstep import n_step
from rlrun.types import Array, Batch, Draws, Segment, Spec, State, Step

FIELDS = ("obs", "action", "reward", "discount", "next_obs", "last")
SEGMENT = 2**20  # bytes of one seed in a piece that a checkpoint writes once ...
MOST_SEGMENTS = 256  # ... or more, where there would be more pieces than this


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
        self._time = 0  # steps ever added; step t lies in the slot t % slots
        # Independent of the stack, so that a seed's state does not depend on its neighbours.
        size = bytes_of(spec, self._envs)
        self._segment = max(1, SEGMENT // size, self._slots // MOST_SEGMENTS)
        grid = (seeds, self._slots, self._envs)
        try:
            self._data: dict[str, Array] = {  # zeros are only backed by memory once written
                name: np.zeros((*grid, *shape), kind)
                for name, (kind, shape) in zip(FIELDS, _layout(spec), strict=True)
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
        return min(self._time, self._slots) * self._envs

    def add(self, t: Step) -> None:
        """Store one vector step in the place of the oldest."""
        cursor = self._time % self._slots
        for name in FIELDS:
            self._data[name][:, cursor] = getattr(t, name)
        self._time += 1

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
        newest = (self._time - 1) % self._slots
        stop = self._take("last", place) | (window == newest)
        returns, discounts, reach = n_step(
            self._take("reward", place), self._take("discount", place), stop
        )
        return returns, discounts, np.take_along_axis(place, reach[..., None], -1)[..., 0]

    def check_valid(self) -> tuple[bool, str]:
        """Whether what must always hold does, and if not, what fails."""
        if self._time < 0:
            return False, f"{self._time} steps were added"
        if any(array[:, self._time :].any() for array in self._data.values()):
            return False, "a slot that was never written is not zero"
        return True, ""

    def state_dict(self) -> State:
        """What is stored, in pieces of fixed bounds on the axis of time.

        The pieces that are complete will not change until they are forgotten as a whole; what is
        left at either end is given apart.
        """
        oldest = max(0, self._time - self._slots)
        first = -(-oldest // self._segment) * self._segment
        stop = max(first, self._time // self._segment * self._segment)
        bounds = range(first, stop, self._segment)
        return {
            "time": self._time,
            "segments": {str(t): Segment(self._piece(t, t + self._segment)) for t in bounds},
            "head": self._piece(oldest, min(first, self._time)),
            "tail": self._piece(stop, max(stop, self._time)),
            "draws": self._draws.state_dict(),
        }

    def _piece(self, start: int, stop: int) -> dict[str, Array]:
        """The steps from ``start`` to before ``stop``, ``[seed, time, env, ...]``."""
        low, count = start % self._slots, stop - start
        if low + count <= self._slots:
            return {name: array[:, low : low + count] for name, array in self._data.items()}
        places = np.arange(start, stop) % self._slots
        return {name: array[:, places] for name, array in self._data.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._time = int(state["time"])
        oldest = max(0, self._time - self._slots)
        starts = sorted(map(int, state["segments"]))
        head = len(state["head"]["last"][0])
        pieces = [
            (oldest, state["head"]),
            *((start, state["segments"][str(start)]) for start in starts),
            (starts[-1] + self._segment if starts else oldest + head, state["tail"]),
        ]
        if sum(len(piece["last"][0]) for _, piece in pieces) != min(self._time, self._slots):
            raise ValueError("the replay has not as many steps as it says")
        for start, piece in pieces:
            places = np.arange(start, start + len(piece["last"][0])) % self._slots
            for name, array in self._data.items():
                saved = piece[name]
                if saved.shape != (len(array), len(places), *array.shape[2:]):
                    raise ValueError(f"the replay's {name} are of the shape {saved.shape}")
                array[:, places] = saved
        self._draws.load_state_dict(state["draws"])


def bytes_of(spec: Spec, envs: int) -> int:
    """What one transition of each of so many environments takes."""
    return envs * sum(np.dtype(kind).itemsize * math.prod(shape) for kind, shape in _layout(spec))


def _layout(spec: Spec) -> list[tuple[str, tuple[int, ...]]]:
    """Type and shape of each of ``FIELDS``, of one transition."""
    obs, action = (spec.obs.dtype, spec.obs.shape), (spec.action.dtype, spec.action.shape)
    return [obs, action, ("float32", ()), ("float32", ()), obs, ("bool", ())]
