"""Checks that the options of a run fit its agent and its environment, without building anything."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rlrun.agents import AGENTS, OTHER_ACTIONS, agent_class, implementation
from rlrun.compatibility import incompatibility, too_many_choices
from rlrun.core.abilities import (
    CanFreeze,
    ChecksSpaces,
    LearnsFromReplay,
    LearnsSequences,
    Recurrent,
)
from rlrun.core.errors import BadInput
from rlrun.core.schema import as_bad_input
from rlrun.core.types import Spec
from rlrun.envs.hand_written import fitting_rules
from rlrun.explore.options import CHOOSERS, EXPLORE, NOISES
from rlrun.replay.options import REPLAY
from rlrun.replay.sequences import check_sequences
from rlrun.settings import Option, Settings


def check_options(parts: Settings, cls: type, spec: Spec, num_seeds: int) -> None:
    """Raise BadInput if an option does not fit the agent's class or the environment.

    ``num_seeds`` is the number of seeds that share the memory.
    """
    name, parameters = str(parts.agent.name), parameters_of(cls)
    if parts.data is not None and not issubclass(cls, LearnsFromReplay):
        able = _able(spec, lambda other: issubclass(other, LearnsFromReplay))
        raise BadInput(
            f"the agent {name} cannot learn from data: it learns from its own steps. Agents that "
            f"can: {able}.",
            "data",
        )
    if parts.stop.episodes is not None and not issubclass(cls, CanFreeze):
        able = _able(spec, lambda other: issubclass(other, CanFreeze))
        raise BadInput(
            f"the agent {name} cannot stop its seeds one by one after stop.episodes: write "
            f"total_steps=N instead, or choose an agent that can: {able}.",
            "stop.episodes",
        )
    if "device" in parameters and (wrong := too_many_choices(spec, num_seeds)):
        raise BadInput(f"the agent {name} {wrong}.")
    _check_option(name, "replay", parts.replay, REPLAY if "replay" in parameters else {})
    explorers = CHOOSERS if "explore" in parameters else NOISES if "noise" in parameters else {}
    _check_option(name, "explore", parts.explore, explorers)
    _check_explorer(name, cls, parts.explore.name, explorers)
    _check_curiosity(name, cls, parts, spec, num_seeds)
    _check_sequences(name, parts, spec, num_seeds)
    _check_expert(name, cls, parts.demos.expert, spec)
    if "replay" in parameters:
        with settings_errors(parts.replay, "replay"):
            parts.replay.settings.check(spec, num_seeds)
        _check_steps(parts)
    agent_settings = parts.agent.settings
    if isinstance(agent_settings, ChecksSpaces):
        with settings_errors(parts.agent, "agent"):
            agent_settings.check(spec, num_seeds, parts.explore.settings)


def parameters_of(cls: type) -> list[str]:
    """Return the names of the parameters of an agent's constructor."""
    return list(inspect.signature(cls).parameters)


def _check_option(agent: str, group: str, given: Option, fitting: Mapping[str, Any]) -> None:
    """Raise BadInput for an option of ``group`` that the agent cannot use, or a missing one."""
    if not fitting and given.name is not None:
        raise BadInput(f"the agent {agent} has no use for {group}: write {group}=none.")
    if fitting and given.name is None:
        raise BadInput(f"the agent {agent} needs {group}: write {group}={next(iter(fitting))}.")


def ways_out(parts: Settings, cls: type, spec: Spec) -> str:
    """Return what to choose where an agent of this class does not fit, in sentences."""
    fitting, name = fitting_agents(spec), str(parts.agent.name)
    others = f"Agents that fit: {', '.join(fitting)}." if fitting else "No agent of rlrun fits."
    if (same := OTHER_ACTIONS.get(name)) in fitting:
        others = f"For those it is agent={same}. {others}"
    for_one = bool(spec.agents) and hasattr(parts.agent.settings, "independent")
    if for_one and not incompatibility(cls, dataclasses.replace(spec, agents=())):
        others = f"agent.independent=true trains one for each of them. {others}"
    return others


def is_independent(parts: Settings, cls: type, spec: Spec) -> bool:
    """Return whether each of several agents is trained by itself, by an agent for one.

    Raises BadInput if that is asked for and impossible.
    """
    asked = getattr(parts.agent.settings, "independent", False)
    if not asked or getattr(cls, "several_agents", False):
        return False
    if not spec.agents:
        raise BadInput(
            f"agent.independent=true is for environments with several agents, and {spec.env_id} "
            "has one: write agent.independent=false.",
            "agent.independent",
        )
    for key in ("data", "init"):
        if getattr(parts, key) is not None:
            raise BadInput(f"{key} does not go with agent.independent=true.", key)
    name = str(parts.agent.name)
    if issubclass(implementation(name, parts.agent.settings), Recurrent):
        raise BadInput(
            f"agent.independent=true does not go with a memory, which the agent {name} has: write "
            "agent.memory=none, or choose another agent.",
            "agent.independent",
        )
    return True


def _check_sequences(agent: str, parts: Settings, spec: Spec, num_seeds: int) -> None:
    """Raise BadInput for a replay that has no sequences, or no room for one."""
    settings, replay = parts.agent.settings, parts.replay
    if not isinstance(settings, LearnsSequences):
        return
    if replay.name != "uniform":
        raise BadInput(
            f"the agent {agent} has no use for replay={replay.name}: it learns from sequences of "
            "steps, which are sampled uniformly. Write replay=uniform.",
            "replay",
        )
    needed = replay.settings.capacity, settings.memory_units, settings.sampled_steps
    with settings_errors(replay, "replay"):
        check_sequences(spec, num_seeds, *needed)


def _check_steps(parts: Settings) -> None:
    """Raise BadInput for returns of several steps from a replay that has none."""
    steps = getattr(parts.agent.settings, "n_step", 1)
    if parts.replay.name == "hindsight" and steps > 1:
        raise BadInput(
            f"replay=hindsight has no returns of {steps} steps, since the rewards after the first "
            "are those of another goal: write agent.n_step=1.",
            "agent.n_step",
        )


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
            f"the agent {agent} has no use for explore=bonus, which is for the tables of "
            "q_learning, sarsa and expected_sarsa (agent.features=null): write explore=linear."
        )


def fitting_agents(spec: Spec) -> list[str]:
    """Return the agents that fit an environment."""
    return [name for name in AGENTS if not incompatibility(agent_class(name), spec)]


def _able(spec: Spec, condition: Callable[[type], bool]) -> str:
    """Return the agents that fit an environment and satisfy a condition, in words."""
    return ", ".join(each for each in fitting_agents(spec) if condition(agent_class(each)))


def _check_curiosity(agent: str, cls: Any, parts: Settings, spec: Spec, num_seeds: int) -> None:
    """Raise BadInput for an intrinsic reward that does not fit the agent or the environment."""
    given = parts.curiosity
    if given.name is None:
        return
    if parts.data is not None:
        raise BadInput(
            f"curiosity={given.name} rewards what the agent visits, and with data it visits "
            "nothing: write curiosity=none.",
            "curiosity",
        )
    if "curiosity" in parameters_of(cls):
        with settings_errors(given, "curiosity"):
            given.settings.check(spec, num_seeds)
        return
    able = _able(spec, lambda other: "curiosity" in parameters_of(other))
    raise BadInput(
        f"the agent {agent} cannot learn from a bonus (curiosity={given.name}): write "
        f"curiosity=none, or choose an agent that can: {able}."
    )


def _check_expert(agent: str, cls: Any, expert: str | None, spec: Spec) -> None:
    """Raise BadInput for an agent that imitates without an expert, or has no use for one."""
    imitates = "demos" in parameters_of(cls)
    if imitates and expert is None:
        fitting = fitting_rules(spec)
        rules = f", or a rule that fits: {', '.join(fitting)}" if fitting else ""
        raise BadInput(
            f"the agent {agent} imitates an expert: write demos.expert=RUN_FOLDER, a file of "
            f"`rlrun record-data`{rules}.",
            "demos.expert",
        )
    if expert is not None and not imitates:
        able = _able(spec, lambda other: "demos" in parameters_of(other))
        raise BadInput(
            f"the agent {agent} does not imitate: write demos.expert=null, or choose an agent that "
            f"does: {able}.",
            "demos.expert",
        )


def settings_errors(option: Option, group: str) -> Any:
    """Convert ValueErrors about the settings of an option to BadInput."""
    return as_bad_input([each.name for each in dataclasses.fields(option.settings)], group)
