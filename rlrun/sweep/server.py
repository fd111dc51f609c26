"""Jobs in processes of their own, several at once, from a server that has everything imported.

Whatever ends a process, a crash of the interpreter too, ends one job. What jobs print goes to
``output.txt`` in the folder of their run; how far they are they tell through a pipe. When the
sweep's own process dies the pipe breaks, and the jobs save themselves and end.
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
from rlrun.terminal import progress
from rlrun.terminal.progress import Report

OUTPUT = "output.txt"
LOOK_SECONDS = 0.1
PRELOAD = [  # none of them touches a GPU, which cannot be used after a fork
    "torch",
    "torch._dynamo",
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
    """A job, its process, and our end of its pipe."""

    job: str
    process: ForkServerProcess
    pipe: Connection


def warm(threads: int) -> None:
    """Start the server; what it imports takes seconds, in which the jobs can be checked.

    ``threads`` is what numerical libraries may use in a job, unless the user's environment says so
    itself.
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
    """Call ``function(*arguments)`` for each of ``jobs`` (name to arguments) of the sweep.

    Jobs record in the ledger what becomes of them; for those that cannot any more it is done here.
    ``total`` is how many jobs the sweep has in all, of which others may have ended before.
    """
    warm(threads)
    context = multiprocessing.get_context("forkserver")
    waiting, running = deque(jobs), list[Running]()
    others = [entry.state for job, entry in ledger.read(folder).items() if job not in jobs]
    before = [state for state in others if state in ledger.ENDED]
    with contextlib.closing(View(total, before)) as view:
        try:
            while running or (waiting and not stop.asked(folder)):
                while waiting and len(running) < at_once and not stop.asked(folder):
                    job = waiting.popleft()
                    running.append(_start(context, folder, job, function, jobs[job]))
                    view.started(job)
                _listen(running, view)
                for gone in [each for each in running if not each.process.is_alive()]:
                    running.remove(gone)
                    view.ended(_ended(folder, gone, stop_on_error))
                view.draw()
        except BaseException as error:
            _end(running, gently=isinstance(error, Interrupted))
            raise


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """The environment in which the server starts, and with it every job."""
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
    # not a daemon: those may not have processes of their own, as environments may want them
    process = context.Process(
        target=_work, args=(function, arguments, folder / job / OUTPUT, theirs), name=job
    )
    process.start()
    theirs.close()
    return Running(job, process, ours)


def _work(
    function: Callable[..., Any], arguments: Sequence[Any], output: Path, pipe: Connection
) -> None:
    """What the process of a job does."""
    os.setpgid(0, 0)  # a Ctrl-C is for the sweep, which asks its jobs to save themselves
    file = _open_output(output)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    threading.Thread(target=_end_with_sweep, args=(pipe,), daemon=True).start()

    def tell(report: Report) -> None:
        with contextlib.suppress(OSError):
            pipe.send(report)

    progress.listener = tell
    function(*arguments)


def _open_output(output: Path) -> int:
    """Open the file for what a job prints; nowhere, if a link would lead out of the sweep."""
    if not output.parent.is_symlink():
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            return os.open(output, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
    return os.open(os.devnull, os.O_WRONLY)


def _end_with_sweep(pipe: Connection) -> None:
    """Ask this process to save itself when the sweep's is gone."""
    with contextlib.suppress(OSError, EOFError):
        pipe.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _listen(running: Sequence[Running], view: View) -> None:
    """Wait a moment, or until a job says something or ends."""
    by_pipe = {job.pipe: job for job in running}
    sentinels = [job.process.sentinel for job in running]
    for ready in wait([*by_pipe, *sentinels], LOOK_SECONDS):
        if isinstance(ready, Connection):
            with contextlib.suppress(EOFError, OSError):
                view.told(by_pipe[ready].job, ready.recv())


def _ended(folder: Path, job: Running, stop_on_error: bool) -> ledger.Entry:
    """What has become of a job whose process has ended."""
    job.process.join()
    code = job.process.exitcode or 0
    job.pipe.close()
    told = ledger.recorded(folder)[job.job]
    found = ledger.judged(folder, told)
    gone = told.state == "running" or (code != 0 and told.state != "failed")
    if gone and found.state != "done" and not stop.asked(folder):
        ledger.record(folder, job.job, "failed", reason=_why(code))
        found = ledger.judged(folder, ledger.recorded(folder)[job.job])
    if found.state == "failed" and stop_on_error:
        stop.ask(folder)
    return found


def _why(code: int) -> str:
    """What the exit code of a process says, for people."""
    if code >= 0:
        return f"its process ended itself with exit code {code}: see its {OUTPUT}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return "killed (SIGKILL): perhaps the memory was used up"
    verb = "stopped" if name in ("SIGTERM", "SIGINT", "SIGHUP") else "crashed"
    return f"{verb} ({name}): see its {OUTPUT}"


def _end(running: Sequence[Running], gently: bool) -> None:
    """End all processes; ``gently`` lets them save, until somebody stops that too."""
    try:
        for job in running:
            job.process.terminate() if gently else job.process.kill()
        for job in running:
            job.process.join()
    except KeyboardInterrupt:
        for job in running:
            job.process.kill()
        raise
