"""Hydra's callbacks around a run: check everything, claim the folder, report failures.

Hydra creates a run's folder after these calls, so bad input leaves nothing behind. Hydra treats an
exception in a callback as a warning only, so errors that must end the command are SystemExit.
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

from rlrun.cli.config import paths
from rlrun.cli.config.hydra_api import job_error
from rlrun.cli.validation import check, claim
from rlrun.core.errors import BadInput

if TYPE_CHECKING:
    from rlrun.cli.multirun.prepare import Sweep
    from rlrun.cli.multirun.search import SearchRun


class Refused(SystemExit):
    """Ends the command; its cause, if any, is the exception that is still to be explained."""


class Hooks(Callback):
    """The callbacks that Hydra calls (`hydra.callbacks.rlrun` in conf/config.yaml).

    Args:
        resuming: the folder of the sweep that `rlrun resume` resumes; None for anything new.
    """

    def __init__(self, resuming: str | None = None) -> None:
        self._resuming = None if resuming is None else Path(resuming)
        self.sweep: Sweep | SearchRun | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the settings of a single run and claim its folder."""
        with _refusing():
            check(config, dict(config.hydra.runtime.choices), list(config.hydra.overrides.task))
            config.hydra.run.dir = str(claim(config, "run"))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check all jobs of a multirun and claim its folder, before the first job starts."""
        from rlrun.cli.multirun.prepare import prepare_sweep
        from rlrun.cli.multirun.search import prepare_search

        with _refusing():
            search = config.hydra.runtime.choices.get("hydra/sweeper") == "optuna"
            self.sweep = (prepare_search if search else prepare_sweep)(config, self._resuming)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Print which job begins: nothing else in the output separates the jobs of a multirun."""
        if config.hydra.mode == RunMode.MULTIRUN and self.sweep is not None:
            print(self.sweep.title(str(config.hydra.sweep.subdir)), flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Raise what ended a single run; for a job of a multirun it is in the ledger."""
        error = job_error(job_return)
        if job_return.status is JobStatus.FAILED and config.hydra.mode != RunMode.MULTIRUN:
            if isinstance(error, BadInput):
                paths.discard(Path(config.hydra.run.dir))
            raise Refused(1) from error

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # as Hydra's
        """Print the results and the failed jobs; end with exit code 1 if any job is not done."""
        if self.sweep is not None and not self.sweep.report():
            raise Refused(1)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Turn any exception of a check into Refused, which ends the command."""
    try:
        yield
    except Exception as error:
        raise Refused(2) from error
