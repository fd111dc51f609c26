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

from rlrun.cli.config import paths
from rlrun.cli.config.hydra_api import job_error
from rlrun.cli.validation import check, claim
from rlrun.core.errors import BadInput

if TYPE_CHECKING:
    from rlrun.cli.multirun.prepare import Sweep
    from rlrun.cli.multirun.search import Searched


class Refused(SystemExit):
    """The command ends here; its cause, if any, is the exception still to be explained."""


class Hooks(Callback):
    """Hydra's callbacks of this program (`hydra.callbacks.rlrun` in conf/config.yaml).

    Args:
        resuming: the folder of the sweep that `rlrun resume` continues; None for anything new.
    """

    def __init__(self, resuming: str | None = None) -> None:
        self._resuming = None if resuming is None else Path(resuming)
        self.sweep: Sweep | Searched | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Before a single run."""
        with _refusing():
            check(config, dict(config.hydra.runtime.choices), list(config.hydra.overrides.task))
            config.hydra.run.dir = str(claim(config, "run"))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job of a multirun."""
        from rlrun.cli.multirun.prepare import prepare_sweep
        from rlrun.cli.multirun.search import prepare_search

        with _refusing():
            search = config.hydra.runtime.choices.get("hydra/sweeper") == "optuna"
            self.sweep = (prepare_search if search else prepare_sweep)(config, self._resuming)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Say which job begins; nothing else tells the jobs of a multirun apart."""
        if config.hydra.mode == RunMode.MULTIRUN and self.sweep is not None:
            print(self.sweep.title(str(config.hydra.sweep.subdir)), flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Hand on what ended a single run; the ledger has what ended a job of a multirun."""
        error = job_error(job_return)
        if job_return.status is JobStatus.FAILED and config.hydra.mode != RunMode.MULTIRUN:
            if isinstance(error, BadInput):
                paths.discard(Path(config.hydra.run.dir))
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
