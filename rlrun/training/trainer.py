"""One training run: drives ``interact`` and decides when to save, log, evaluate and stop."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlrun.core.abilities import CanCut, ReportsFaults
from rlrun.core.errors import RunFailed
from rlrun.core.memory import used_up
from rlrun.core.schedules import due
from rlrun.core.signals import Interrupted
from rlrun.core.types import Array, State
from rlrun.loop import interact
from rlrun.training.checkpoints import mismatch, restore_agent
from rlrun.training.clock import WallClock
from rlrun.training.early_stopping import Stop
from rlrun.training.metrics_window import MetricsWindow
from rlrun.training.run_parts import RunParts


def train(run: RunParts, saved: State | None = None) -> dict[str, Any]:
    """Train to the end, evaluate, save, and return what ``result.json`` says.

    ``saved`` is emptied once everything has its state back.

    A checkpoint holds a step that is done but not yet reported, so a run resumed from ``saved``
    reports it first, and then does what the run would have done without a stop.

    Raises:
        Interrupted: somebody asked to stop; the run is saved.
        CheckpointError: a checkpoint cannot be written, or ``saved`` is not one of this run.
    """
    trainer = Trainer(run)
    step = 0 if saved is None else trainer.restore(saved)
    try:
        if saved is None or not trainer.after_step(step):
            for now, _, metrics in interact(run.agent, run.envs, step):
                step = now
                trainer.recorder.note(metrics)
                trainer.drop_failed_seeds(step)
                trainer.report_inexact(run.envs.inexact)
                if trainer.after_step(step):
                    break
        return trainer.finish(step)
    except Interrupted:
        trainer.save(step)  # in the middle of an evaluation, too: it changes nothing
        raise
    except RunFailed as error:
        raise RunFailed(f"step {step}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        if not used_up(error):
            raise
        raise RunFailed(
            f"step {step}: the memory is used up: take fewer seeds, or a smaller batch, rollout or "
            "replay"
        ) from error
    except OSError as error:
        where = error.filename or run.folder.path
        raise RunFailed(
            f"step {step}: {where} cannot be written or read: {error.strerror or error}"
        ) from error


class Trainer:
    """A run between its first step and its last."""

    def __init__(self, run: RunParts) -> None:
        self._run = run
        self._stride = run.envs.per_seed
        self.recorder, self._clock = MetricsWindow(run.envs, len(run.seeds)), WallClock()
        self._env_faults = run.envs.faults
        self._agent_faults: dict[int, str] = (
            run.agent.faults if isinstance(run.agent, ReportsFaults) else {}
        )
        self._saved = -1  # the step of the newest checkpoint
        self._evaluated: float | None = None
        self._ep_return: float | None = None
        self._stop: Stop | None = None

    def after_step(self, step: int) -> bool:
        """Save, evaluate and report a step where that is due; whether it is the last."""
        run = self._run
        last = step >= run.total_steps
        if last or self._must_save(step):
            self.save(step)
        run.signals.check()
        row: dict[str, Array] = {}
        if due(step, run.evaluator.every, self._stride):
            with self._clock.paused():
                row = run.evaluator.run(step)
            self._evaluated = _mean(row["eval/mean_reward"])
        if not last and (row or run.stopper.settings.minutes is not None):
            mean = float(row["eval/mean_reward"].mean()) if row else None
            self._stop = run.stopper.why(step, mean, self._clock.wall)
        if self._stop is not None:
            self.save(step)  # before it is reported, as every checkpoint
            last = True
        self._report(step, row, last)
        return last

    def _report(self, step: int, row: dict[str, Array], last: bool) -> None:
        """Show, log and draw what is due; ``row`` has the metrics of an evaluation."""
        run = self._run
        if row:
            with self._clock.paused():
                run.evaluator.show(step)
        if run.filming is not None and due(step, run.filming.every, self._stride):
            with self._clock.paused():
                run.filming.run(step)
        if last or due(step, run.log_every, self._stride):
            fps = np.full(len(run.seeds), self._speed(step))
            row = {**self.recorder.row(), "time/fps": fps, **row}
            self._ep_return = _mean(row["rollout/ep_rew_mean"])
            if last and not row.get("train/n_updates", np.ones(1)).any():
                self._announce(
                    f"step {step}: nothing was learnt: the run ended before its first update"
                )
        if row:
            run.logger.write(
                step, {tag: run.failed_seeds.without(values) for tag, values in row.items()}
            )
        if row or run.progress.due():
            run.progress.update(
                step,
                steps_per_second=self._speed(step),
                ep_return=self._ep_return,
                evaluation=self._evaluated,
            )
        if self._stop is not None:
            self._announce(f"step {step}: the run ends here: {self._stop.sentence}")

    def _announce(self, sentence: str) -> None:
        """Tell and write down."""
        self._run.folder.log(sentence)
        self._run.progress.message(sentence)

    def drop_failed_seeds(self, step: int) -> None:
        """Take the seeds out whose numbers are not finite any more.

        Raises RunFailed where no seed is left.
        """
        for faults in (self._agent_faults, self._env_faults):
            if faults:
                self._run.failed_seeds.give_up(step, faults)

    def report_inexact(self, sentences: list[str]) -> None:
        """Mark the run as not exact for each of the sentences, and clear their list."""
        for sentence in sentences:
            self._run.folder.inexact(sentence)
            self._run.progress.message(f"not exact from here on: {sentence}")
        sentences.clear()

    def finish(self, step: int) -> dict[str, Any]:
        """The final evaluation, and what came out."""
        run = self._run
        speed = self._speed(step)
        run.evaluator.close()
        pruned = self._stop is not None and self._stop.word == "pruned"
        final = None
        if not pruned:
            run.progress.message("final evaluation")
            final = run.evaluator.final(step)
        return {
            "agent": run.agent_name,
            "env": run.envs.spec.env_id,
            "seeds": list(run.seeds),
            "steps": step,
            "final": final,
            "best": run.evaluator.best_so_far(),
            "wall_seconds": self._clock.wall,
            "steps_per_second": speed,
            "status": "failed" if run.failed_seeds.why else "pruned" if pruned else "done",
            **({"stopped": self._stop.word} if self._stop is not None else {}),
        }

    def _speed(self, step: int) -> float:
        """Environment steps of all seeds in a second of training."""
        return step * len(self._run.seeds) / self._clock.training

    def _must_save(self, step: int) -> bool:
        return self._run.signals.save or self._run.saver.due(step, self._stride)

    def save(self, step: int) -> None:
        """Save everything that decides how the run would go on, unless that has been done."""
        run = self._run
        run.signals.save = False
        if step == self._saved:
            return
        with self._clock.paused():
            run.saver.save(
                {
                    "step": step,
                    "settings": run.fingerprint,
                    "agent": run.agent.state_dict(),
                    "envs": run.envs.state_dict(),
                    "best": run.evaluator.best.state_dict(),
                    "recorder": self.recorder.state_dict(),
                    "clock": self._clock.state_dict(),
                    "log": run.logger.position(step),
                    "lost": run.failed_seeds.state_dict(),
                }
            )
        self._saved = step
        run.folder.saved(step)

    def restore(self, saved: State) -> int:
        """Put a run back to where it was saved; its step."""
        run = self._run
        try:
            step = int(saved["step"])
            whole = restore_agent(run.agent, saved["agent"])
            lost = run.envs.load_state_dict(saved["envs"])
            if lost and isinstance(run.agent, CanCut):
                run.agent.cut()
            run.evaluator.best.load_state_dict(saved["best"])
            self.recorder.load_state_dict(saved["recorder"])
            self._clock.load_state_dict(saved["clock"])
            run.failed_seeds.restore(saved["lost"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
            raise mismatch(error) from error
        if not whole:
            lost.append(
                "the replay was not in the checkpoint: it is filled anew, and learning waits until "
                "it holds what agent.learning_starts asks for"
            )
        lost += run.logger.damaged
        self.report_inexact(lost)
        if run.evaluator.best.policy:
            run.evaluator.save_best()
        run.folder.log(f"step {step}: resumed")
        saved.clear()  # a second copy of a large replay would fill the memory
        self._saved = step
        return step


def _mean(values: Array) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
