"""Guards the calls to environments: names the one that fails or hangs, and unusable numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.faults import Place, refused
from rlrun.envs.parallel.array_grid import ArrayAgentGrid
from rlrun.envs.parallel.grid import ParallelGrid
from rlrun.envs.vector.factory import Grid
from rlrun.envs.vector.sync import EnvFault, EnvOptions
from rlrun.envs.watchdog import Watchdog


class Guard:
    """Turns what goes wrong in a ``[seed, env]`` grid into sentences about one environment.

    Calls to the environments are made within ``with guard:``.

    Args:
        vector: the environments.
        env_id: their id.
        seeds: the seed numbers.
        length: returns the steps of the current episodes, ``[seed, env]``.
        options: the options of the environments.
    """

    def __init__(
        self,
        vector: Grid | ArrayAgentGrid | ParallelGrid,
        env_id: str,
        seeds: Sequence[int],
        length: Callable[[], Array],
        options: EnvOptions,
    ) -> None:
        self._vector, self._env_id, self._seeds, self._length = vector, env_id, seeds, length
        # asynchronous environments have their own time limit
        seconds = None if options.vector == "async" else options.timeout
        self._watch = Watchdog(seconds, self._hanging, options.on_hang)
        self.faults: dict[int, str] = {}
        """Sentences about numbers that cannot be learnt from, by the seed's position."""

    def __enter__(self) -> None:
        """Limit the time of a call to the environments."""
        self._watch.since = monotonic()

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        """End the call; raise an error that names an environment that failed."""
        self._watch.since = 0.0
        if isinstance(error, EnvFault):
            raise self.place(error.place).failed(error) from error.error

    def _hanging(self) -> str:
        """Return the sentence about the environment that does not respond."""
        return self.place(getattr(self._vector, "at", 0)).hangs()

    def place(self, number: int) -> Place:
        """Return the place of an environment, given its number in the grid."""
        length = self._length()
        s, e = divmod(number, length.shape[1])
        return Place(self._env_id, e, self._seeds[s], int(length[s, e]))

    def exclude(self, wrong: Array, values: Array, what: str, raw: Array | None = None) -> None:
        """Record a fault for seeds with ``wrong [seed, env, ...]`` values, and set these to 0.

        At 0 they cannot affect other seeds. ``raw`` are the environments' own numbers, if they
        differ from ``values``.
        """
        grid = wrong.shape[:2]
        for s, e in np.argwhere(wrong.reshape(*grid, -1).any(-1)).tolist():
            number, why = (values if raw is None else raw)[s, e, ...][wrong[s, e]].flat[0], ""
            if raw is not None and not isinstance(self._vector, ArrayAgentGrid | ParallelGrid):
                number, why = refused(self._vector, s * grid[1] + e, number)
            self.faults.setdefault(s, self.place(s * grid[1] + e).wrong(what, number, why))
        values[wrong] = 0

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()
