"""Starts and resumes runs: builds everything, trains and records the result."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rlrun.agents import agent_class
from rlrun.build import environment, evaluation_envs, evaluation_limit, replay_bytes
from rlrun.compatibility import masks_ignored, text_left_out, too_short_to_learn
from rlrun.core.abilities import Tabular
from rlrun.core.errors import RunFailed
from rlrun.core.memory import announcement
from rlrun.core.schema import construct
from rlrun.core.signals import Signals
from rlrun.core.text import seeds_in_words
from rlrun.core.types import Envs, State
from rlrun.data.recorded import Data, data_note, open_data
from rlrun.envs.filmed import Film
from rlrun.envs.watchdog import give_up
from rlrun.results.charts import open_logger
from rlrun.results.grouping import flat
from rlrun.results.tuned import tuned_sentence
from rlrun.run_folder.config_file import recorded_form, write_config
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.reader import RecordedRun, score
from rlrun.settings import Settings, run_settings
from rlrun.tables.report import TableReport
from rlrun.terminal.commands import command_line, repeating, tensorboard_line
from rlrun.terminal.final_table import failed_sentence, final_table
from rlrun.terminal.progress import Listener, Progress
from rlrun.training.checkpoints import Saver, check_belonging, fingerprint, has_replay
from rlrun.training.early_stopping import Stopper
from rlrun.training.evaluator import Evaluator
from rlrun.training.experience import Experience, Interaction, Updates, steps_nothing
from rlrun.training.failed_seeds import FailedSeeds
from rlrun.training.filming import Filming
from rlrun.training.run_parts import RunParts
from rlrun.training.stopped_seeds import StoppedSeeds
from rlrun.training.train import train
from rlrun.transfer.agent import run_agent
from rlrun.tuning.study import pruning


def start_run(
    settings: Mapping[str, Any], folder: Path, command: str, listener: Listener | None = None
) -> float:
    """Train in ``folder``; return the run's `score`, 0 without a final evaluation.

    ``command`` is the command line that repeats the run, ``listener`` receives the progress.
    """
    settings, data = open_data(run_settings(settings))
    parts = construct(Settings, settings, "")
    settings = recorded_form(settings, parts.device.engine)
    parts.device.prepare()
    with Signals() as signals:
        write_config(settings, folder)
        offline = steps_nothing(agent_class(str(parts.agent.name)), parts.data)
        clock = "updates" if offline else "steps"
        record = RunFolder.create(folder, command, parts.total_steps, parts.device.engine, clock)
        saver = Saver(folder / "checkpoint", parts.checkpoint)
        return _recorded(_Context(parts, settings, record, saver, signals, None, data, listener))


def resume_run(
    run: RecordedRun,
    settings: Mapping[str, Any],
    command: str,
    listener: Listener | None = None,
) -> float:
    """Resume a run from its newest undamaged checkpoint; without any checkpoint, begin again.

    ``settings`` are those of the run, except the ones that may change on resume. Raises FolderError
    if its folder is in use, CheckpointError if all checkpoints are damaged.
    """
    settings, folder = run_settings(settings), run.folder
    parts = construct(Settings, settings, "")
    parts.device.prepare()
    with Signals() as signals:
        record = RunFolder.reopen(folder, run.meta, command)
        saver = Saver(folder / "checkpoint", parts.checkpoint)
        try:
            saved, damaged = saver.load()
            check_belonging(record, settings, saved)
            data = None if has_replay(saved) else open_data(settings)[1]
            write_config(settings, folder)
        except BaseException as error:
            record.close("failed", str(error))
            raise
        if saved is None:
            damaged = ["There is no checkpoint yet: the run begins again."]
        for sentence in damaged:
            more = "" if saved is None else " An older one is used."
            print(f"rlrun: {sentence}{more}", file=sys.stderr)
            record.log(f"{sentence}{more}")
        return _recorded(_Context(parts, settings, record, saver, signals, saved, data, listener))


@dataclass(frozen=True)
class _Context:
    """A run to train: its settings, checked (``parts``) and as written, and its folder."""

    parts: Settings
    settings: Mapping[str, Any]
    record: RunFolder
    saver: Saver
    signals: Signals
    saved: State | None
    """The checkpoint that a resumed run starts from; None if it begins at step 0."""
    data: Data | None
    """The data to fill the replay with; None without any, or if the checkpoint has the replay."""
    listener: Listener | None


def _recorded(run: _Context) -> float:
    """Train, and record the outcome in the run's folder."""
    record, saver = run.record, run.saver
    where = os.path.relpath(record.path)
    again = command_line("resume", where)
    try:
        with _os_errors(where):
            result = _train(run)
            record.result(result)
        if result["status"] == "failed":
            final_table(result)
            raise RunFailed(failed_sentence(result))
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        with contextlib.suppress(OSError):  # on a full disk the message is still printed
            record.close("interrupted" if interrupted else "failed", reason)
        action = "resume from the last checkpoint" if saver.exists() else "begin again"
        print(f"rlrun: to {action}: {again}", file=sys.stderr)
        raise
    record.close(result["status"])
    final_table(result)
    print(f"curves:    {tensorboard_line(record.path)}")
    longer = run.parts.total_steps != record.horizon  # raised on resume
    resumed = [f"total_steps={run.parts.total_steps}"] if longer else []
    print(f"again:     {repeating(record.command, resumed)}")
    run.signals.check()  # a stop may have been requested, before the next job of a sweep
    return score(result) or 0.0


@contextlib.contextmanager
def _os_errors(where: str) -> Iterator[None]:
    """Convert OSErrors to RunFailed with the name of the file, or ``where``."""
    try:
        yield
    except OSError as error:
        name, reason = error.filename or where, error.strerror or error
        raise RunFailed(f"{name} cannot be written or read: {reason}") from error


def _train(run: _Context) -> dict[str, Any]:
    """Build the objects of the run, train, and return the result."""
    parts, settings, record, saved = run.parts, run.settings, run.record, run.saved
    seeds, name = parts.seed_numbers, str(parts.agent.name)
    title = f"{name} on {parts.env.id}{' from data' if parts.data else ''}, {seeds_in_words(seeds)}"

    def on_hang(sentence: str) -> None:
        with contextlib.suppress(OSError):
            record.close("failed", sentence)
        give_up(sentence)

    env = environment(parts, on_hang)
    spec = env.spec
    begun, check = saved is not None, run.signals.check
    agent, taken = run_agent(parts, env, record.horizon, run.data, begun=begun, check=check)
    inexact = env.check_reproducible(seeds[0])
    envs = None if steps_nothing(type(agent), parts.data) else env.open(seeds, spec.num_envs)
    experience: Experience = (
        Updates(agent) if envs is None else Interaction(agent, envs, parts.total_steps)
    )
    with (
        closing(experience),
        closing(open_logger(parts, settings, record, saved and saved.get("log"))) as logger,
        Progress(title, parts.total_steps, listener=run.listener, unit=experience.unit) as progress,
        contextlib.ExitStack() as stack,
    ):
        if inexact:
            record.inexact(inexact)
            progress.message(f"not exact from here on: {inexact}")
        how = data_note(parts.data) if parts.data else too_short_to_learn(agent, parts.total_steps)
        memory = announcement("the replay", replay_bytes(parts, spec))
        tuned = tuned_sentence(parts.tuned, flat(settings))
        spaces = env.assumption(), text_left_out(spec), masks_ignored(agent, spec)
        for sentence in filter(None, (tuned, *spaces, env.arrays_differ(), memory, *taken, how)):
            record.log(sentence)
            progress.message(sentence)
        if experience.note:
            record.log(experience.note)
        failed_seeds = FailedSeeds(seeds, agent, record, progress)
        stopped_seeds = StoppedSeeds(parts.stop, seeds, agent, record)
        limit = evaluation_limit(parts, env)
        table = TableReport(agent, spec, seeds, limit) if isinstance(agent, Tabular) else None
        evaluator = Evaluator(
            parts.eval,
            agent,
            partial(evaluation_envs, parts, env),
            seeds,
            record,
            logger,
            table,
            parts.log.histograms,
            failed_seeds,
            stopped_seeds,
            run.signals.check,
        )
        stack.callback(evaluator.close)
        filming = None
        if parts.record.every:
            every, fps = parts.record.every, env.fps

            def make(film: Film) -> Envs:
                return evaluation_envs(parts, env, 1, seeds=seeds[:1], film=film)

            filming = Filming(every, agent, seeds, make, record, logger, fps, run.signals.check)
        return train(
            RunParts(
                agent_name=name,
                agent=agent,
                env_id=spec.env_id,
                experience=experience,
                seeds=seeds,
                total_steps=parts.total_steps,
                log_every=parts.log.every,
                evaluator=evaluator,
                filming=filming,
                logger=logger,
                progress=progress,
                folder=record,
                saver=run.saver,
                signals=run.signals,
                failed_seeds=failed_seeds,
                stopped_seeds=stopped_seeds,
                stopper=Stopper(parts.stop, record.past, pruning(record.path)),
                fingerprint=fingerprint(settings),
            ),
            saved,
        )
