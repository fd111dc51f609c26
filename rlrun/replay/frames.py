"""Images that are stacks of frames, with every frame kept once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.types import Array, Space, State, Step
from rlrun.replay.observations import Layout, take
from rlrun.replay.window import Window

SHORT = 100  # steps: episodes are reckoned to be this long at least, when memory is estimated


class Frames:
    """Keeps the newest frame of each observation; the older ones are those of earlier slots.

    What a step leads to is written into the next slot at once, so that the newest step has its
    ``next_obs``; where the episode ended, the next episode's first frame takes that slot, and the
    frame that was the last stays in ``_ends``. A window for this has ``stack`` spare slots: for
    the older frames of the oldest step (stack - 1), and for what the newest one leads to. The first
    step may come from the middle of an episode: its older frames are in the last slots.

    Args:
        space: ``[stack * channels, height, width]`` (or any shape that begins so); the newest
            frame comes last, and frames from before the episode are zero.
        seeds: how many.
        window: where steps lie.
        data: ``frame [seed, time, env, channels, ...]``, ``age [seed, time, env]`` (how
            many of the older frames there are: the others are from before the episode), ``last``.
    """

    def __init__(
        self, space: Space, num_seeds: int, window: Window, data: Mapping[str, Array]
    ) -> None:
        self._window, self._stack = window, space.stack
        self._frame, self._age, self._last = data["frame"], data["age"], data["last"]
        self._shape = self._frame.shape[3:]
        self._rows = self._frame.reshape(-1, math.prod(self._shape))
        self._ends: list[dict[int, Array]] = [{} for _ in range(num_seeds)]  # place to frame
        # where the frames from before the first step are, until the ring comes round
        self._before = slice(window.length - self._stack + 1, window.length)

    @staticmethod
    def layout(space: Space) -> Layout:
        return {"frame": ("uint8", _frame_shape(space)), "age": ("uint8", ())}

    @staticmethod
    def more_bytes(space: Space, capacity: int) -> int:
        """What the frames take that episodes ended with, beside the arrays of the layout."""
        return capacity // SHORT * (math.prod(_frame_shape(space)) + 200)  # with Python's objects

    def add(self, t: Step) -> None:
        window, channels = self._window, self._shape[0]
        before, now, after = ((window.time + i) % window.length for i in (-1, 0, 1))
        first = self._last[:, before] | (window.time == 0)  # of its episode
        older = np.minimum(self._age[:, before].astype(np.int64) + 1, self._stack - 1)
        self._age[:, now] = older
        if self._stack > 1 and first.any():
            self._begin(t.obs, first, now)
        self._frame[:, now] = t.obs[:, :, -channels:]
        self._forget(after)
        self._frame[:, after] = t.next_obs[:, :, -channels:]
        for seed, env in _places(t.last):
            frame = t.next_obs[seed, env, -channels:].copy()
            self._ends[seed][now * window.envs + env] = frame

    def _begin(self, obs: Array, first: Array, now: int) -> None:
        """Set the age of steps that do not follow a stored one, by the frames that they show.

        Older frames are zero where an episode begins. They are not where the replay began in the
        middle of an episode, nor after a `cut` where an environment continues its episode.
        """
        for seed, env in _places(first):
            frames = obs[seed, env].reshape(self._stack, *self._shape)
            present = np.flatnonzero(frames[:-1].reshape(self._stack - 1, -1).any(1))
            self._age[seed, now, env] = self._stack - 1 - present[0] if len(present) else 0
            if self._window.time == 0:
                self._frame[seed, self._before, env] = frames[:-1]

    def end(self, slot: int) -> None:
        """Keep what the newest step leads to, in the episodes that its slot does not end yet."""
        after = self._window.time % self._window.length
        for seed, env in np.argwhere(~self._last[:, slot]).tolist():
            place = slot * self._window.envs + env
            self._ends[seed][place] = self._frame[seed, after, env].copy()

    def _forget(self, slot: int) -> None:
        """Let the ends go of episodes that ended in a slot whose frame is overwritten."""
        ended = self._last[:, slot]
        for seed, env in _places(ended):
            del self._ends[seed][slot * self._window.envs + env]
        ended[...] = False

    def pair(self, start: Array, end: Array) -> tuple[Array, Array]:
        older = self._stack - 1
        if end is start:  # both are parts of the same frames: a third less is copied
            frames = self._look(start, -older, 1)
            channels = self._shape[0]
            return frames[:, :, :-channels], frames[:, :, channels:]
        return self._look(start, -older, 0), self._look(end, 1 - older, 1)

    def _look(self, row: Array, begin: int, end: int) -> Array:
        """The frames ``[seed, batch, frames * channels, ...]`` around the steps in these rows.

        ``begin`` and ``end`` are the first one and the last, counted from each step's own; 1 is
        what the step leads to.
        """
        window = self._window
        places = window.length * window.envs
        place = row % places
        slot, env = np.divmod(place, window.envs)
        offset = np.arange(begin, end + 1)
        slots = (slot[..., None] + offset) % window.length  # [seed, batch, frame]
        frames = take(self._rows, slots * window.envs + (row - place + env)[..., None])
        missing = -offset > take(self._age.reshape(-1), row)[..., None]
        if missing.any():
            frames[missing] = 0
        if end == 1:
            ended = take(self._last.reshape(-1), row)
            for seed, number in _places(ended):
                frame = self._ends[seed][int(place[seed, number])]
                frames[seed, number, -1] = frame.reshape(-1)
        count = len(offset) * self._shape[0]
        return frames.reshape(*row.shape, count, *self._shape[1:])

    def _ended(self) -> list[list[int]]:
        """The places of each seed where an episode ended, in the order of time."""
        window = self._window
        slots = np.arange(window.oldest, window.time) % window.length
        ended = self._last[:, slots]  # [seed, time, env]
        return [
            (slots[time] * window.envs + env).tolist()
            for time, env in (np.nonzero(seed) for seed in ended)
        ]

    def check_valid(self) -> tuple[bool, str]:
        if [sorted(places) for places in self._ended()] != [sorted(e) for e in self._ends]:
            return False, "not exactly the episodes that ended have a last frame"
        if (self._age >= self._stack).any():
            return False, "an age is larger than there are older frames"
        return True, ""

    def state_dict(self) -> State:
        """The frames that the newest step leads to, ``[seed, env, ...]``, and the ends' frames.

        The latter are a list by seed of ``[end, ...]``, in the order of time. Those from before the
        first step are ``[seed, time, env, ...]``, with no time where they are not needed any more.
        """
        none = np.zeros((0, *self._shape), np.uint8)
        needed = self._window.oldest == 0  # after that the ring has come round to their slots
        return {
            "before": self._frame[:, self._before if needed else slice(0)],
            "next": self._frame[:, self._window.time % self._window.length],
            "ends": [
                np.stack([ends[place] for place in places]) if places else none
                for ends, places in zip(self._ends, self._ended(), strict=True)
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """To be called after the arrays and the window's time are back."""
        after = self._window.time % self._window.length
        if state["next"].shape != self._frame[:, after].shape:
            raise ValueError(f"the replay's newest frames are of the shape {state['next'].shape}")
        self._frame[:, after] = state["next"]
        before = state.get("before")  # not there in checkpoints of 0.1.0
        if self._window.oldest == 0 and before is not None:
            if before.shape != self._frame[:, self._before].shape:
                raise ValueError(f"the replay's first frames are of the shape {before.shape}")
            self._frame[:, self._before] = before
        self._last[:, after] = False
        ended = self._ended()
        shapes = [(len(places), *self._shape) for places in ended]
        if [frames.shape for frames in state["ends"]] != shapes:
            raise ValueError("the replay has not the last frame of every episode that ended")
        self._ends = [
            {place: frame.copy() for place, frame in zip(places, frames, strict=True)}
            for places, frames in zip(ended, state["ends"], strict=True)
        ]


def _frame_shape(space: Space) -> tuple[int, ...]:
    return (space.shape[0] // space.stack, *space.shape[1:])


def _places(flags: Array) -> list[list[int]]:
    """The indices of the flags that are set."""
    return np.argwhere(flags).tolist() if flags.any() else []  # mostly none is
