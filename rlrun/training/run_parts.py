"""The objects that a training run uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlrun.core.signals import Signals
from rlrun.core.types import Agent
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger
from rlrun.terminal.progress import Progress
from rlrun.training.checkpoints import Saver
from rlrun.training.early_stopping import Stopper
from rlrun.training.evaluator import Evaluator
from rlrun.training.experience import Experience
from rlrun.training.failed_seeds import FailedSeeds
from rlrun.training.filming import Filming
from rlrun.training.stopped_seeds import StoppedSeeds


@dataclass
class RunParts:
    """The objects that a training run uses."""

    agent_name: str
    agent: Agent
    env_id: str
    experience: Experience
    seeds: Sequence[int]
    total_steps: int
    log_every: int
    evaluator: Evaluator
    filming: Filming | None
    logger: Logger
    progress: Progress
    folder: RunFolder
    saver: Saver
    signals: Signals
    failed_seeds: FailedSeeds
    stopped_seeds: StoppedSeeds
    stopper: Stopper
    fingerprint: str
    """A digest of the settings, which identifies the checkpoints of this run."""
