"""What Hydra calls around a run: check everything, then claim the folder, and report failures.

Hydra makes the folder of a run after these calls, so bad input leaves nothing behind. To Hydra an
exception in a callback is only a warning: what must end the command is raised as SystemExit.
"""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from rlrun.cli import folders, jobs, locate
from rlrun.cli.explain import explain, report_crash
from rlrun.errors import BadInput


class Refused(SystemExit):
    """The command ends here; its cause, if any, is the exception still to be explained."""


class Hooks(Callback):
    """Hydra's callbacks of this program (`hydra.callbacks.rlrun` in conf/config.yaml)."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.grid: jobs.Grid | None = None
        self.failed: list[str] = []

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Before a single run."""
        with _refusing():
            self._prepare_run(config)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Before the first job of a multirun."""
        with _refusing():
            self._prepare_multirun(config)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Say which job begins; nothing else tells the jobs of a multirun apart."""
        if config.hydra.mode == RunMode.MULTIRUN and self.grid is not None:
            print(self._title(config), flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Report a failed job of a multirun when it happens, and let the others go on."""
        error = job_return._return_value
        if job_return.status is not JobStatus.FAILED or self.process != os.getpid():
            return  # in another process the launcher hands the error on
        if config.hydra.mode != RunMode.MULTIRUN or self.grid is None:
            if isinstance(error, BadInput):
                folders.discard(Path(config.hydra.run.dir))
            raise Refused(1) from error
        if isinstance(error, BadInput):
            folders.discard(Path(config.hydra.sweep.dir, config.hydra.sweep.subdir))
        report_crash(error)
        self.failed.append(self._title(config))
        job_return.status = JobStatus.COMPLETED  # else the sweeper ends with this one alone
        job_return.return_value = float("nan")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # as Hydra's
        """The list of what failed, and the exit code."""
        if self.failed:
            total = 0 if self.grid is None else len(self.grid.overrides)
            head = f"rlrun: {len(self.failed)} of {total} jobs failed:"
            print(head, *self.failed, sep="\n  ", file=sys.stderr)
            raise Refused(1)

    def _prepare_run(self, config: DictConfig) -> None:
        check(config, dict(config.hydra.runtime.choices), list(config.hydra.overrides.task))
        config.hydra.run.dir = str(_claim(config, "run"))

    def _prepare_multirun(self, config: DictConfig) -> None:
        if _asked(config, "hydra.sweep.subdir"):
            raise BadInput("hydra.sweep.subdir cannot be set: rlrun names the jobs' folders.")
        self.grid = jobs.read(config)
        total = len(self.grid.overrides)
        composed = jobs.compose(config, self.grid)
        for number in range(total):
            try:
                job = next(composed)
                check(job.config, job.choices, self.grid.overrides[number])
            except (BadInput, ConfigCompositionException) as error:
                told = error if isinstance(error, BadInput) else BadInput(explain(error))
                label = self.grid.label(number)
                raise _with(told, f" (job {number + 1} of {total}: {label})") from error
        config.hydra.sweep.dir = str(_claim(config, "sweep"))
        # the jobs are composed anew, from the overrides alone
        keys, width = ",".join(self.grid.varying), len(str(total - 1))
        name = f"rlrun.job:${{hydra.job.num}},${{hydra.overrides.task}},[{keys}],{width}"
        config.hydra.overrides.hydra.extend(
            [
                f"hydra.sweep.dir={_quote(config.hydra.sweep.dir)}",
                f"hydra.sweep.subdir='${{{name}}}'",
            ]
        )

    def _title(self, config: DictConfig) -> str:
        assert self.grid is not None
        number = int(config.hydra.job.num)
        return f"job {number + 1} of {len(self.grid.overrides)}: {self.grid.label(number)}"


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Whatever goes wrong in a check ends the command."""
    try:
        yield
    except Exception as error:
        raise Refused(2) from error


def check(config: DictConfig, choices: dict[str, str], overrides: list[str]) -> None:
    """Refuse what cannot run, naming the file a bad setting comes from."""
    from rlrun import build  # imports torch: only now, when there is something to run

    locate.check_tuned(choices)
    settings = copy.deepcopy(config)
    with open_dict(settings):
        settings.pop("hydra", None)  # its own placeholders have values only in a job
    try:
        build.validate(build.plain(settings))
    except BadInput as error:
        place = locate.source(error.key, overrides)
        if not place:
            raise
        raise _with(error, f" (set in {place})") from error


def _with(error: BadInput, place: str) -> BadInput:
    """The same, with the place of the mistake in brackets at the end."""
    return BadInput(str(error).removesuffix(".") + place, error.key)


def _claim(config: DictConfig, kind: str) -> Path:
    return folders.claim(Path(config.hydra[kind].dir), _asked(config, f"hydra.{kind}.dir"))


def _asked(config: DictConfig, key: str) -> bool:
    return any(word.lstrip("+").startswith(f"{key}=") for word in config.hydra.overrides.hydra)


def _quote(text: str) -> str:
    """For Hydra's grammar: spaces, commas, brackets and = pass."""
    return "'" + text.replace("'", "\\'") + "'"
