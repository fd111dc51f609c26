"""One job of a sweep, run in its own process; its outcome is recorded in the ledger only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlrun import build
from rlrun.cli.config.paths import discard
from rlrun.cli.explain import explain, report_crash
from rlrun.core.errors import BadInput, RunFailed
from rlrun.run import resume_run, start_run
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_for_resume
from rlrun.sweep import ledger, stop
from rlrun.terminal.progress import Listener


def work(
    settings: Mapping[str, Any], folder: Path, command: str, listener: Listener | None = None
) -> float:
    """Run or resume the job of ``folder``, a subfolder of the sweep's, and return its value.

    NaN if there is no value: the job failed, was stopped, or was not allowed to begin. Raises
    KeyboardInterrupt only in the process of the sweep itself.
    """
    sweep, job = folder.parent, folder.name
    if stop.requested(sweep):
        discard(folder)
        return math.nan
    ledger.record(sweep, job, "running")
    try:
        value = _run(settings, folder, command, listener)
    except KeyboardInterrupt:
        ledger.record(sweep, job, "interrupted")
        discard(folder)  # if nothing was written
        if stop.in_sweep_process():
            raise
        return math.nan
    except (Exception, SystemExit) as error:
        failure = error if isinstance(error, Exception) else _exit(error)
        report_crash(failure)
        ledger.record(sweep, job, "failed", reason=_reason(failure))
        discard(folder)
        if settings["sweep"]["on_error"] == "stop":
            stop.request(sweep)
        return math.nan
    ledger.record(sweep, job, "done", value=value)
    return value


def _run(
    settings: Mapping[str, Any], folder: Path, command: str, listener: Listener | None
) -> float:
    """Run a new job, or resume one that was started, with the settings it was started with."""
    build.validate(settings)  # the values that a search chose have not been checked yet
    if folder.is_symlink():
        raise FolderError(f"{folder} is a link: a sweep's folder must not contain links.")
    if not (folder / "meta.json").exists():
        return start_run(settings, folder, command, listener)
    run = read_for_resume(folder)
    return resume_run(run, run.settings, command, listener)


def _exit(error: BaseException) -> RuntimeError:
    code = getattr(error, "code", None)
    new = RuntimeError(f"the run ended itself with sys.exit({code!r})")
    return new.with_traceback(error.__traceback__)


def _reason(error: Exception) -> str:
    """Return the reason why a job failed, in one line."""
    if isinstance(error, BadInput | RunFailed):
        return " ".join(explain(error).splitlines())
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
