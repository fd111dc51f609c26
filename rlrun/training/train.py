"""Trains a run to its end: the loop, and the errors that end a run."""

from __future__ import annotations

from typing import Any

from rlrun.core.errors import RunFailed
from rlrun.core.memory import used_up
from rlrun.core.signals import Interrupted
from rlrun.core.types import State
from rlrun.training.run_parts import RunParts
from rlrun.training.trainer import Trainer


def train(run: RunParts, saved: State | None = None) -> dict[str, Any]:
    """Train to the end, evaluate, save, and return the content of ``result.json``.

    ``saved`` is emptied once everything is restored from it.

    A checkpoint contains a step that is done but not yet reported, so a run resumed from ``saved``
    reports that step first, and then continues exactly as if it had not been stopped.

    Raises:
        Interrupted: a stop was requested; the run is saved.
        CheckpointError: a checkpoint cannot be written, or ``saved`` does not match this run.
        RunFailed: the run cannot continue.
    """
    trainer = Trainer(run)
    step = 0 if saved is None else trainer.restore(saved)
    try:
        if saved is None or not trainer.after_step(step):
            for now, t, metrics in run.experience.learn(step, trainer.next_due):
                step = now
                trainer.recorder.add(t, metrics)
                if trainer.has_faults():
                    trainer.drop_failed_seeds(step)
                if run.experience.inexact:
                    trainer.report_inexact(run.experience.inexact)
                if trainer.after_step(step):
                    break
        return trainer.finish(step)
    except Interrupted:
        trainer.save(step)  # even during an evaluation, which changes no state
        raise
    except RunFailed as error:
        raise RunFailed(f"step {step}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        if not used_up(error):
            raise
        raise RunFailed(
            f"step {step}: out of memory: use fewer seeds, or a smaller batch, rollout or replay"
        ) from error
    except OSError as error:
        where = error.filename or run.folder.path
        raise RunFailed(
            f"step {step}: {where} cannot be written or read: {error.strerror or error}"
        ) from error
