"""The actions of the episodes under way, from which a resumed run plays them again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import numpy as np

from rlrun.core.types import Array

TRIM = 8192  # actions that no episode under way needs are dropped only where there are more
NEVER = 2**62  # a time that no run reaches


class ActionHistory:
    """What every environment has done since its episode began, if that is not too much.

    Args:
        num_envs: how many environments.
        limit: the most actions of an episode that are kept, 0 for none: an episode that never
            ends would fill the memory. A longer one is overlong: it cannot be played again.
    """

    def __init__(self, num_envs: int, limit: int) -> None:
        self._limit = limit
        self._begun = np.zeros(num_envs, np.int64)  # when each episode began
        self._next_look = 0  # until then no episode under way can be overlong
        self.restart()

    def restart(self) -> None:
        """Every environment begins an episode, and nothing has been done."""
        self.load((), np.zeros_like(self._begun))

    def add(self, action: Array) -> int | None:
        """Keep ``action [env, ...]``.

        Returns an environment whose episode is overlong, for the first such episode since the
        restart alone; None otherwise.
        """
        self._time += 1
        if self._limit:
            self._actions.append(action.copy())
        if self._time <= self._next_look:
            return None
        oldest = int(self._begun.argmin())
        overlong = self._time - int(self._begun[oldest]) > self._limit
        self._next_look = NEVER if overlong else int(self._begun[oldest]) + self._limit
        return oldest if overlong else None

    def begin(self, envs: Iterable[int]) -> None:
        """These environments begin another episode."""
        for env in envs:
            self._begun[env] = self._time
        if len(self._actions) > TRIM:
            needed = self._time - int(self._begun.min())
            while len(self._actions) > needed:
                self._actions.popleft()

    def saved(self) -> tuple[list[Array], Array]:
        """The actions since the oldest episode that is not overlong began, for `load`.

        With ``begun [env]``: which of them was the first of each environment's episode, -1 where
        that is overlong.
        """
        age = self._time - self._begun
        whole = age <= len(self._actions)
        oldest = int(age[whole].max(initial=0))
        actions = list(islice(self._actions, len(self._actions) - oldest, None))
        return actions, np.where(whole, oldest - age, -1)

    def load(self, actions: Iterable[Array], begun: Array) -> None:
        """Put back what was `saved`; where an episode was overlong another one begins now."""
        actions = list(actions)
        self._actions: deque[Array] = deque(actions, maxlen=self._limit)
        self._time = len(actions)  # the environments' steps since the first of these actions
        self._begun[:] = np.where(begun < 0, self._time, begun)
        self._next_look = 0
