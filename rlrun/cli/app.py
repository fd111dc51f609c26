"""The part of the command that is Hydra's: compose, check, run, and explain what went wrong."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from rlrun.cli.config.hydra_api import args_parser, flags
from rlrun.cli.config.loader import config_dir
from rlrun.cli.config.paths import config_root, discard
from rlrun.cli.explain import HOW, explain, mark_as_of_task, report_crash, task_frames
from rlrun.cli.hooks import Refused
from rlrun.cli.validation import quote
from rlrun.core.errors import BadInput, did_you_mean

NEEDED = ("agent", "env", "replay", "explore", "device")  # groups no run can do without
FULL_ERROR = "HYDRA_FULL_ERROR"


HOOKS = "hydra.callbacks.rlrun"


def run(words: list[str], resuming: Path | None = None) -> int:
    """Run the command line `words`; the result is the exit code.

    ``resuming`` is the folder of the sweep that the command line continues, if it does.
    """
    full = os.environ.get(FULL_ERROR) == "1"
    try:
        with _hydra_raises():
            own = [] if resuming is None else [f"{HOOKS}.resuming={quote(str(resuming))}"]
            sys.argv[1:] = [*arrange(words), *own]
            root = str(config_root())
            hydra.main(version_base="1.3", config_path=root, config_name="config")(run_task)()
        return 0
    except Refused as refusal:
        if refusal.__cause__ is None:
            return 1  # failed jobs of a multirun, which have been reported
        error: BaseException = refusal.__cause__
    except Exception as met:
        error = met
    if "-sc" in words or "--shell-completion" in words:
        return 1  # a message would land in the user's prompt
    if full:
        traceback.print_exception(error)
    if isinstance(error, BadInput) or task_frames(error) is None:
        print(f"rlrun: {explain(error)}", file=sys.stderr)
        return 2
    if not full:
        report_crash(error)
    return 1


def run_task(config: DictConfig) -> float:
    """One run, as Hydra calls it: its value is what a sweep compares."""
    try:
        return _run_job(config)
    except Exception as error:
        mark_as_of_task(error)
        raise


def _run_job(config: DictConfig) -> float:
    from rlrun import build
    from rlrun.cli.multirun.job import work
    from rlrun.run import start_run

    folder = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return work(config, folder, _command())
    settings = build.plain(config)
    build.validate(settings)  # again: the hooks may be switched off
    try:
        return start_run(settings, folder, _command())
    except KeyboardInterrupt:
        discard(folder)  # stopped before anything was written
        raise
    except SystemExit as error:
        raise RuntimeError(f"the run ended itself with sys.exit({error.code!r})") from error


def _command() -> str:
    """The command line that runs the present job again, alone and in a folder of its own."""
    given = config_dir()
    own = ["--config-dir", given] if given else []
    task = HydraConfig.get().overrides.task
    words = [w for w in task if not w.lstrip("+").startswith(("sweep.", "search."))]
    return shlex.join(["rlrun", *own, *words])


def arrange(words: list[str]) -> list[str]:
    """The command line as Hydra reads it: flags first, then settings, in any order they came.

    Refuses flags that do not exist, and the one that would unpickle a file.
    """
    words = [w.removeprefix("+") if w.startswith("+experiment=") else w for w in words]
    parser = args_parser()
    parser.error = _refuse_flags  # type: ignore[method-assign]  # instead of a page of usage
    known, rest = parser.parse_known_args(words)
    if known.experimental_rerun is not None:
        raise BadInput("--experimental-rerun is not supported: it would run a pickled file.")
    for word in rest:
        if word.startswith("-"):
            name = word.partition("=")[0]
            if "=" in word and name.startswith("--"):
                raise BadInput(f"settings have no dashes: write {word.lstrip('-')}.")
            raise BadInput(f"there is no flag {name}.{did_you_mean(name, flags(parser))} {HOW}")
    settings = [*known.overrides, *rest]
    for word in settings:
        if word.startswith("="):
            raise BadInput(f"'{word}' has no name in front of the =. {HOW}")
        if word.lstrip("+").startswith(f"{HOOKS}."):
            raise BadInput(f"{word.partition('=')[0]} is rlrun's own, and cannot be set.")
        if word.lstrip("+").startswith("env.id="):  # the tuned settings go by the choice of env
            raise BadInput("the environment is chosen with env=NAME, not with env.id.")
        group = word.partition("=")[0].removeprefix("~")
        if word.startswith("~") and group in NEEDED:
            raise BadInput(f"{word} leaves nothing to run: every run needs {group}=NAME.")
    return [word for word in words if word not in settings] + settings


def _refuse_flags(message: str) -> NoReturn:
    raise BadInput(f"{message}.")


@contextlib.contextmanager
def _hydra_raises() -> Iterator[None]:
    """Hydra prints errors in its own way, unless this variable makes it raise them."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before
