"""The seeds of a run that were given up, because their numbers were not finite any more."""

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
    """Takes failed seeds out of a run, which continues with the others.

    What a seed had learnt stays as it is, where the agent can leave a seed alone (``freeze``).
    """

    def __init__(
        self, seeds: Sequence[int], agent: Agent, folder: RunFolder, progress: Progress
    ) -> None:
        self._seeds, self._agent, self._folder, self._progress = seeds, agent, folder, progress
        self.why: dict[int, str] = {}
        """By position in the stack."""

    def give_up(self, step: int, faults: Mapping[int, str], where: str = "") -> None:
        """Give up the seeds with ``faults``, by position, and say why.

        Raises RunFailed where no seed is left.
        """
        for position in sorted(faults.keys() - self.why.keys()):
            seed, what = self._seeds[position], faults[position]
            sentence = f"step {step}: seed {seed} is given up{where}: {what}"
            self._freeze(position, sentence)
            self._folder.log(sentence)
            self._progress.message(f"rlrun: {sentence}")
        if len(self.why) == len(self._seeds):
            raise RunFailed(f"no seed is left: {next(iter(faults.values()))}")

    def restore(self, saved: Mapping[str, Any]) -> None:
        """The seeds that a checkpoint says were given up."""
        for position, why in saved.items():
            self._freeze(int(position), str(why))

    def state_dict(self) -> dict[str, str]:
        return {str(position): why for position, why in self.why.items()}

    def without(self, values: Any) -> Any:
        """``values [seed]`` with nan for the seeds that were given up."""
        if not self.why:
            return values
        host = values.numpy(force=True) if hasattr(values, "numpy") else values
        kept = np.array(host, np.float64)
        kept[list(self.why)] = np.nan
        return kept

    def _freeze(self, position: int, why: str) -> None:
        self.why[position] = why
        if isinstance(self._agent, CanFreeze):
            self._agent.freeze(position)
