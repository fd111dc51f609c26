"""Builds the objects of a run from its checked settings.

Every group option has a ``name``, and its settings, checked by ``rlrun.settings``, build it. A
configuration cannot name a class or a module to import.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from rlrun.agents import AGENTS, agent_class
from rlrun.compatibility import incompatibility, too_many_choices
from rlrun.core.abilities import ChecksSpaces, LearnsFromReplay
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.schema import as_bad_input, construct
from rlrun.core.types import Agent, Envs, Spec
from rlrun.data.recorded import RecordedData, open_data
from rlrun.envs.environment import Environment
from rlrun.envs.filmed import Film
from rlrun.envs.watchdog import OnHang, give_up
from rlrun.explore.options import CHOOSERS, EXPLORE, NOISES
from rlrun.nets.device import Device
from rlrun.replay.options import REPLAY
from rlrun.settings import Option, Settings

NO_LIMIT_STEPS = 1000  # limit of an evaluation episode if there is no other limit


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a composed configuration, without Hydra's part, as plain, resolved values."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if key != "hydra"}


@dataclass(frozen=True)
class _Run:
    """What the arguments of an agent's constructor are built from."""

    parts: Settings
    spec: Spec
    seeds: Sequence[int]
    horizon: int
    data: RecordedData | None

    def replay(self) -> Any:
        """Return the replay, filled with the data if there are any."""
        replay = self.parts.replay.build(self.spec, self.seeds, self.horizon)
        if self.data is not None:
            self.data.fill(replay, self.seeds)
        return replay

    @cached_property
    def device(self) -> Device:
        """The device, which an agent and its curiosity share."""
        return Device(self.parts.device)


ARGUMENTS: dict[str, Callable[[_Run], Any]] = {
    "spec": lambda run: run.spec,
    "seeds": lambda run: run.seeds,
    "horizon": lambda run: run.horizon,
    "device": lambda run: run.device,
    "replay": lambda run: run.replay(),
    "explore": lambda run: run.parts.explore.build(run.spec, run.seeds, run.horizon),
    "noise": lambda run: run.parts.explore.build(run.spec, run.seeds, run.horizon),
    "curiosity": lambda run: run.parts.curiosity.build(
        run.spec, run.seeds, run.horizon, run.device
    ),
    "settings": lambda run: run.parts.agent.settings,
}
"""The arguments that an agent's constructor can ask for, by name."""


class Needs(NamedTuple):
    """The resources that a run needs."""

    threads: int
    bytes: int
    """Memory of the replay."""


def validate(settings: Mapping[str, Any], *, begun: bool = False) -> Needs:
    """Check all settings without building an agent; return the resources that the run needs.

    The data of a run that has ``begun`` are in its checkpoint, and not read. Raises BadInput.
    """
    settings, data = (settings, None) if begun else open_data(settings)
    parts = construct(Settings, settings, "")
    env = environment(parts)
    check(parts, env.spec, data=data)
    if parts.record.every:
        env.fps  # noqa: B018 - raises if the environment cannot be filmed
    return Needs(parts.device.threads, replay_bytes(parts, env.spec))


def environment(parts: Settings, on_hang: OnHang = give_up) -> Environment:
    """Return the run's environment, which calls ``on_hang(sentence)`` if it does not respond."""
    return Environment(parts.env, parts.gamma, on_hang)


def check(
    parts: Settings,
    spec: Spec,
    num_seeds: int | None = None,
    data: RecordedData | None = None,
) -> None:
    """Check the settings against the environment, and the data if any. Raises BadInput.

    ``num_seeds`` is the number of seeds that share the memory, by default the run's.
    """
    num_seeds, name = num_seeds or parts.seeds, str(parts.agent.name)
    cls = agent_class(name)
    if wrong := incompatibility(cls, spec):
        fitting = _fitting(spec)
        others = f"Agents that fit: {', '.join(fitting)}." if fitting else "No agent of rlrun fits."
        raise BadInput(f"the agent {name} {wrong}. {others}")
    parameters = _parameters(cls)
    for parameter in parameters:
        if parameter not in ARGUMENTS:
            raise BadInput(
                f"the constructor of the agent {name} ({cls.__module__}.{cls.__qualname__}) has a "
                f"parameter {parameter}, which is not one of: {', '.join(ARGUMENTS)}."
            )
    if parts.data is not None and not issubclass(cls, LearnsFromReplay):
        able = [other for other in AGENTS if issubclass(agent_class(other), LearnsFromReplay)]
        raise BadInput(
            f"the agent {name} cannot learn from data: it learns from its own steps. Agents that "
            f"can: {', '.join(able)}.",
            "data",
        )
    if data is not None:
        data.check(parts.env, parts.gamma, spec)
    if "device" in parameters and (wrong := too_many_choices(spec, num_seeds)):
        raise BadInput(f"the agent {name} {wrong}.")
    _check_option(name, "replay", parts.replay, REPLAY if "replay" in parameters else {})
    explorers = CHOOSERS if "explore" in parameters else NOISES if "noise" in parameters else {}
    _check_option(name, "explore", parts.explore, explorers)
    _check_explorer(name, cls, parts.explore.name, explorers)
    _check_curiosity(name, cls, parts.curiosity, spec, num_seeds)
    if "replay" in parameters:
        with _settings_errors(parts.replay, "replay"):
            parts.replay.settings.check(spec, num_seeds)
    agent_settings = parts.agent.settings
    if isinstance(agent_settings, ChecksSpaces):
        with _settings_errors(parts.agent, "agent"):
            agent_settings.check(spec, num_seeds, parts.explore.settings)


def _settings_errors(option: Option, group: str) -> Any:
    """Convert ValueErrors about the settings of an option to BadInput."""
    return as_bad_input([each.name for each in dataclasses.fields(option.settings)], group)


def build_agent(
    parts: Settings,
    spec: Spec,
    seeds: Sequence[int] | None = None,
    horizon: int | None = None,
    data: RecordedData | None = None,
) -> Agent:
    """Build the agent, after checking its settings against the environment's spaces.

    ``seeds`` are the seed numbers and ``horizon`` is the length of schedules in steps; the defaults
    are those of the run. Its replay is filled with the ``data``, if there are any.
    """
    seeds = parts.seed_numbers if seeds is None else seeds
    check(parts, spec, len(seeds), data)
    run = _Run(parts, spec, seeds, horizon or parts.total_steps, data)
    cls = agent_class(str(parts.agent.name))
    with _settings_errors(parts.replay, "replay"):  # the free memory may have changed
        agent: Agent = cls(**{name: ARGUMENTS[name](run) for name in _parameters(cls)})
    return agent


def _parameters(cls: type) -> list[str]:
    """Return the names of the parameters of an agent's constructor."""
    return list(inspect.signature(cls).parameters)


def _check_option(agent: str, group: str, given: Option, fitting: Mapping[str, Any]) -> None:
    """Raise BadInput for an option of ``group`` that the agent cannot use, or a missing one."""
    if not fitting and given.name is not None:
        raise BadInput(f"the agent {agent} has no use for {group}: write {group}=none.")
    if fitting and given.name is None:
        raise BadInput(f"the agent {agent} needs {group}: write {group}={next(iter(fitting))}.")


def _check_explorer(agent: str, cls: Any, name: str | None, fitting: Mapping[str, Any]) -> None:
    """Raise BadInput for an explorer of the wrong kind, or a bonus without counts of visits."""
    if fitting and name in EXPLORE and name not in fitting:
        kind = "continuous" if name in NOISES else "discrete"
        words = " or ".join(f"explore={each}" for each in fitting)
        raise BadInput(
            f"the agent {agent} has no use for explore={name}, which is for {kind} actions: write "
            f"{words}."
        )
    if name == "bonus" and not getattr(cls, "counts_visits", False):
        raise BadInput(
            f"the agent {agent} has no use for explore=bonus, which is for q_learning, sarsa and "
            "expected_sarsa: write explore=linear."
        )


def _fitting(spec: Spec) -> list[str]:
    """Return the agents that fit an environment."""
    return [name for name in AGENTS if not incompatibility(agent_class(name), spec)]


def _check_curiosity(agent: str, cls: Any, given: Option, spec: Spec, num_seeds: int) -> None:
    """Raise BadInput for an intrinsic reward that does not fit the agent or the environment."""
    if given.name is None:
        return
    if "curiosity" in _parameters(cls):
        with _settings_errors(given, "curiosity"):
            given.settings.check(spec, num_seeds)
        return
    able = [each for each in _fitting(spec) if "curiosity" in _parameters(agent_class(each))]
    raise BadInput(
        f"the agent {agent} cannot learn from a bonus (curiosity={given.name}): write "
        f"curiosity=none, or choose an agent that can: {', '.join(able)}."
    )


def replay_bytes(parts: Settings, spec: Spec) -> int:
    """Return the size of a full replay in bytes; 0 if there is none."""
    if parts.replay.name is None:
        return 0
    size: int = parts.replay.settings.bytes_needed(spec, parts.seeds)
    return size


def evaluation_limit(parts: Settings, env: Environment) -> int:
    """Return the number of steps after which an evaluation's episode is truncated."""
    limits = [limit for limit in (env.limit, parts.eval.max_steps) if limit is not None]
    return min(limits, default=NO_LIMIT_STEPS)


def evaluation_envs(
    parts: Settings,
    env: Environment,
    num_envs: int,
    purpose: Purpose = Purpose.EVAL_EPISODES,
    *,
    seeds: Sequence[int] | None = None,
    film: Film | None = None,
) -> Envs:
    """Open environments for evaluation, with their own episode seeds.

    ``purpose`` distinguishes evaluations during training from the final one. The episode seeds are
    derived from ``seeds``, by default the seed numbers of the run. A ``film`` needs a single
    environment of a single seed.
    """
    return env.open(
        parts.seed_numbers if seeds is None else seeds,
        num_envs,
        limit=evaluation_limit(parts, env),
        purpose=purpose,
        film=film,
    )


def build_player(parts: Settings, spec: Spec, seeds: Sequence[int]) -> Agent:
    """Build the agent for ``seeds`` to play only: its replay has room for a single step."""
    if parts.replay.name is not None:
        smallest = dataclasses.replace(parts.replay.settings, capacity=spec.num_envs)
        parts = dataclasses.replace(parts, replay=Option(parts.replay.name, smallest))
    return build_agent(parts, spec, seeds)
