"""What Hydra calls around a run: check everything, then claim the folder, and report failures.

Hydra makes the folder of a run after these calls, so bad input leaves nothing behind. To Hydra an
exception in a callback is only a warning: what must end the command is raised as SystemExit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from rlrun.cli import folders
from rlrun.cli.checking import check, claim
from rlrun.errors import BadInput

if TYPE_CHECKING:
    from rlrun.cli.searching import Searched
    from rlrun.cli.sweeps import Sweep


class Refused(SystemExit):
    """The command ends here; its cause, if any, is the exception still to be explained."""


class Hooks(Callback):
    """Hydra's callbacks of this program (`hydra.callbacks.rlrun` in conf/config.yaml)."""

    def __init__(self) -> None:
        self.sweep: Sweep | Searched | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Before a single run."""
        with _refusing():
            check(config, dict(config.hydra.runtime.choices), list(config.hydra.overrides.task))
            config.hydra.run.dir = str(claim(config, "run"))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job of a multirun."""
        from rlrun.cli import searching, sweeps

        with _refusing():
            search = config.hydra.runtime.choices.get("hydra/sweeper") == "optuna"
            self.sweep = searching.prepare(config) if search else sweeps.prepare(config)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Say which job begins; nothing else tells the jobs of a multirun apart."""
        if config.hydra.mode == RunMode.MULTIRUN and self.sweep is not None:
            print(self.sweep.title(str(config.hydra.sweep.subdir)), flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Hand on what ended a single run; the ledger has what ended a job of a multirun."""
        error = job_return._return_value
        if job_return.status is JobStatus.FAILED and config.hydra.mode != RunMode.MULTIRUN:
            if isinstance(error, BadInput):
                folders.discard(Path(config.hydra.run.dir))
            raise Refused(1) from error

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # as Hydra's
        """What came out, the list of what failed, and the exit code."""
        if self.sweep is not None and not self.sweep.report():
            raise Refused(1)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Whatever goes wrong in a check ends the command."""
    try:
        yield
    except Exception as error:
        raise Refused(2) from error
