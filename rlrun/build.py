"""Builds the objects of a run from its checked settings.

Every group option has a ``name``, and its settings, checked by ``rlrun.settings``, build it. A
configuration cannot name a class or a module to import.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from rlrun.agents import agent_class, implementation
from rlrun.agents.parts.independent import Independent, row_seeds, spec_of_one
from rlrun.checks import (
    check_options,
    is_independent,
    parameters_of,
    settings_errors,
    ways_out,
)
from rlrun.compatibility import incompatibility
from rlrun.core.abilities import LearnsSequences
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.rows import repeat
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Envs, Spec
from rlrun.data.recorded import Data, open_data
from rlrun.envs.environment import Environment
from rlrun.envs.filmed import Film
from rlrun.envs.watchdog import OnHang, give_up
from rlrun.nets.device import Device
from rlrun.replay.demonstrations import Demonstrations, Shown
from rlrun.replay.sequences import sequence_bytes
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
    data: Data | None
    shown: Shown | None

    def demos(self) -> Demonstrations:
        """Return the demonstrations, filled with what an expert shows if there is one."""
        demos = Demonstrations(self.spec, len(self.seeds))
        if self.shown is not None:
            demos.fill(self.shown, self.parts.agent.settings.validation, self.parts.demos.every)
        return demos

    def replay(self) -> Any:
        """Return the replay, filled with the data if there are any."""
        agent = self.parts.agent.settings
        if isinstance(agent, LearnsSequences):
            given = self.spec, self.seeds, agent.memory_units
            return self.parts.replay.settings.build_sequences(*given)
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
    "demos": lambda run: run.demos(),
    "expert": lambda run: None if run.shown is None else run.shown.label,
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
    data: Data | None = None,
) -> None:
    """Check the settings against the environment, and the data if any. Raises BadInput.

    ``num_seeds`` is the number of seeds that share the memory, by default the run's.
    """
    num_seeds, name = num_seeds or parts.seeds, str(parts.agent.name)
    cls = agent_class(name)
    if is_independent(parts, cls, spec):
        num_seeds, spec = num_seeds * len(spec.agents), spec_of_one(spec)
    if wrong := incompatibility(cls, spec):
        raise BadInput(f"the agent {name} {wrong}. {ways_out(parts, cls, spec)}")
    cls = implementation(name, parts.agent.settings)
    parameters = parameters_of(cls)
    for parameter in parameters:
        if parameter not in ARGUMENTS:
            raise BadInput(
                f"the constructor of the agent {name} ({cls.__module__}.{cls.__qualname__}) has a "
                f"parameter {parameter}, which is not one of: {', '.join(ARGUMENTS)}."
            )
    check_options(parts, cls, spec, num_seeds)
    if data is not None:
        data.check(parts.env, parts.gamma, spec)


def build_agent(
    parts: Settings,
    spec: Spec,
    seeds: Sequence[int] | None = None,
    horizon: int | None = None,
    data: Data | None = None,
    shown: Shown | None = None,
) -> Agent:
    """Build the agent, after checking its settings against the environment's spaces.

    ``seeds`` are the seed numbers and ``horizon`` is the length of schedules in steps; the defaults
    are those of the run. Its replay is filled with the ``data``, if there are any; an agent that
    imitates learns from what was ``shown``.
    """
    seeds = parts.seed_numbers if seeds is None else seeds
    check(parts, spec, len(seeds), data)
    cls = implementation(str(parts.agent.name), parts.agent.settings)
    alone = is_independent(parts, cls, spec)
    run = _Run(parts, spec, seeds, horizon or parts.total_steps, data, shown)
    if alone:
        parts = _row_of_each(parts, len(spec.agents))
        own: Any = {"spec": spec_of_one(spec), "seeds": row_seeds(seeds, spec)}
        run = dataclasses.replace(run, parts=parts, **own)
    with settings_errors(parts.replay, "replay"):  # the free memory may have changed
        agent: Agent = cls(**{name: ARGUMENTS[name](run) for name in parameters_of(cls)})
    return Independent(agent, spec) if alone else agent


def _row_of_each(parts: Settings, agents: int) -> Settings:
    """Return settings in which numbers ``[row]`` stand once for each agent of a row."""
    options = {name: getattr(parts, name) for name in ("agent", "replay", "explore", "curiosity")}
    repeated: Any = {n: Option(o.name, repeat(o.settings, agents)) for n, o in options.items()}
    return dataclasses.replace(parts, **repeated)


def replay_bytes(parts: Settings, spec: Spec) -> int:
    """Return the size of a full replay in bytes; 0 if there is none."""
    if parts.replay.name is None:
        return 0
    replay, agent = parts.replay.settings, parts.agent.settings
    if isinstance(agent, LearnsSequences):
        return sequence_bytes(spec, parts.seeds, replay.capacity, agent.memory_units)
    size: int = replay.bytes_needed(spec, parts.seeds)
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
    """Build the agent for ``seeds`` to play only: its replay has room for a single step.

    That of an agent that learns from sequences has room for one of them.
    """
    if parts.replay.name is not None:
        agent = parts.agent.settings
        steps = agent.sampled_steps if isinstance(agent, LearnsSequences) else 1
        smallest = dataclasses.replace(parts.replay.settings, capacity=steps * spec.num_envs)
        parts = dataclasses.replace(parts, replay=Option(parts.replay.name, smallest))
    return build_agent(parts, spec, seeds)
