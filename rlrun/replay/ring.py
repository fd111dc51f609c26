"""The replay buffer: a ring of vector steps.

Returns of n steps are computed at sample time; checkpoints share its unchanged segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Array, Batch, Segment, Spec, State, Step
from rlrun.replay.bonuses import Bonus, bonuses
from rlrun.replay.frames import Frames
from rlrun.replay.layout import check_names
from rlrun.replay.nstep import n_step, up_to_stop
from rlrun.replay.observations import Observations, PlainObservations, take
from rlrun.replay.sampling import Sampler
from rlrun.replay.sizes import (
    FIELDS,
    MEMORY,
    OPTIONAL,
    transition_layout,
    vector_step_bytes,
    window_of,
)

SEGMENT = 2**20  # bytes per seed in a segment that checkpoints write once ...
MAX_SEGMENTS = 256  # ... or more, if there were more segments than this


class Replay:
    """The newest ``capacity`` transitions of each seed.

    Arrays are ``[seed, time, env, ...]``: one vector step is one slot for all seeds, with one
    cursor. A sampled ``index`` is a place of the window: a (slot, env) within a seed.

    Args:
        spec: the specification of the environments, for the shapes of what is stored.
        num_seeds: number of seeds.
        sampler: how transitions are drawn.
        capacity: transitions per seed, at least one per environment.
        memory: numbers in the memory of an agent that is stored too; None if it has none.

    Raises:
        ValueError: ``capacity`` is too small, or too large for the memory.
    """

    def __init__(
        self,
        spec: Spec,
        num_seeds: int,
        sampler: Sampler,
        *,
        capacity: int,
        memory: int | None = None,
    ) -> None:
        self._window = window = window_of(spec, capacity)
        # Independent of the stack, so that a seed's state does not depend on its neighbours.
        segment = SEGMENT // vector_step_bytes(spec, memory)
        self._segment = max(1, segment, window.slots // MAX_SEGMENTS)
        grid = (num_seeds, window.length, window.envs)
        self._sampler = sampler
        try:
            self._data: dict[str, Array] = {  # zeros are only backed by memory once written
                name: np.zeros((*grid, *shape), kind)
                for name, (kind, shape) in transition_layout(spec, memory).items()
            }
            sampler.open(num_seeds, window)
        except (MemoryError, ValueError) as error:  # ValueError: numpy cannot index so many
            raise ValueError(
                f"capacity must be smaller: {capacity} transitions of {num_seeds} seeds do not fit "
                "into this machine's memory"
            ) from error
        self._observations: Observations = (
            Frames(spec.obs, num_seeds, window, self._data)
            if spec.obs.has_frames
            else PlainObservations(window, self._data)
        )
        self._flat = {
            name: array.reshape(-1, *array.shape[3:])
            for name, array in self._data.items()
            if name in (*FIELDS, *MEMORY)
        }
        self._optional = [name for name in OPTIONAL if name in self._data]
        # the first row of each seed
        self._first = np.arange(num_seeds)[:, None] * (window.length * window.envs)

    def __len__(self) -> int:
        """The number of transitions that can be sampled, per seed."""
        return len(self._window)

    @property
    def added(self) -> int:
        """The number of transitions ever added per seed, including overwritten ones."""
        return self._window.time * self._window.envs

    def add(self, t: Step) -> None:
        """Store one vector step; a full ring overwrites its oldest one."""
        cursor = self._window.time % self._window.length
        self._observations.add(t)
        for name in self._flat:
            self._data[name][:, cursor] = getattr(t, name)
        self._window.time += 1

    def cut(self) -> None:
        """End the newest step's episodes: the next step does not follow it."""
        if self._window.time:
            newest = (self._window.time - 1) % self._window.length
            self._observations.end(newest)
            self._data["last"][:, newest] = True

    def sample(self, size: int, n_step: int = 1, *, step: int, bonus: Bonus | None = None) -> Batch:
        """Draw ``size`` transitions per seed, with replacement, at ``step`` of the run.

        ``n_step`` is the n of the n-step return. The return ends early at the end of an episode,
        bootstrapping as that step does (not at all if it terminated), and at the newest step
        stored. ``next_obs`` and ``next_legal`` are those of its last step. A ``bonus`` is computed
        now, and added to each of its rewards.
        """
        index, weight = self._sampler.sample(size, step)
        row = index + self._first
        if n_step == 1:
            reward, discount, end = self._take("reward", row), self._take("discount", row), row
            if bonus is not None:
                reward = reward + bonuses(bonus, self._observations, self._flat, row)
        else:
            reward, discount, end = self._n_step(index, n_step, bonus)
        obs, next_obs = self._observations.pair(row, end)
        batch = Batch(obs, self._take("action", row), reward, discount, next_obs, weight, index)
        if not self._optional:
            return batch
        rows = {name: end if name == "next_legal" else row for name in self._optional}
        return batch._replace(**{name: self._take(name, each) for name, each in rows.items()})

    def update(self, index: Array, priority: Array) -> None:
        """Set the priorities ``[seed, batch]`` of the last sample: the magnitude of its errors."""
        self._sampler.update(index, priority)

    def priorities(self) -> Array | None:
        """Return the priorities ``[seed, n]`` of sampleable transitions; None if uniform."""
        return self._sampler.priorities()

    def _take(self, name: str, row: Array) -> Array:
        return take(self._flat[name], row)

    def _n_step(self, index: Array, steps: int, bonus: Bonus | None) -> tuple[Array, Array, Array]:
        """Return the returns, discounts and rows of the last steps, each ``[seed, batch]``.

        With several agents each has its own returns and discounts, ``[seed, batch, agent]``.
        """
        length, envs = self._window.length, self._window.envs
        slot, env = np.divmod(index, envs)
        slots = (slot[..., None] + np.arange(steps)) % length  # [seed, batch, n]
        row = slots * envs + env[..., None] + self._first[..., None]
        newest = (self._window.time - 1) % length
        stop = self._take("last", row) | (slots == newest)
        reward = self._take("reward", row)  # [seed, batch, n], with several agents a further axis
        if bonus is not None:  # beyond the stop there may be no transition
            within = up_to_stop(row, stop)
            reward = reward + bonuses(bonus, self._observations, self._flat, within)
        # n is the last axis
        reward, discount = reward.swapaxes(2, -1), self._take("discount", row).swapaxes(2, -1)
        for_all = stop if reward.ndim == stop.ndim else stop[:, :, None]
        returns, discounts, reach = n_step(reward, discount, for_all)
        reach = reach.reshape(*index.shape, 1)
        return returns, discounts, np.take_along_axis(row, reach, -1)[..., 0]

    def check_valid(self) -> tuple[bool, str]:
        """Return whether the invariants hold, and if not, which one is violated."""
        if self._window.time < 0:
            return False, f"{self._window.time} steps were added"
        written = self._window.time + min(self._window.spare, 1)
        for name, array in self._data.items():
            # the last slots hold the frames from before the first step
            before = self._window.spare - 1 if name == "frame" else 0
            if array[:, written : self._window.length - before].any():
                return False, "a slot that was never written is not zero"
        for part in (self._observations, self._sampler):
            valid, reason = part.check_valid()
            if not valid:
                return valid, reason
        return True, ""

    def state_dict(self) -> State:
        """Return the contents in segments with fixed bounds on the time axis.

        A complete segment does not change until it is dropped as a whole. The partial segments at
        the ends are separate (``head`` and ``tail``); the tail has the newest step, which a `cut`
        can change.
        """
        time, oldest = self._window.time, self._window.oldest
        first = -(-oldest // self._segment) * self._segment
        stop = max(first, (time - 1) // self._segment * self._segment)
        bounds = range(first, stop, self._segment)
        return {
            "time": time,
            "segments": {str(t): Segment(self._piece(t, t + self._segment)) for t in bounds},
            "head": self._piece(oldest, min(first, time)),
            "tail": self._piece(stop, max(stop, time)),
            "observations": self._observations.state_dict(),
            "sampler": self._sampler.state_dict(),
        }

    def _piece(self, start: int, stop: int) -> dict[str, Array]:
        """Return the steps ``start`` to ``stop - 1``, ``[seed, time, env, ...]``."""
        spans = self._window.spans(start, stop)
        if len(spans) == 1:
            return {name: array[:, spans[0]] for name, array in self._data.items()}
        return {
            name: np.concatenate([array[:, span] for span in spans], axis=1)
            for name, array in self._data.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.fill(state)
        self._sampler.load_state_dict(state["sampler"])

    def fill(self, state: Mapping[str, Any]) -> None:
        """Restore the transitions of a saved replay, which are new to the sampler."""
        self._window.time = int(state["time"])
        oldest = self._window.oldest
        starts = sorted(map(int, state["segments"]))
        head = len(state["head"]["last"][0])
        pieces = [
            (oldest, state["head"]),
            *((start, state["segments"][str(start)]) for start in starts),
            (starts[-1] + self._segment if starts else oldest + head, state["tail"]),
        ]
        if sum(len(piece["last"][0]) for _, piece in pieces) != self._window.time - oldest:
            raise ValueError("the replay's segments do not have as many steps as its time requires")
        for start, piece in pieces:
            self._write(start, piece)
        self._observations.load_state_dict(state["observations"])

    def _write(self, start: int, piece: Mapping[str, Array]) -> None:
        """Write a segment whose first step is ``start``."""
        check_names("replay", piece, self._data)
        count = len(piece["last"][0])
        places = np.arange(start, start + count) % self._window.length
        for name, array in self._data.items():
            saved = piece[name]
            required = (len(array), count, *array.shape[2:])
            if saved.shape != required:
                raise ValueError(
                    f"the replay's {name} is of shape {saved.shape}, but must be of {required}"
                )
            array[:, places] = saved
