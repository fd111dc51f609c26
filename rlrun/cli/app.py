"""The part of the command line that runs under Hydra: compose, check, run, explain errors."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from rlrun.cli.config.hydra_api import args_parser, flags
from rlrun.cli.config.loader import config_dir
from rlrun.cli.config.paths import config_root, discard
from rlrun.cli.explain import explain, mark_task_error, report_crash, task_frames
from rlrun.cli.hooks import Refused
from rlrun.cli.mistakes import HOOKS, refuse, refuse_flag
from rlrun.cli.validation import quote
from rlrun.core.errors import BadInput
from rlrun.terminal.streams import dropping

if TYPE_CHECKING:
    from rlrun.terminal.progress import Listener

FULL_ERROR = "HYDRA_FULL_ERROR"


def run(words: list[str], resuming: Path | None = None) -> int:
    """Run the command line `words` and return the exit code.

    ``resuming`` is the folder of the sweep that the command line resumes, if any.
    """
    full = os.environ.get(FULL_ERROR) == "1"
    try:
        with _hydra_raises():
            extra = [] if resuming is None else [f"{HOOKS}.resuming={quote(str(resuming))}"]
            sys.argv[1:] = [*arrange(words, resuming=resuming is not None), *extra]
            root = str(config_root())
            hydra.main(version_base="1.3", config_path=root, config_name="config")(run_task)()
        return 0
    except Refused as refusal:
        if refusal.__cause__ is None:
            return 1  # failed jobs of a multirun, which have been reported
        error: BaseException = refusal.__cause__
    except Exception as exception:
        error = exception
    if "-sc" in words or "--shell-completion" in words:
        return 1  # a message would appear in the user's prompt
    if full:
        traceback.print_exception(error)
    if isinstance(error, BadInput) or task_frames(error) is None:
        print(f"rlrun: {explain(error)}", file=sys.stderr)
        return 2
    if not full:
        report_crash(error)
    return 1


def run_task(config: DictConfig, listener: Listener | None = None) -> float:
    """Run one job, as Hydra calls it; the value returned is what a sweep compares.

    ``listener`` receives the progress of a sweep's job.
    """
    try:
        with dropping():  # a launcher may run the job in another process
            return _run_job(config, listener)
    except Exception as error:
        mark_task_error(error)
        raise


def _run_job(config: DictConfig, listener: Listener | None) -> float:
    from rlrun import build
    from rlrun.cli.config.tuned import tuned_settings
    from rlrun.cli.multirun.job import work
    from rlrun.run import start_run

    job = HydraConfig.get()
    folder, settings = Path(job.runtime.output_dir), build.plain(config)
    choices, words = dict(job.runtime.choices), list(job.overrides.task)
    settings["tuned"] = tuned_settings(config, choices, words)
    if job.mode == RunMode.MULTIRUN:
        return work(settings, folder, _command(), listener)
    build.validate(settings)  # again: the hooks may have been switched off
    try:
        return start_run(settings, folder, _command())
    except KeyboardInterrupt:
        discard(folder)  # stopped before anything was written
        raise
    except SystemExit as error:
        raise RuntimeError(f"the run ended itself with sys.exit({error.code!r})") from error


def _command() -> str:
    """Return the command line that repeats the current job, alone and in a separate folder."""
    folder = config_dir()
    options = ["--config-dir", folder] if folder else []
    task = HydraConfig.get().overrides.task
    words = [w for w in task if not w.lstrip("+").startswith(("sweep.", "search."))]
    return shlex.join(["rlrun", *options, *words])


def arrange(words: list[str], *, resuming: bool = False) -> list[str]:
    """Return the command line in the order Hydra requires: flags first, then settings.

    Raises BadInput for unknown flags, for the flag that would unpickle a file, and for settings
    that cannot be set.
    """
    words = [w.removeprefix("+") if w.startswith("+experiment=") else w for w in words]
    parser = args_parser()
    parser.error = _refuse_flags  # type: ignore[method-assign]  # instead of a page of usage
    known, rest = parser.parse_known_args(words)
    if known.experimental_rerun is not None:
        raise BadInput("--experimental-rerun is not supported: it would run a pickled file.")
    for word in rest:
        if word.startswith("-"):
            following = "".join(words[words.index(word) + 1 :][:1])
            refuse_flag(word, following, flags(parser))
    settings = [*known.overrides, *rest]
    if not resuming:  # what older sweeps recorded may have been written otherwise
        refuse(settings, multirun=known.multirun)
    return [word for word in words if word not in settings] + settings


def _refuse_flags(message: str) -> NoReturn:
    raise BadInput(f"{message}.")


@contextlib.contextmanager
def _hydra_raises() -> Iterator[None]:
    """Make Hydra raise its errors instead of printing them, through its environment variable."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before
