"""Storage of frame stacks that keeps each frame only once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Array, Space, State, Step
from rlrun.replay.layout import Layout
from rlrun.replay.observations import take
from rlrun.replay.window import Window

MIN_EPISODE = 100  # steps: the shortest mean episode that the memory estimate allows for


class Frames:
    """Stores the newest frame of each observation; the older ones are in earlier slots.

    The next frame of a step is written into the next slot at once, so that the newest step has its
    ``next_obs``. If the episode ended, the next episode's first frame overwrites that slot, and the
    last frame of the episode is kept in ``_ends``. The window needs ``stack`` spare slots:
    stack - 1 for the older frames of the oldest step, and one for the next frame of the newest. The
    first step may come from the middle of an episode: its older frames are in the last slots.

    Args:
        space: ``[stack * channels, height, width]`` (or any shape with that first axis); the
            newest frame comes last, and frames from before the episode are zero.
        num_seeds: number of seeds.
        window: the positions of steps.
        data: ``frame [seed, time, env, channels, ...]``, ``age [seed, time, env]`` (the number of
            older frames that belong to the episode; the others are read as zero), ``last``.
    """

    def __init__(
        self, space: Space, num_seeds: int, window: Window, data: Mapping[str, Array]
    ) -> None:
        self._window, self._stack = window, space.stack
        self._frame, self._age, self._last = data["frame"], data["age"], data["last"]
        self._shape = self._frame.shape[3:]
        self._rows = self._frame.reshape(-1, math.prod(self._shape))
        self._ends: list[dict[int, Array]] = [{} for _ in range(num_seeds)]  # place to frame
        # slots of the frames from before the first step, until the ring wraps around
        self._before = slice(window.length - self._stack + 1, window.length)

    @staticmethod
    def layout(space: Space) -> Layout:
        return {"frame": ("uint8", _frame_shape(space)), "age": ("uint8", ())}

    @staticmethod
    def more_bytes(space: Space, capacity: int) -> int:
        """Return the bytes for the last frames of episodes, in addition to the layout's arrays."""
        frame = math.prod(_frame_shape(space)) + 200  # with the Python objects
        return capacity // MIN_EPISODE * frame

    def add(self, t: Step) -> None:
        window, channels = self._window, self._shape[0]
        before, now, after = ((window.time + i) % window.length for i in (-1, 0, 1))
        first = self._last[:, before] | (window.time == 0)  # of its episode
        older = np.minimum(self._age[:, before].astype(np.int64) + 1, self._stack - 1)
        self._age[:, now] = older
        if self._stack > 1 and first.any():
            self._start(t.obs, first, now)
        self._frame[:, now] = t.obs[:, :, -channels:]
        self._forget(after)
        self._frame[:, after] = t.next_obs[:, :, -channels:]
        for seed, env in _places(t.last):
            frame = t.next_obs[seed, env, -channels:].copy()
            self._ends[seed][now * window.envs + env] = frame

    def _start(self, obs: Array, first: Array, now: int) -> None:
        """Set the age of steps that do not follow a stored one, from the frames they show.

        Older frames are zero if an episode begins. They are not if the replay began in the middle
        of an episode, or if an environment continues its episode after a `cut`.
        """
        for seed, env in _places(first):
            frames = obs[seed, env].reshape(self._stack, *self._shape)
            present = np.flatnonzero(frames[:-1].reshape(self._stack - 1, -1).any(1))
            self._age[seed, now, env] = self._stack - 1 - present[0] if len(present) else 0
            if self._window.time == 0:
                self._frame[seed, self._before, env] = frames[:-1]

    def end(self, slot: int) -> None:
        """Keep the next frames of the newest step, where its slot does not end an episode yet."""
        after = self._window.time % self._window.length
        for seed, env in np.argwhere(~self._last[:, slot]).tolist():
            place = slot * self._window.envs + env
            self._ends[seed][place] = self._frame[seed, after, env].copy()

    def _forget(self, slot: int) -> None:
        """Drop the last frames of episodes that ended in a slot about to be overwritten."""
        ended = self._last[:, slot]
        for seed, env in _places(ended):
            del self._ends[seed][slot * self._window.envs + env]
        ended[...] = False

    def pair(self, start: Array, end: Array) -> tuple[Array, Array]:
        older = self._stack - 1
        if end is start:  # both are slices of the same frames: copies a third less
            frames = self._frames_around(start, -older, 1)
            channels = self._shape[0]
            return frames[:, :, :-channels], frames[:, :, channels:]
        return self._frames_around(start, -older, 0), self._frames_around(end, 1 - older, 1)

    def _frames_around(self, row: Array, begin: int, end: int) -> Array:
        """Return the frames ``[seed, batch, frames * channels, ...]`` around the steps in ``row``.

        ``begin`` and ``end`` are the first and last frame, as offsets from the step's own; 1 is the
        step's next frame.
        """
        window = self._window
        places = window.length * window.envs
        place = row % places
        slot, env = np.divmod(place, window.envs)
        offset = np.arange(begin, end + 1)
        slots = (slot[..., None] + offset) % window.length  # [seed, batch, frame]
        frames = take(self._rows, slots * window.envs + (row - place + env)[..., None])
        absent = -offset > take(self._age.reshape(-1), row)[..., None]
        if absent.any():
            frames[absent] = 0
        if end == 1:
            ended = take(self._last.reshape(-1), row)
            for seed, number in _places(ended):
                frame = self._ends[seed][int(place[seed, number])]
                frames[seed, number, -1] = frame.reshape(-1)
        count = len(offset) * self._shape[0]
        return frames.reshape(*row.shape, count, *self._shape[1:])

    def _ended(self) -> list[list[int]]:
        """Return the places of each seed where an episode ended, ordered by time."""
        window = self._window
        slots = np.arange(window.oldest, window.time) % window.length
        ended = self._last[:, slots]  # [seed, time, env]
        return [
            (slots[time] * window.envs + env).tolist()
            for time, env in (np.nonzero(seed) for seed in ended)
        ]

    def check_valid(self) -> tuple[bool, str]:
        if [sorted(places) for places in self._ended()] != [sorted(e) for e in self._ends]:
            return False, "the last frames are not exactly those of the episodes that ended"
        if (self._age >= self._stack).any():
            return False, "an age is larger than the number of older frames"
        return True, ""

    def state_dict(self) -> State:
        """Return the frames that are not part of the replay's arrays.

        Keys: ``next``, the next frames of the newest step ``[seed, env, ...]``; ``ends``, a list by
        seed of the episodes' last frames ``[end, ...]``, ordered by time; ``before``, the frames
        from before the first step ``[seed, time, env, ...]``, empty once they are not needed.
        """
        empty = np.zeros((0, *self._shape), np.uint8)
        needed = self._window.oldest == 0  # afterwards the ring has wrapped around to their slots
        return {
            "before": self._frame[:, self._before if needed else slice(0)],
            "next": self._frame[:, self._window.time % self._window.length],
            "ends": [
                np.stack([ends[place] for place in places]) if places else empty
                for ends, places in zip(self._ends, self._ended(), strict=True)
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state. Call this after restoring the arrays and the window's time."""
        after = self._window.time % self._window.length
        if state["next"].shape != self._frame[:, after].shape:
            raise ValueError(
                f"the replay's newest frames are of shape {state['next'].shape}, but must be of "
                f"{self._frame[:, after].shape}"
            )
        self._frame[:, after] = state["next"]
        before = state.get("before")  # missing in checkpoints of 0.1.0
        if self._window.oldest == 0 and before is not None:
            if before.shape != self._frame[:, self._before].shape:
                raise ValueError(
                    f"the replay's first frames are of shape {before.shape}, but must be of "
                    f"{self._frame[:, self._before].shape}"
                )
            self._frame[:, self._before] = before
        self._last[:, after] = False
        ended = self._ended()
        shapes = [(len(places), *self._shape) for places in ended]
        if [frames.shape for frames in state["ends"]] != shapes:
            raise ValueError("the replay lacks the last frame of every episode that ended")
        self._ends = [
            {place: frame.copy() for place, frame in zip(places, frames, strict=True)}
            for places, frames in zip(ended, state["ends"], strict=True)
        ]


def _frame_shape(space: Space) -> tuple[int, ...]:
    return (space.shape[0] // space.stack, *space.shape[1:])


def _places(flags: Array) -> list[list[int]]:
    """Return the indices of the flags that are set."""
    return np.argwhere(flags).tolist() if flags.any() else []  # usually none are set
