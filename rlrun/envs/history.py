"""The actions of the current episodes, which a resumed run replays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import numpy as np

from rlrun.core.types import Array

TRIM = 8192  # actions; if more are stored, those that no current episode needs are dropped
NEVER = 2**62  # a time that no run reaches


class ActionHistory:
    """The actions in every environment since its episode began, up to a limit.

    Args:
        num_envs: the number of environments.
        limit: the most actions of an episode that are kept, 0 for none: an episode that never
            ends would exhaust the memory. A longer episode is overlong: it cannot be replayed.
    """

    def __init__(self, num_envs: int, limit: int) -> None:
        self._limit = limit
        self._begun = np.zeros(num_envs, np.int64)  # when each episode began
        self._next_look = 0  # before this time no current episode can be overlong
        self.restart()

    def restart(self) -> None:
        """Clear all actions; every environment begins an episode."""
        self.load((), np.zeros_like(self._begun))

    def add(self, action: Array) -> int | None:
        """Store ``action [env, ...]``.

        Returns an environment whose episode has become overlong, but only for the first such
        episode since the restart; None otherwise.
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
        """Begin another episode in these environments."""
        for env in envs:
            self._begun[env] = self._time
        if len(self._actions) > TRIM:
            needed = self._time - int(self._begun.min())
            while len(self._actions) > needed:
                self._actions.popleft()

    def saved(self) -> tuple[list[Array], Array]:
        """Return, for `load`, the actions since the start of the oldest episode not overlong.

        The second array, ``begun [env]``, is the index of the first action of each environment's
        episode, -1 if the episode is overlong.
        """
        age = self._time - self._begun
        complete = age <= len(self._actions)
        oldest = int(age[complete].max(initial=0))
        actions = list(islice(self._actions, len(self._actions) - oldest, None))
        return actions, np.where(complete, oldest - age, -1)

    def load(self, actions: Iterable[Array], begun: Array) -> None:
        """Restore what `saved` returned; where an episode was overlong a new one begins now."""
        actions = list(actions)
        self._actions: deque[Array] = deque(actions, maxlen=self._limit)
        self._time = len(actions)  # steps since the first of these actions
        self._begun[:] = np.where(begun < 0, self._time, begun)
        self._next_look = 0
