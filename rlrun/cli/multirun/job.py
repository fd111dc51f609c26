"""One job of a sweep in its process: the ledger is told what becomes of it, and nobody else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from rlrun import build
from rlrun.cli.config.paths import discard
from rlrun.cli.explain import explain, report_crash
from rlrun.core.errors import BadInput, RunFailed
from rlrun.run import resume_run, start_run
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_for_resume
from rlrun.sweep import ledger, stop


def work(config: DictConfig, folder: Path, command: str) -> float:
    """Run the job of ``folder``, which is in the sweep's, or go on with it; its value.

    NaN where there is none: the job failed, was stopped, or may not begin any more. Raises
    KeyboardInterrupt only in the process of the sweep itself.
    """
    sweep, job = folder.parent, folder.name
    if stop.requested(sweep):
        discard(folder)
        return math.nan
    ledger.record(sweep, job, "running")
    try:
        value = _run(build.plain(config), folder, command)
    except KeyboardInterrupt:
        ledger.record(sweep, job, "interrupted")
        discard(folder)  # where nothing was written
        if stop.in_sweep_process():
            raise
        return math.nan
    except (Exception, SystemExit) as error:
        told = error if isinstance(error, Exception) else _exit(error)
        report_crash(told)
        ledger.record(sweep, job, "failed", reason=_reason(told))
        discard(folder)
        if config.sweep.on_error == "stop":
            stop.request(sweep)
        return math.nan
    ledger.record(sweep, job, "done", value=value)
    return value


def _run(settings: Mapping[str, Any], folder: Path, command: str) -> float:
    """Run a job that is new, or go on with one that was begun, as it was begun."""
    build.validate(settings)  # a search's own values have not been checked before
    if folder.is_symlink():
        raise FolderError(f"{folder} is a link: a sweep's folder has none.")
    if not (folder / "meta.json").exists():
        return start_run(settings, folder, command)
    return resume_run(read_for_resume(folder), folder, command)


def _exit(error: BaseException) -> RuntimeError:
    code = getattr(error, "code", None)
    new = RuntimeError(f"the run ended itself with sys.exit({code!r})")
    return new.with_traceback(error.__traceback__)


def _reason(error: Exception) -> str:
    """Why a job failed, in a line."""
    if isinstance(error, BadInput | RunFailed):
        return " ".join(explain(error).splitlines())
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
