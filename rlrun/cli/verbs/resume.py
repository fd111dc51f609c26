"""`rlrun resume RUN`: resume a run in its own folder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from rlrun.cli.explain import explain, report_crash
from rlrun.cli.verbs.runs import find, last_begun
from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.schema import convert
from rlrun.run_folder.reader import RecordedRun, read_for_resume
from rlrun.sweep.plan import is_sweep
from rlrun.terminal.commands import command_line

HELP = """\
rlrun resume RUN [total_steps=N]   resume a run that was stopped, was killed or has ended
rlrun resume SWEEP                 run the unfinished jobs of a multirun

  RUN is the folder of a run under outputs/, or `last` for the one started last. It resumes from its
  newest intact checkpoint, with the same results as without the interruption. total_steps may be
  raised, the stop and checkpoint settings may be changed; nothing else.

  SWEEP is the folder of a multirun, or `last`. Finished jobs are left alone, jobs that were started
  resume from their checkpoints, the others are run. sweep.jobs, sweep.on_error and hydra/launcher
  may be changed, and search.trials for a search."""
ABSENT = object()
FREE = (
    "total_steps",
    "stop.reward",
    "stop.minutes",
    "stop.episodes",
    "checkpoint.every_minutes",
    "checkpoint.every_steps",
    "checkpoint.replay",
)


def resume(words: list[str]) -> int:
    """Run `rlrun resume WORDS` and return the exit code."""
    folder = _folder_of(words[0])
    if is_sweep(folder):
        return _resume_sweep(folder, words[1:])
    run = read_for_resume(folder)
    from rlrun import build
    from rlrun.run import resume_run
    from rlrun.settings import recorded_settings
    from rlrun.training.stopped_seeds import check_limit

    recorded_settings(run.settings, run.folder)
    settings = changed(run.settings, words[1:])
    build.validate(settings, begun=True)
    if run.status == "done" and run.result and (hint := _hint(run, settings, words[0])):
        print(f"{folder} is done. {hint}")
        return 0
    check_limit(run, settings.get("stop", {}).get("episodes"))
    try:
        resume_run(run, settings, shlex.join(["rlrun", "resume", *words]))
    except Exception as error:
        report_crash(error)
        return 1
    return 0


def _resume_sweep(folder: Path, words: Sequence[str]) -> int:
    """Resume the sweep in ``folder``: run the jobs that are not done; return the exit code."""
    from rlrun.cli.app import run
    from rlrun.cli.multirun.resume import command_line

    before = sys.argv
    try:
        line = command_line(folder, words)
        if line is None:
            print(f"{folder} is done.")
            return 0
        return run(line, resuming=folder)
    except Exception as error:
        print(f"rlrun: {explain(error)}", file=sys.stderr)
        return 2
    finally:
        sys.argv = before


def _folder_of(name: str) -> Path:
    """Return the folder of the run or sweep to resume. Raises BadInput if it does not exist."""
    if name == "last":
        return last_begun()
    return Path(name) if is_sweep(Path(name)) else find(name, "resume")


def _hint(run: RecordedRun, settings: Mapping[str, Any], name: str) -> str:
    """Return why a finished run cannot train longer with these settings; "" if it can.

    ``name`` is its folder as the user wrote it.
    """

    def longer_with(word: str) -> str:
        return f"To train longer: {command_line('resume', name)} {word}"

    from rlrun.training.stopped_seeds import stopped_before

    assert run.result is not None
    stop, before = settings.get("stop", {}), run.settings.get("stop", {})
    longer = settings["total_steps"] > run.settings["total_steps"]
    match run.result.get("stopped"):
        case "minutes" if stop == before:
            minutes = f"stop.minutes={before.get('minutes')} ended it."
            return f"{minutes} {longer_with('stop.minutes=null')}"
        case "reward" if stop == before and not longer:
            reward = f"stop.reward={before.get('reward')} ended it."
            return f"{reward} {longer_with('stop.reward=null')}"
        case "episodes" if stop == before:
            episodes = f"stop.episodes={before.get('episodes')} ended it."
            if stopped_before(run):
                return f"{episodes} Seeds that have stopped cannot continue."
            return f"{episodes} {longer_with('stop.episodes=null')}"
        case None if not longer:
            return longer_with("total_steps=N")
    return ""


def changed(settings: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Return the settings with the command line's changes. Raises BadInput for fixed settings."""
    config = OmegaConf.create(dict(settings))
    OmegaConf.set_struct(config, True)
    for word in words:
        try:
            override = OverridesParser.create().parse_overrides([word])[0]
        except HydraException as error:
            raise BadInput(f"cannot read '{word}': write total_steps=VALUE.") from error
        key = override.key_or_group
        if override.is_sweep_override():
            raise BadInput(f"{key} has several values: a resumed run takes one.")
        before = OmegaConf.select(config, key, default=ABSENT)
        if before is ABSENT:
            raise BadInput(f"unknown setting {key}.{did_you_mean(key, FREE)}")
        if before != override.value() and key not in FREE:
            raise BadInput(f"{key} is fixed by the run. These may change: {', '.join(FREE)}.")
        OmegaConf.update(config, key, override.value(), merge=True)
    new = OmegaConf.to_container(config, resolve=False)
    assert isinstance(new, dict)
    planned = convert(settings["total_steps"], int, "total_steps")
    requested = new["total_steps"] = convert(new["total_steps"], int, "total_steps")
    if requested < planned:
        raise BadInput(f"total_steps may be raised, not lowered: {planned} -> {requested}.")
    return {str(key): value for key, value in new.items()}
