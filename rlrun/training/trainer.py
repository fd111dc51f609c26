"""What a run does after each step: it saves, evaluates, logs and stops."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlrun.core.abilities import ReportsFaults
from rlrun.core.schedules import due
from rlrun.core.types import Array, State
from rlrun.training.checkpoints import mismatch, restore_agent
from rlrun.training.clock import WallClock
from rlrun.training.early_stopping import Stop
from rlrun.training.metrics_window import MetricsWindow
from rlrun.training.run_parts import RunParts


class Trainer:
    """The state of a run while it trains, and what is done after each step."""

    def __init__(self, run: RunParts) -> None:
        self._run = run
        self._stride = run.experience.stride
        self.recorder = MetricsWindow(
            len(run.seeds), rollout=run.experience.unit == "step", agents=run.experience.agents
        )
        self._clock = WallClock()
        self._env_faults = run.experience.faults
        self._agent_faults: dict[int, str] = (
            run.agent.faults if isinstance(run.agent, ReportsFaults) else {}
        )
        self._next_due = 0  # see `next_due`
        self._saved_step = -1  # the step of the newest checkpoint
        self._evaluation: float | None = None
        self._ep_return: float | None = None
        self._stop: Stop | None = None

    def next_due(self, step: int) -> int:
        """Return the next step at which `after_step` may do more than look at clock and signals."""
        run = self._run
        if run.stopper.settings.minutes is not None:
            return step + 1
        films = 0 if run.filming is None else run.filming.every
        cadences = run.log_every, run.evaluator.every, films, run.saver.every_steps
        dues = [(step // every + 1) * every for every in cadences if every]
        stop = run.stopped_seeds.earliest(step, self.recorder.episodes, run.failed_seeds.reasons)
        return min(run.total_steps, *stop, *dues)

    def after_step(self, step: int) -> bool:
        """Save, evaluate and report a step as due; return whether it is the last."""
        run = self._run
        run.signals.check()
        if step < self._next_due and not (
            run.signals.save or run.saver.is_late() or run.progress.due()
        ):
            return False
        episodes = self.recorder.episodes
        self._stop = run.stopped_seeds.update(step, episodes, run.failed_seeds.reasons)
        last = step >= run.total_steps or self._stop is not None
        if last or self._must_save(step):
            self.save(step)
        row: dict[str, Array] = {}
        if due(step, run.evaluator.every, self._stride):
            with self._clock.paused():
                row = run.evaluator.run(step)
            self._evaluation = _mean(row["eval/mean_reward"])
        if not last and (row or run.stopper.settings.minutes is not None):
            means = {tag: float(values.mean()) for tag, values in row.items()}
            self._stop = run.stopper.reason_to_stop(step, means, self._clock.wall)
        if self._stop is not None:
            self.save(step)  # before it is reported, like every checkpoint
            last = True
        self._report(step, row, last)
        self._next_due = self.next_due(step)
        return last

    def _report(self, step: int, row: dict[str, Array], last: bool) -> None:
        """Write all output that is due; ``row`` holds the metrics of an evaluation, if any."""
        run = self._run
        if row:
            with self._clock.paused():
                run.evaluator.show(step)
        if run.filming is not None and due(step, run.filming.every, self._stride):
            with self._clock.paused():
                run.filming.run(step)
        stopped = run.stopped_seeds.at(step)
        logged = last or due(step, run.log_every, self._stride) > 0
        if logged:
            fps = np.full(len(run.seeds), self._speed(step))
            row = {**self.recorder.row(), "time/fps": fps, **row}
            self._ep_return = _mean(row.get("rollout/ep_rew_mean", np.empty(0)))
            if last and not row.get("train/n_updates", np.ones(1)).any():
                self._announce(
                    f"step {step}: nothing was learnt: the run ended before its first update"
                )
        if stopped:
            ended = self.recorder.end(stopped)
            row = row if logged else {**ended, **row}
        if logged or stopped:
            taken = self.recorder.episodes.take().items()
            failed = run.failed_seeds.reasons
            run.logger.episodes({seed: each for seed, each in taken if seed not in failed})
        if row:
            run.logger.write(
                step, {tag: self._of_others(values, step) for tag, values in row.items()}
            )
        if row or run.progress.due():
            run.progress.update(
                step,
                steps_per_second=self._speed(step),
                ep_return=self._ep_return,
                evaluation=self._evaluation,
                more=run.stopped_seeds.fact(),
            )
        if last and (unfinished := run.stopped_seeds.unfinished(run.failed_seeds.reasons)):
            self._announce(f"step {step}: {unfinished}")
        if self._stop is not None:
            self._announce(f"step {step}: the run ends here: {self._stop.sentence}")

    def _of_others(self, values: Any, step: int) -> Any:
        """Return ``values [seed]`` with NaN for seeds that failed, or stopped before this step."""
        return self._run.stopped_seeds.without(self._run.failed_seeds.without(values), step)

    def _announce(self, sentence: str) -> None:
        """Write a sentence to the log and to the terminal."""
        self._run.folder.log(sentence)
        self._run.progress.message(sentence)

    def has_faults(self) -> bool:
        """Return whether any seed has numbers that are not finite, or outside their space."""
        return bool(self._agent_faults or self._env_faults)

    def drop_failed_seeds(self, step: int) -> None:
        """Exclude the seeds with numbers that are not finite, or outside their space.

        What happens to a seed after it has stopped does not count. Raises RunFailed if all seeds
        have failed.
        """
        stopped = self._run.stopped_seeds.steps
        for faults in (self._agent_faults, self._env_faults):
            if training := {k: fault for k, fault in faults.items() if k not in stopped}:
                self._run.failed_seeds.add(step, training)
                self._next_due = 0  # the run may end without them

    def report_inexact(self, sentences: list[str]) -> None:
        """Mark the run as not exact, with each of the sentences as a reason, and clear the list."""
        for sentence in sentences:
            self._run.folder.inexact(sentence)
            self._run.progress.message(f"not exact from here on: {sentence}")
        sentences.clear()

    def finish(self, step: int) -> dict[str, Any]:
        """Run the final evaluation, and return the content of ``result.json``."""
        run = self._run
        speed = self._speed(step)
        run.evaluator.close()
        pruned = self._stop is not None and self._stop.word == "pruned"
        final = None
        if not pruned:
            run.progress.flush()  # a run that ends early is between two lines
            run.progress.message("final evaluation")
            final = run.evaluator.final(step)
        return {
            "agent": run.agent_name,
            "env": run.env_id,
            "seeds": list(run.seeds),
            "steps": step,
            "final": final,
            "best": run.evaluator.best_so_far(),
            "wall_seconds": self._clock.wall,
            "steps_per_second": speed,
            "status": "failed" if run.failed_seeds.reasons else "pruned" if pruned else "done",
            **({"stopped": self._stop.word} if self._stop is not None else {}),
            **run.stopped_seeds.result(),
            **({"clock": "updates"} if run.experience.unit == "update" else {}),
        }

    def _speed(self, step: int) -> float:
        """Return the steps (or updates, if the clock counts those) of all seeds per second."""
        return step * len(self._run.seeds) / self._clock.training

    def _must_save(self, step: int) -> bool:
        return self._run.signals.save or self._run.saver.due(step, self._stride)

    def save(self, step: int) -> None:
        """Save all state that the rest of the run depends on, unless this step is already saved."""
        run = self._run
        run.signals.save = False
        if step == self._saved_step:
            return
        with self._clock.paused():
            run.saver.save(
                {
                    "step": step,
                    "settings": run.fingerprint,
                    "agent": run.agent.state_dict(),
                    **run.experience.state_dict(),
                    "best": run.evaluator.best.state_dict(),
                    "recorder": self.recorder.state_dict(),
                    "clock": self._clock.state_dict(),
                    "log": run.logger.position(step),
                    "lost": run.failed_seeds.state_dict(),
                    "stopped": run.stopped_seeds.state_dict(),
                }
            )
        self._saved_step = step
        run.folder.saved(step)

    def restore(self, saved: State) -> int:
        """Restore a run from a checkpoint; return its step.

        Raises CheckpointError if the checkpoint does not match the run's settings.
        """
        run = self._run
        try:
            step = int(saved["step"])
            complete = restore_agent(run.agent, saved["agent"])
            unrestored = run.experience.load_state_dict(saved)
            run.evaluator.best.load_state_dict(saved["best"])
            self.recorder.load_state_dict(saved["recorder"])
            self._clock.load_state_dict(saved["clock"])
            run.failed_seeds.restore(saved["lost"])
            episodes = self.recorder.episodes
            counts = episodes.counts if episodes.known else None
            run.stopped_seeds.restore(saved.get("stopped", {}), step, counts)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
            raise mismatch(error) from error
        if not complete:
            unrestored.append(f"the replay was not in the checkpoint: {run.experience.refilling}")
        unrestored += run.logger.damaged
        self.report_inexact(unrestored)
        if run.evaluator.best.policy:
            run.evaluator.save_best()
        run.folder.log(f"step {step}: resumed")
        saved.clear()  # a second copy of a large replay could exhaust the memory
        self._saved_step = step
        return step


def _mean(values: Array) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
