"""Jobs in separate processes, several at once, forked from a server with all modules imported.

A process that ends for any reason, even a crash of the interpreter, ends only its own job. The
output of a job goes to ``output.txt`` in its run's folder, its progress through a pipe. If the
sweep's process dies the pipe breaks, and the jobs save a checkpoint and end.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from rlrun.core.signals import Interrupted
from rlrun.sweep import ledger, stop
from rlrun.sweep.view import View
from rlrun.terminal.progress import Report

OUTPUT = "output.txt"
LOOK_SECONDS = 0.1
PRELOAD = [  # none of them touches a GPU, which cannot be used after a fork
    "torch",
    "gymnasium",
    "hydra._internal.hydra",
    "hydra._internal.core_plugins",
    "tensorboard.plugins.hparams.summary_v2",
    "rlrun.cli.app",
    "rlrun.cli.multirun.job",
    "rlrun.agents.td_control",
    "rlrun.agents.dqn",
    "hydra_plugins.rlrun_sweep._job",
    "hydra_plugins.rlrun_gymnasium.source",
]
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Running:
    """A job, its process, and the sweep's end of its pipe."""

    job: str
    process: ForkServerProcess
    pipe: Connection


def warm(threads: int) -> None:
    """Start the server early: its imports take seconds, during which the jobs can be checked.

    ``threads`` limits the numerical libraries in a job, unless the user's environment does.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    with _threads(threads):
        forkserver.ensure_running()


def run(
    folder: Path,
    jobs: Mapping[str, Sequence[Any]],
    function: Callable[..., Any],
    at_once: int,
    threads: int,
    stop_on_error: bool,
    total: int,
) -> None:
    """Call ``function(*arguments, listener)`` for each of ``jobs`` (name to arguments).

    The listener sends the progress of a job's run to this process.

    Jobs record their own state in the ledger; that of a job whose process died is recorded here.
    ``total`` is the number of jobs of the whole sweep, including those that ended earlier.
    """
    warm(threads)
    context = multiprocessing.get_context("forkserver")
    queue, running = deque(jobs), list[Running]()
    others = [entry.state for job, entry in ledger.read(folder).items() if job not in jobs]
    before = [state for state in others if state in ledger.ENDED]
    with contextlib.closing(View(total, before)) as view:
        try:
            while running or (queue and not stop.requested(folder)):
                while queue and len(running) < at_once and not stop.requested(folder):
                    job = queue.popleft()
                    running.append(_start(context, folder, job, function, jobs[job]))
                    view.started(job)
                _listen(running, view)
                for ended in [each for each in running if not each.process.is_alive()]:
                    running.remove(ended)
                    view.ended(_final_entry(folder, ended, stop_on_error))
                view.draw()
        except BaseException as error:
            _end(running, gently=isinstance(error, Interrupted))
            raise


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set the environment variables of the server, and so of every job, while it starts."""
    added = [name for name in VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(count)))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _start(
    context: Any, folder: Path, job: str, function: Callable[..., Any], arguments: Sequence[Any]
) -> Running:
    (folder / job).mkdir(exist_ok=True)
    ours, theirs = context.Pipe()
    # not a daemon: daemons may not start processes, which environments may need
    process = context.Process(
        target=_work, args=(function, arguments, folder / job / OUTPUT, theirs), name=job
    )
    process.start()
    theirs.close()
    return Running(job, process, ours)


def _work(
    function: Callable[..., Any], arguments: Sequence[Any], output: Path, pipe: Connection
) -> None:
    """Run a job; the main function of its process."""
    os.setpgid(0, 0)  # a Ctrl-C goes to the sweep only, which then asks its jobs to save
    file = _open_output(output)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    threading.Thread(target=_end_with_sweep, args=(pipe,), daemon=True).start()

    def send(report: Report) -> None:
        with contextlib.suppress(OSError):
            pipe.send(report)

    function(*arguments, send)


def _open_output(output: Path) -> int:
    """Open the file for a job's output, or /dev/null if a link could lead out of the sweep."""
    if not output.parent.is_symlink():
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            return os.open(output, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
    return os.open(os.devnull, os.O_WRONLY)


def _end_with_sweep(pipe: Connection) -> None:
    """Wait until the sweep's process dies, then send this process SIGTERM, so that it saves."""
    with contextlib.suppress(OSError, EOFError):
        pipe.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _listen(running: Sequence[Running], view: View) -> None:
    """Wait until a job reports or ends, at most `LOOK_SECONDS`, and pass reports to the view."""
    by_pipe = {job.pipe: job for job in running}
    sentinels = [job.process.sentinel for job in running]
    for ready in wait([*by_pipe, *sentinels], LOOK_SECONDS):
        if isinstance(ready, Connection):
            with contextlib.suppress(EOFError, OSError):
                view.update(by_pipe[ready].job, ready.recv())


def _final_entry(folder: Path, job: Running, stop_on_error: bool) -> ledger.Entry:
    """Return the state of an ended job; record a failure that its process could not record."""
    job.process.join()
    code = job.process.exitcode or 0
    job.pipe.close()
    last = ledger.recorded(folder)[job.job]
    entry = ledger.corrected(folder, last)
    unrecorded = last.state == "running" or (code != 0 and last.state != "failed")
    if unrecorded and entry.state != "done" and not stop.requested(folder):
        ledger.record_death(folder, job.job, _exit_reason(code))
        entry = ledger.corrected(folder, ledger.recorded(folder)[job.job])
    if entry.state == "failed" and stop_on_error:
        stop.request(folder)
    return entry


def _exit_reason(code: int) -> str:
    """Return a description of a process's exit code."""
    if code >= 0:
        return f"its process exited with code {code}: see its {OUTPUT}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return "killed (SIGKILL): it may have used too much memory"
    verb = "stopped" if name in ("SIGTERM", "SIGINT", "SIGHUP") else "crashed"
    return f"{verb} ({name}): see its {OUTPUT}"


def _end(running: Sequence[Running], gently: bool) -> None:
    """End all processes; ``gently`` lets them save first, until a second interrupt."""
    try:
        for job in running:
            job.process.terminate() if gently else job.process.kill()
        for job in running:
            job.process.join()
    except KeyboardInterrupt:
        for job in running:
            job.process.kill()
        raise
