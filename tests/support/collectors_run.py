"""A run of the collectors, whose parts are put together here."""

from __future__ import annotations

import io
import json
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

from rlrun.core.rng import Purpose
from rlrun.core.signals import Interrupted, Signals
from rlrun.core.types import Envs
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger
from rlrun.terminal.progress import Progress
from rlrun.training.checkpoints import CheckpointSettings, Saver
from rlrun.training.early_stopping import Stopper, StopSettings
from rlrun.training.evaluator import EvalSettings, Evaluator
from rlrun.training.experience import Interaction
from rlrun.training.failed_seeds import FailedSeeds
from rlrun.training.run_parts import RunParts
from rlrun.training.stopped_seeds import StoppedSeeds
from rlrun.training.train import train
from tests.support.collectors import SEEDS, STEPS, Averages, Collectors, replay_of


class StopsAt(Signals):
    """A stop is requested at the count-th check."""

    def __init__(self, count: int | None) -> None:
        super().__init__()
        self._left = count

    def check(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Interrupted(signal.SIGINT)


def run(
    path: Path, seeds: tuple[int, ...] = SEEDS, stop: int | None = None, faulty: int | None = None
) -> tuple[dict[str, Any], Averages]:
    """Train, or resume if there is a checkpoint; return the result and the agent."""
    path.mkdir(exist_ok=True)
    saver = Saver(path / "checkpoint", CheckpointSettings(every_minutes=None))
    saved, _ = saver.load()
    if saved is None:
        folder = RunFolder.create(path, "rlrun again", STEPS, "torch")
    else:
        folder = RunFolder.reopen(path, json.loads((path / "meta.json").read_text()), "resume")
    agent, signals = Averages(seeds, replay_of(seeds)), StopsAt(stop)

    def make_envs(num_envs: int, purpose: Purpose) -> Envs:
        return opened(seeds, num_envs, purpose, faulty)

    position = None if saved is None else saved["log"]
    progress = Progress("collectors", STEPS, io.StringIO())
    failed = FailedSeeds(seeds, agent, folder, progress)
    stopped = StoppedSeeds(StopSettings(), seeds, agent, folder)
    try:
        with closing(Logger(path, seeds, {}, position)) as logger:
            evaluator = Evaluator(
                EvalSettings(every=20, episodes=4, final_episodes=6),
                agent,
                make_envs,
                seeds,
                folder,
                logger,
                None,
                False,
                failed,
                stopped,
                signals.check,
            )
            parts = RunParts(
                agent_name="averages",
                agent=agent,
                env_id="collectors",
                experience=Interaction(agent, opened(seeds, 2, Purpose.TRAIN_EPISODES)),
                seeds=seeds,
                total_steps=STEPS,
                log_every=10,
                evaluator=evaluator,
                filming=None,
                logger=logger,
                progress=progress,
                folder=folder,
                saver=saver,
                signals=signals,
                failed_seeds=failed,
                stopped_seeds=stopped,
                stopper=Stopper(StopSettings()),
                fingerprint="",
            )
            return train(parts, saved), agent
    finally:
        folder.close("done")


def opened(
    seeds: tuple[int, ...], num_envs: int, purpose: Purpose, faulty: int | None = None
) -> Collectors:
    envs = Collectors(seeds, num_envs, purpose)
    if faulty is not None:
        envs.faults[faulty] = "its reward is nan"
    return envs
