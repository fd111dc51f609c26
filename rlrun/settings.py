"""The run-wide settings, checked; the groups are built in ``build.py``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from rlrun.core.checks import at_least
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.envs.settings import EnvSettings
from rlrun.nets.device import Device
from rlrun.training.checkpoints import CheckpointSettings
from rlrun.training.early_stopping import StopSettings
from rlrun.training.evaluator import EvalSettings
from rlrun.training.filming import RecordSettings
from rlrun.tuning.settings import SearchSettings

MOST_SEEDS = 10_000


class Settings:
    """The run-wide settings; the groups are checked where their objects are built."""

    def __init__(
        self,
        *,
        seed: int,
        seeds: int,
        total_steps: int,
        gamma: float,
        log: Mapping[str, Any],
        eval: Mapping[str, Any],
        checkpoint: Mapping[str, Any],
        stop: Mapping[str, Any] = MappingProxyType({}),  # runs of earlier versions have none
        env: Mapping[str, Any],
        agent: Mapping[str, Any],
        replay: Mapping[str, Any],
        explore: Mapping[str, Any],
        device: Mapping[str, Any],
        record: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Any] | None = None,  # it is the command's, and not kept with a run
        search: Mapping[str, Any] | None = None,  # as well
    ) -> None:
        at_least(0, seed=seed)
        at_least(1, seeds=seeds, total_steps=total_steps)
        if seeds > MOST_SEEDS:
            raise ValueError(f"seeds must be at most {MOST_SEEDS} in one process, got {seeds}")
        if not 0 <= gamma <= 1:
            raise ValueError(f"gamma must lie between 0 and 1, got {gamma}")
        self.seeds = tuple(range(seed, seed + seeds))
        self.total_steps, self.gamma = total_steps, gamma
        self.log = construct(LogSettings, log, "log")
        self.evaluation = construct(EvalSettings, eval, "eval")
        self.recording = construct(RecordSettings, record or {}, "record")
        self.saving = construct(CheckpointSettings, checkpoint, "checkpoint")
        self.stopping = construct(StopSettings, stop, "stop")
        if self.stopping.reward is not None and not self.evaluation.every:
            raise BadInput(
                "stop.reward is looked for in evaluations, and eval.every=0 leaves them out: "
                "write eval.every=STEPS.",
                "stop.reward",
            )
        self.env = construct(EnvSettings, env, "env")
        self.device = construct(Device, device, "device")
        if sweep is not None:
            construct(SweepSettings, sweep, "sweep")
        if search is not None:
            construct(SearchSettings, search, "search")
        self.agent, self.replay, self.explore = agent, replay, explore


class LogSettings:
    """The ``log`` settings."""

    def __init__(self, *, every: int, histograms: bool) -> None:
        at_least(1, every=every)
        self.every, self.histograms = every, histograms


class SweepSettings:
    """The ``sweep`` settings: how the jobs of a multirun are run, which changes none of them.

    Args:
        on_error: whether a job that failed keeps others from beginning.
        jobs: how many run at once.
    """

    def __init__(self, *, on_error: Literal["continue", "stop"], jobs: int | Literal["auto"]):
        if jobs != "auto":
            at_least(1, jobs=jobs)
        self.on_error, self.jobs = on_error, jobs


def run_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own settings, without those of the sweep and the search that it belongs to."""
    return {key: value for key, value in settings.items() if key not in ("sweep", "search")}
