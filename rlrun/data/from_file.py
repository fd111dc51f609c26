"""The transitions of recorded episodes in a file, as data to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Spec, Step
from rlrun.data.demonstrations import read
from rlrun.envs.settings import EnvSettings
from rlrun.replay.demonstrations import Demonstration
from rlrun.replay.ring import Replay


class FileData:
    """The transitions of all episodes in a file: every seed learns from all of them."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises BadInput if it has no episodes."""
        self._file = read(path, "data")
        self._discount: Number = 1.0

    def lay_out(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a run with the capacity that the file needs."""
        env = {**settings["env"], "num_envs": 1}
        replay = {**settings["replay"], "capacity": self._file.steps}
        return {**settings, "env": env, "replay": replay}

    def check(self, env: EnvSettings, discount: Number, spec: Spec) -> None:
        """Raise BadInput unless a run with this environment and gamma can learn from the file.

        Files do not depend on gamma: they say which states were final.
        """
        self._file.check(env, spec)
        self._discount = discount

    def fill(self, replay: Replay, seeds: Sequence[int]) -> None:
        """Put the transitions into an empty replay of these seed numbers, after `check`."""
        for episode in self._file.episodes:
            for t in self._steps(episode, len(seeds)):
                replay.add(t)

    def _steps(self, episode: Demonstration, num_seeds: int) -> list[Step]:
        """Return the steps of an episode, ``[seed, 1, ...]``, the same for all seeds."""

        def grid(value: Any) -> Array:
            return np.broadcast_to(value, (num_seeds, 1, *np.shape(value)))

        length = len(episode.action)
        discount = np.broadcast_to(column(self._discount, 2), (num_seeds, 1))
        following = [*episode.obs[1:], episode.last_obs]
        legal: Any = [None] * length if episode.legal is None else episode.legal
        next_legal = [*legal[1:], episode.last_legal]
        return [
            Step(
                obs=grid(episode.obs[n]),
                action=grid(episode.action[n]),
                reward=grid(episode.reward[n]),
                discount=discount * (n < length - 1 or not episode.final),
                next_obs=grid(following[n]),
                last=grid(n == length - 1),
                legal=None if legal[n] is None else grid(legal[n]),
                next_legal=None if next_legal[n] is None else grid(next_legal[n]),
            )
            for n in range(length)
        ]
