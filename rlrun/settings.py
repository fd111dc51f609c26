"""All settings of a run, checked without building anything."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from rlrun.agents import agent_class
from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.fields import By, Count, Fraction, Natural, NoSettings, PerRow, Range
from rlrun.core.rows import stack
from rlrun.core.schema import as_bad_input, construct, convert
from rlrun.curiosity.options import CURIOSITY
from rlrun.envs.settings import EnvSettings
from rlrun.explore.options import EXPLORE
from rlrun.nets.device import DeviceSettings
from rlrun.replay.demonstrations import DemosSettings
from rlrun.replay.options import REPLAY
from rlrun.run_folder.files import FolderError
from rlrun.training.checkpoints import CheckpointSettings
from rlrun.training.early_stopping import StopSettings
from rlrun.training.evaluator import EvalSettings
from rlrun.training.filming import RecordSettings
from rlrun.tuning.settings import SearchSettings

MAX_SEEDS = 10_000


@dataclass(frozen=True)
class Option:
    """The chosen option of a group: its name and its settings."""

    name: str | None
    """None if the group is not used."""
    settings: Any

    def build(self, *arguments: Any) -> Any:
        """Return what the settings build with these arguments; None if the group is not used."""
        return None if self.name is None else self.settings.build(*arguments)


def _agent_settings(name: str) -> type:
    """Return the settings class of an agent. Raises BadInput if there is no such agent."""
    settings: type = agent_class(name).settings_class
    return settings


def _named(options: Mapping[str, type], group: str) -> Callable[[str], type]:
    """Return a function from the name of an option to its settings class."""

    def settings_class(name: str) -> type:
        if name not in options:
            known, hint = ", ".join(options), did_you_mean(name, options)
            raise BadInput(f"there is no {group} named '{name}'.{hint} There is: {known}.")
        return options[name]

    return settings_class


def _option(values: Any, group: str, settings_class: Callable[[str], type]) -> Option:
    """Return the option that ``values`` name, and its settings. Raises BadInput."""
    values = convert(values, Mapping, group)
    name = values.pop("name", None)
    if name is not None:
        return Option(str(name), construct(settings_class(str(name)), values, group))
    if group == "agent":
        raise BadInput("the agent has no name: its YAML file begins with defaults: [dqn, _self_].")
    return Option(None, NoSettings())


_AGENT = By(partial(_option, settings_class=_agent_settings))
_REPLAY = By(partial(_option, settings_class=_named(REPLAY, "replay")))
_EXPLORE = By(partial(_option, settings_class=_named(EXPLORE, "explore")))
_CURIOSITY = By(partial(_option, settings_class=_named(CURIOSITY, "curiosity")))


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The settings of logging during training (``log``)."""

    every: Count = 1000
    """Steps between log lines."""
    histograms: bool = False
    """Write the agent's histograms for TensorBoard at every evaluation."""
    seeds: bool | Literal["auto"] = "auto"
    """Show each seed as a run in TensorBoard (auto: fewer than 5 seeds, not in a sweep).

    TensorBoard has seven colours. ``metrics.jsonl`` always has every seed.
    """


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The settings of multiruns, which do not affect the jobs' results (``sweep``)."""

    on_error: Literal["continue", "stop"] = "continue"
    """When a job of a multirun fails: continue, or stop (no further job starts)."""
    jobs: Count | Literal["auto"] = "auto"
    """Number of jobs of a multirun that run at once (auto: as many as there are cores)."""


@dataclass(frozen=True, kw_only=True)
class TunedSettings:
    """The tuned settings among those of a run: a record, which changes nothing (``tuned``)."""

    name: str
    """The option of the group tuned, a file in conf/tuned: dqn/CartPole-v1."""
    keys: tuple[str, ...] = ()
    """The settings that would have other values with tuned=none."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run, by group.

    Groups with a default are missing in runs of earlier versions.
    """

    seed: Natural = 0
    """Number of the first seed."""
    seeds: Annotated[int, Range(least=1, most=MAX_SEEDS)] = 10
    """Number of seeds trained at once."""
    total_steps: Count = 50_000
    """Environment steps of each seed, or updates if it learns from data."""
    data: str | None = None
    """Run whose replay, or npz file, to learn from (null: learn from the environment).

    Seed k learns from the transitions of the run's seed k; if the run has fewer seeds, they are
    used in turn. The replay gets the capacity of the run's, and its number of environments per seed
    (``env.num_envs``). All seeds learn from all transitions of a file.
    """
    init: str | None = None
    """Folder of a run whose weights to start from (null: fresh weights).

    Seed k starts from those of the run's seed k, used in turn if there are fewer. The agent may be
    another one; networks that the run does not have are fresh, and so is the optimizer.
    """
    gamma: PerRow[Fraction] = 0.99
    """Discount factor."""
    log: LogSettings
    """Logging during training."""
    eval: EvalSettings
    """Evaluations during and after training."""
    stop: StopSettings = field(default_factory=StopSettings)
    """Early stopping."""
    record: RecordSettings = field(default_factory=RecordSettings)
    """Videos."""
    checkpoint: CheckpointSettings
    """Checkpoints."""
    demos: DemosSettings = field(default_factory=DemosSettings)
    """Demonstrations of an expert, which some agents imitate."""
    env: EnvSettings
    """The environment."""
    device: DeviceSettings
    """The device and torch."""
    agent: Annotated[Option, _AGENT]
    """The agent and its settings."""
    replay: Annotated[Option, _REPLAY]
    """The replay and its settings."""
    explore: Annotated[Option, _EXPLORE]
    """The explorer and its settings."""
    curiosity: Annotated[Option, _CURIOSITY] = Option(None, NoSettings())
    """The intrinsic reward and its settings."""
    tuned: TunedSettings | None = None
    """The tuned settings among these (null: none)."""
    sweep: SweepSettings | None = None
    """The sweep that the run belongs to; not stored with the run."""
    search: SearchSettings | None = None
    """The search that the run belongs to; not stored with the run."""

    def __post_init__(self) -> None:
        if self.stop.reward is not None and self.eval.every == 0:
            raise BadInput(
                "stop.reward needs evaluations during training, and eval.every=0 means none: "
                "write eval.every=STEPS.",
                "stop.reward",
            )
        if self.stop.episodes is not None and self.data is not None:
            raise BadInput(
                "stop.episodes needs episodes, and a run that learns from data has none: write "
                "total_steps=UPDATES instead.",
                "stop.episodes",
            )

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seed numbers."""
        return tuple(range(self.seed, self.seed + self.seeds))


def stack_rows(rows: Sequence[Settings]) -> tuple[Settings, tuple[int, ...]]:
    """Return the settings of several runs as those of one stack, and the seed number of each row.

    In the settings of the agent, its replay, explorer and curiosity, in gamma and
    ``env.reward_scale`` numbers that differ are arrays ``[row]``; the run-wide settings are those
    of the first run. Raises BadInput if the runs differ in something that must be the same in all
    rows.
    """
    each_row = [run for run in rows for _ in range(run.seeds)]
    stacked = copy.copy(rows[0])
    for group in ("agent", "replay", "explore", "curiosity"):
        options = [getattr(run, group) for run in each_row]
        if len({option.name for option in options}) > 1:
            raise BadInput(f"{group} must be the same in all rows of a stack")
        settings = _stacked([option.settings for option in options], group)
        object.__setattr__(stacked, group, Option(options[0].name, settings))
    object.__setattr__(stacked, "env", _stacked([run.env for run in each_row], "env"))
    gammas = [run.gamma for run in each_row]
    if len(set(gammas)) > 1:
        if getattr(agent_class(str(rows[0].agent.name)), "needs", "") == "model":
            raise BadInput("gamma must be the same in all rows of a stack: they share a plan")
        object.__setattr__(stacked, "gamma", np.array(gammas))
    if any(run.total_steps != rows[0].total_steps for run in rows):
        raise BadInput("total_steps must be the same in all rows of a stack", "total_steps")
    return stacked, tuple(number for run in rows for number in run.seed_numbers)


def _stacked(rows: Sequence[Any], group: str) -> Any:
    """Return the settings of a group for all rows. Raises BadInput if they cannot be stacked."""
    with as_bad_input([each.name for each in fields(rows[0])], group):
        return stack(rows)


def recorded_settings(settings: Mapping[str, Any], folder: Path) -> Settings:
    """Return the settings of a recorded run, checked. Raises FolderError: they may be edited."""
    try:
        return construct(Settings, settings, "")
    except BadInput as error:
        raise FolderError(f"{folder / 'config.yaml'} is not valid: {error}") from error


def setting_value(parts: Settings, key: str) -> Any:
    """Return the value of a setting by its full key: that of its run, or its default."""
    value: Any = parts
    for name in key.split("."):
        if isinstance(value, Option) and name != "name":
            value = value.settings
        value = value[name] if isinstance(value, Mapping) else getattr(value, name)
    return value


def run_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's own settings, without those of a sweep or a search."""
    return {key: value for key, value in settings.items() if key not in ("sweep", "search")}
