"""The episodes of the steps in a ring: where each of them begins and ends."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.replay.observations import take
from rlrun.replay.window import Window

UNFINISHED = np.iinfo(np.int64).max
SPAN_BYTES = 16
"""Bytes that one step of one environment takes."""


class Spans:
    """The first step of each stored step's episode, and the step after its last one.

    Steps have numbers that count from the first one ever added. Nothing is saved, since the marks
    of the last steps, ``last [seed, slot, env]``, give the same.

    Args:
        num_seeds: number of seeds.
        window: the positions of steps, without spare slots.
    """

    def __init__(self, num_seeds: int, window: Window) -> None:
        self._window = window
        self._begin = np.zeros((num_seeds, window.length, window.envs), np.int64)
        self._end = np.zeros_like(self._begin)
        self._now = np.zeros((num_seeds, window.envs), np.int64)  # first steps of the current ones

    def add(self, last: Array) -> None:
        """Add the step that was added to the window; ``last [seed, env]`` ends the episode."""
        newest = (self._window.time - 1) % self._window.length
        self._begin[:, newest], self._end[:, newest] = self._now, UNFINISHED
        self._finish(last)

    def cut(self) -> None:
        """End the episodes of the newest step."""
        self._finish(self._now < self._window.time)

    def _finish(self, ended: Array) -> None:
        time, length = self._window.time, self._window.length
        for s, e in np.argwhere(ended).tolist():
            steps = np.arange(max(int(self._now[s, e]), self._window.oldest), time)
            self._end[s, steps % length, e] = time
            self._now[s, e] = time

    def restore(self, last: Array) -> None:
        """Find the episodes of all stored steps by their marks ``last [seed, slot, env]``."""
        window = self._window
        steps = np.arange(window.oldest, window.time)[:, None]
        slots = steps[:, 0] % window.length
        ended = last[:, slots]  # [seed, time, env]
        end = np.where(ended, steps + 1, UNFINISHED)[:, ::-1]
        self._end[:, slots] = np.minimum.accumulate(end, 1)[:, ::-1]
        begin = np.full_like(ended, window.oldest, np.int64)
        begin[:, 1:] = np.where(ended[:, :-1], steps[1:], window.oldest)
        begin = np.maximum.accumulate(begin, 1)
        self._begin[:, slots] = begin
        if len(steps):
            self._now[...] = np.where(ended[:, -1], window.time, begin[:, -1])

    def of(self, row: Array, place: Array) -> tuple[Array, Array, Array]:
        """Return the numbers of steps, of the first stored steps of their episodes, and the ends.

        Rows and places are ``[seed, batch]``. An end is the number after that of the last step, or
        of the newest one of an unfinished episode.
        """
        window = self._window
        newest = window.time - 1
        step = newest - (newest - place // window.envs) % window.length
        begin = np.maximum(take(self._begin.reshape(-1), row), window.oldest)
        return step, begin, np.minimum(take(self._end.reshape(-1), row), window.time)
