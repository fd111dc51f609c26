"""Sentences on why a run has no policies to play, and which ones it has."""

from __future__ import annotations

from pathlib import Path

from rlrun.run_folder.reader import RecordedRun
from rlrun.training.checkpoints import CheckpointSettings
from rlrun.training.evaluator import EvalSettings


def are_saved(folder: Path) -> bool:
    """Return whether a folder, `checkpoint` or `best` of a run, holds policies."""
    return any(folder.glob("manifest-*.json"))


def no_checkpoint(run: RecordedRun, settings: CheckpointSettings) -> str:
    """Return why a run has no checkpoint, and whether its best policies can be played."""
    folder = run.folder
    if "saved" in run.meta:
        why = f"{folder} has lost its checkpoints: the files in {folder / 'checkpoint'} are missing"
    elif run.status == "running":
        why = f"{folder} has no checkpoint yet: the first one is written {_first(settings)}"
    else:
        ended = "failed" if run.status == "failed" else "was stopped"
        why = (
            f"{folder} has no checkpoint: it {ended} before the first one, and "
            f"rlrun resume {folder} begins it again"
        )
    best = " The best policies up to now can be played: write which=best."
    return f"{why}.{best * are_saved(folder / 'best')}"


def _first(settings: CheckpointSettings) -> str:
    """Return when the first checkpoint of a run is written."""
    times = []
    if settings.every_minutes is not None:
        times.append(f"after {settings.every_minutes:g} minutes (checkpoint.every_minutes)")
    if settings.every_steps:
        times.append(f"after {settings.every_steps:,} steps (checkpoint.every_steps)")
    return ", ".join([*times, "or at the end"]) if times else "at the end"


def no_best(run: RecordedRun, settings: EvalSettings) -> str:
    """Return why a run has no best policies, and whether its last ones can be played."""
    folder, every = run.folder, settings.steps_between(int(run.meta["horizon"]))
    if not every:
        why = "it is not evaluated in training (eval.every=0)"
    elif "eval/mean_reward" in run.curves:
        why = f"the files in {folder / 'best'} are missing"
    elif run.status == "running":
        why = f"its first evaluation is at step {every:,}"
    else:
        why = f"it ended before its first evaluation, at step {every:,}"
    final = " The policies of its newest checkpoint can be played: write which=final."
    return f"{folder} has no best policies: {why}.{final * are_saved(folder / 'checkpoint')}"
