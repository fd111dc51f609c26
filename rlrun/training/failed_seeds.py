"""The failed seeds of a run: those with numbers that are not finite, or outside their space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.abilities import CanFreeze
from rlrun.core.errors import RunFailed
from rlrun.core.types import Agent
from rlrun.run_folder.folder import RunFolder
from rlrun.terminal.progress import Progress


class FailedSeeds:
    """Excludes failed seeds from a run, which continues with the others.

    The weights of a failed seed stay unchanged if the agent can ``freeze`` a seed.
    """

    def __init__(
        self, seeds: Sequence[int], agent: Agent, folder: RunFolder, progress: Progress
    ) -> None:
        self._seeds, self._agent, self._folder, self._progress = seeds, agent, folder, progress
        self.reasons: dict[int, str] = {}
        """Why each of them failed, by position in the stack."""

    def add(self, step: int, faults: Mapping[int, str], where: str = "") -> None:
        """Add the seeds with ``faults``, by position, and report why they failed.

        ``where`` follows "failed" in the report. Raises RunFailed if all seeds have failed.
        """
        for position in sorted(faults.keys() - self.reasons.keys()):
            seed, fault = self._seeds[position], faults[position]
            sentence = f"step {step}: seed {seed} failed{where}: {fault}"
            self._freeze(position, sentence)
            self._folder.log(sentence)
            self._progress.message(f"rlrun: {sentence}")
        if len(self.reasons) == len(self._seeds):
            raise RunFailed(f"all seeds have failed: {next(iter(faults.values()))}")

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Restore the failed seeds recorded in a checkpoint."""
        for position, reason in saved.items():
            self._freeze(int(position), str(reason))

    def state_dict(self) -> dict[str, str]:
        return {str(position): reason for position, reason in self.reasons.items()}

    def without(self, values: Any) -> Any:
        """Return ``values [seed]`` with NaN for the failed seeds."""
        if not self.reasons:
            return values
        host = values.numpy(force=True) if hasattr(values, "numpy") else values
        masked = np.array(host, np.float64)
        masked[list(self.reasons)] = np.nan
        return masked

    def _freeze(self, position: int, reason: str) -> None:
        self.reasons[position] = reason
        if isinstance(self._agent, CanFreeze):
            self._agent.freeze(position)
