"""All settings of a run, checked without building anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from rlrun.agents import agent_class
from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.fields import By, Count, Fraction, Natural, NoSettings, PerRow, Range
from rlrun.core.schema import construct
from rlrun.envs.settings import EnvSettings
from rlrun.explore.options import EXPLORE
from rlrun.nets.device import DeviceSettings
from rlrun.replay.options import REPLAY
from rlrun.training.checkpoints import CheckpointSettings
from rlrun.training.early_stopping import StopSettings
from rlrun.training.evaluator import EvalSettings
from rlrun.training.filming import RecordSettings
from rlrun.tuning.settings import SearchSettings

MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Option:
    """The option of a group that was chosen by its name, and its settings."""

    name: str | None
    """None if nothing of this group is used."""
    settings: Any


def _agent(values: Any, group: str) -> Option:
    """Return the agent and its settings. Raises BadInput."""
    if values.get("name") is None:
        raise BadInput("the agent has no name: its YAML file begins with defaults: [dqn, _self_].")
    return _option(values, group, agent_class(str(values["name"])).settings_class)


def _replay(values: Any, group: str) -> Option:
    """Return the replay and its settings. Raises BadInput."""
    return _option(values, group, REPLAY)


def _explore(values: Any, group: str) -> Option:
    """Return the explorer and its settings. Raises BadInput."""
    return _option(values, group, EXPLORE)


def _option(values: Any, group: str, classes: type | Mapping[str, type]) -> Option:
    """Return the option of a group and its settings, whose class is known or looked up by name."""
    name = values.get("name")
    if name is None:
        return Option(None, NoSettings())
    if isinstance(classes, Mapping):
        if name not in classes:
            options, hint = ", ".join(classes), did_you_mean(str(name), classes)
            raise BadInput(f"there is no {group} named '{name}'.{hint} There is: {options}.")
        classes = classes[name]
    given = {key: value for key, value in values.items() if key != "name"}
    return Option(str(name), construct(classes, given, group))


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What is logged while training (``log``)."""

    every: Count = 1000
    """Steps between log lines."""
    histograms: bool = False
    """Write the agent's histograms for TensorBoard at every evaluation."""


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """How the jobs of a multirun are run, which changes none of their results (``sweep``)."""

    on_error: Literal["continue", "stop"] = "continue"
    """When a job of a multirun fails: continue, or stop (no further job starts)."""
    jobs: Count | Literal["auto"] = "auto"
    """Number of jobs of a multirun that run at once (auto: as many as there are cores)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run, by group; runs of earlier versions lack some that have a default."""

    seed: Natural = 0
    """Number of the first seed."""
    seeds: Annotated[int, Range(least=1, most=MOST_SEEDS)] = 10
    """Number of seeds trained at once."""
    total_steps: Count = 50_000
    """Environment steps of each seed."""
    gamma: PerRow[Fraction] = 0.99
    """Discount factor."""
    log: LogSettings
    """What is logged while training."""
    eval: EvalSettings
    """When and how long to evaluate."""
    stop: StopSettings = field(default_factory=StopSettings)
    """When to end early."""
    record: RecordSettings = field(default_factory=RecordSettings)
    """When to film."""
    checkpoint: CheckpointSettings
    """When checkpoints are written, and what they contain."""
    env: EnvSettings
    """The environment."""
    device: DeviceSettings
    """The device and torch."""
    agent: Annotated[Option, By(_agent)]
    """The agent and its settings."""
    replay: Annotated[Option, By(_replay)]
    """The replay and its settings."""
    explore: Annotated[Option, By(_explore)]
    """The explorer and its settings."""
    sweep: SweepSettings | None = None
    """The sweep that the run is a job of; it is not kept with the run."""
    search: SearchSettings | None = None
    """The search that the run is a trial of; it is not kept with the run."""

    def __post_init__(self) -> None:
        if self.stop.reward is not None and not self.eval.every:
            raise BadInput(
                "stop.reward is compared with evaluations, and eval.every=0 leaves them out: "
                "write eval.every=STEPS.",
                "stop.reward",
            )

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The numbers of all seeds."""
        return tuple(range(self.seed, self.seed + self.seeds))


def run_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own settings, without those of the sweep and the search that it belongs to."""
    return {key: value for key, value in settings.items() if key not in ("sweep", "search")}
