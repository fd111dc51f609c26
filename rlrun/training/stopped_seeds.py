"""The seeds of a run whose training has ended after their ``stop.episodes`` episodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.checkpoint.files import CheckpointError
from rlrun.core.abilities import CanFreeze
from rlrun.core.errors import BadInput
from rlrun.core.types import Agent, Array
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.reader import RecordedRun
from rlrun.training.early_stopping import Stop, StopSettings
from rlrun.training.episodes import EpisodeCounter


class StoppedSeeds:
    """Ends the training of each seed after its number of episodes; the others continue.

    What the agent has learnt for a stopped seed stays unchanged. A stopped seed has the same
    policy, bit for bit, as in a run of that seed alone, which ends at that step.
    """

    def __init__(
        self, settings: StopSettings, seeds: Sequence[int], agent: Agent, folder: RunFolder
    ) -> None:
        self.settings = settings
        self._seeds, self._agent, self._folder = seeds, agent, folder
        self.steps: dict[int, int] = {}
        """The step at which each of them stopped, by position in the stack."""

    def update(self, step: int, counter: EpisodeCounter, failed: Collection[int]) -> Stop | None:
        """Stop the seeds that have had enough episodes; return why the run ends, if it does.

        The run ends when all seeds have stopped, apart from those that ``failed``.
        """
        limit = self.settings.episodes
        if limit is None:
            return None
        episodes = counter.counts
        for position in np.flatnonzero(episodes >= limit).tolist():
            if position not in self.steps and position not in failed:
                self._add(position, step)
                seed, count = self._seeds[position], int(episodes[position])
                self._folder.log(f"step {step}: seed {seed} stops after {count:,} episodes")
        if not self.steps or len(self.steps.keys() | set(failed)) < len(self._seeds):
            return None
        return Stop("episodes", f"every seed has had stop.episodes={limit:,} episodes")

    def earliest(self, step: int, counter: EpisodeCounter, failed: Collection[int]) -> list[int]:
        """Return the step before which no further seed can stop, as a list; [] if none can ever."""
        limit = self.settings.episodes
        if limit is None:
            return []
        training = np.ones(len(self._seeds), np.bool_)
        training[[*self.steps, *failed]] = False
        left = limit - counter.counts[training]
        return [step + max(1, int(left.min()))] if left.size else []

    def at(self, step: int) -> list[int]:
        """Return the positions of the seeds that stopped at this step."""
        return [position for position, stopped in self.steps.items() if stopped == step]

    def without(self, values: Any, step: int) -> Any:
        """Return ``values [seed, ...]`` with NaN for the seeds that stopped before this step."""
        before = [position for position, stopped in self.steps.items() if stopped < step]
        if not before:
            return values
        host = values.numpy(force=True) if hasattr(values, "numpy") else values
        masked = np.array(host, np.float64)
        masked[before] = np.nan
        return masked

    def fact(self) -> str:
        """Return how many seeds have stopped, for the progress; "" if none has, or there is one."""
        if not self.steps or len(self._seeds) == 1:
            return ""
        return f"{len(self.steps)} of {len(self._seeds)} seeds have stopped"

    def unfinished(self, failed: Collection[int]) -> str:
        """Return a sentence on seeds that had too few episodes when the run ended; "" if none."""
        limit, count = self.settings.episodes, len(self._seeds)
        left = count - len(self.steps.keys() | set(failed))
        if limit is None or not left:
            return ""
        few = "its seed" if count == 1 else f"{left} of {count} seeds"
        return (
            f"the run ends before {few} had stop.episodes={limit:,} episodes: a larger total_steps "
            "gives them the time"
        )

    def result(self) -> dict[str, Any]:
        """Return the entry of ``result.json``; {} if seeds do not stop."""
        if self.settings.episodes is None:
            return {}
        return {"stopped_at": [self.steps.get(position) for position in range(len(self._seeds))]}

    def state_dict(self) -> dict[str, int]:
        return {str(position): step for position, step in self.steps.items()}

    def restore(self, saved: Mapping[str, Any], step: int, episodes: Array | None) -> None:
        """Restore the seeds that had stopped before ``step``, that of the checkpoint.

        ``episodes [seed]`` are the numbers of their episodes; None if they are not known. A seed
        that stopped at that very step is stopped again by `update`, unless the limit was raised.
        Raises CheckpointError if a seed that had stopped would have to continue.
        """
        limit = self.settings.episodes
        if episodes is None:
            if limit is not None:
                raise CheckpointError(
                    "stop.episodes cannot be set: the run is of an earlier version, which did not "
                    "count the episodes of its seeds: write stop.episodes=null."
                )
            return
        for position, stopped in ((int(key), int(value)) for key, value in saved.items()):
            if stopped == step:
                continue  # nothing has happened since
            if limit is None or episodes[position] < limit:
                raise CheckpointError(
                    f"seed {self._seeds[position]} stopped at step {stopped:,} after "
                    f"{episodes[position]:,} episodes, and cannot continue: write "
                    f"stop.episodes={episodes[position]}."
                )
            self._add(position, stopped)

    def _add(self, position: int, step: int) -> None:
        self.steps[position] = step
        assert isinstance(self._agent, CanFreeze)  # which the settings' check has made sure of
        self._agent.freeze(position)


def stopped_before(run: RecordedRun) -> list[int]:
    """Return the seeds of a finished run that stopped before it ended, and so cannot continue."""
    result = run.result or {}
    steps = result.get("stopped_at") or [None] * len(run.seeds)
    return [
        seed
        for seed, step in zip(run.seeds, steps, strict=True)
        if step is not None and step < result["steps"]
    ]


def check_limit(run: RecordedRun, limit: int | None) -> None:
    """Raise BadInput if seeds that have stopped would continue with this ``stop.episodes``."""
    stopped, before = stopped_before(run), run.settings.get("stop", {}).get("episodes")
    if stopped and (limit is None or limit > before):
        seeds = ", ".join(map(str, stopped))
        raise BadInput(
            f"stop.episodes cannot be raised from {before}: seeds that have stopped cannot "
            f"continue, since the others trained on without them ({seeds})."
        )
