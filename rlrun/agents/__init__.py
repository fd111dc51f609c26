"""The agents by name, one file per algorithm; `parts` holds the code that several agents share.

`AGENTS` names classes by import path, so that listing them imports no agent. Other packages add
agents by an entry point in the group ``rlrun.agents`` (docs/packages.md). Imports core, rules,
replay, explore, nets, tables, curiosity, features and the hand-written rules of envs; no agent
imports another.
"""

from __future__ import annotations

import dataclasses
import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlrun.core.abilities import ChoosesClass
from rlrun.core.errors import BadInput, did_you_mean

EXAMPLE = "CONTRIBUTING.md of rlrun shows a complete agent"
AGENTS: dict[str, str] = {
    "dqn": "rlrun.agents.dqn:DQN",
    "double_dqn": "rlrun.agents.dqn:DQN",
    "dueling_dqn": "rlrun.agents.dqn:DQN",
    "qr_dqn": "rlrun.agents.dqn:DQN",
    "rainbow": "rlrun.agents.dqn:DQN",
    "drqn": "rlrun.agents.drqn:DRQN",
    "ddpg": "rlrun.agents.ddpg:DDPG",
    "td3": "rlrun.agents.ddpg:DDPG",
    "sac": "rlrun.agents.sac:SAC",
    "sac_discrete": "rlrun.agents.sac_discrete:SACDiscrete",
    "maddpg": "rlrun.agents.maddpg:MADDPG",
    "matd3": "rlrun.agents.maddpg:MADDPG",
    "reinforce": "rlrun.agents.reinforce:Reinforce",
    "ppo": "rlrun.agents.ppo:PPO",
    "a2c": "rlrun.agents.ppo:PPO",
    "behaviour_cloning": "rlrun.agents.behaviour_cloning:BehaviourCloning",
    "dagger": "rlrun.agents.dagger:DAgger",
    "random": "rlrun.agents.random:Random",
    "scripted": "rlrun.agents.scripted:Scripted",
    "q_learning": "rlrun.agents.td_control:TDControl",
    "sarsa": "rlrun.agents.td_control:TDControl",
    "expected_sarsa": "rlrun.agents.td_control:TDControl",
    "double_q_learning": "rlrun.agents.double_q:DoubleQ",
    "monte_carlo": "rlrun.agents.monte_carlo:MonteCarlo",
    "td_prediction": "rlrun.agents.td_prediction:TDPrediction",
    "value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "q_value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "policy_iteration": "rlrun.agents.dynamic_programming:Planner",
    "random_search": "rlrun.agents.random_search:RandomSearch",
    "hill_climbing": "rlrun.agents.hill_climbing:HillClimbing",
    "genetic": "rlrun.agents.genetic:Genetic",
    "evolution_strategies": "rlrun.agents.evolution_strategies:EvolutionStrategies",
    "ars": "rlrun.agents.ars:ARS",
    "cma_es": "rlrun.agents.cma_es:CMAES",
    "neat": "rlrun.agents.neat:NEAT",
    "go_explore": "rlrun.agents.go_explore:GoExplore",
}
OTHER_ACTIONS = {"sac": "sac_discrete", "sac_discrete": "sac"}
"""By agent, the one that is the same algorithm for other actions."""


def installed_agents() -> dict[str, EntryPoint]:
    """Return the agents of other packages by name. Raises BadInput for a name of ours."""
    points = list(entry_points(group="rlrun.agents"))
    for point in points:
        if point.name in AGENTS:
            raise BadInput(
                f"the entry point {point.name} = {point.value} has the name of an agent of rlrun: "
                "rename it, or uninstall its package."
            )
    return {point.name: point for point in points}


def agent_class(name: str) -> Any:
    """Import and return the class of the agent ``name``, of this or another package.

    Raises BadInput, with a suggestion, if there is no such agent, or if it is not complete.
    """
    others = installed_agents()
    if name in AGENTS:
        return _imported(AGENTS[name])
    if name in others:
        return _load(others[name])
    known = [*AGENTS, *others]
    hint = did_you_mean(name, known)
    raise BadInput(f"there is no agent named '{name}'.{hint} There is: {', '.join(known)}.")


def implementation(name: str, settings: object) -> Any:
    """Return the class of the agent ``name`` for these settings, if they choose one of several."""
    if isinstance(settings, ChoosesClass):
        return _imported(settings.implementation)
    return agent_class(name)


def _imported(named: str) -> Any:
    """Return the class ``module:Class`` of this package."""
    module, _, attribute = named.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _load(point: EntryPoint) -> Any:
    """Import and return an agent's class. Raises BadInput if it is not complete."""
    name = point.name
    try:
        cls = point.load()
    except Exception as error:  # the code of its package, which can raise anything
        raise BadInput(
            f"the agent {name} cannot be imported from {point.value}: {type(error).__name__}: "
            f"{error}."
        ) from error
    for attribute in ("observes", "acts", "settings_class"):
        if not hasattr(cls, attribute):
            raise BadInput(f"the agent {name} ({cls.__module__}) has no {attribute}: {EXAMPLE}.")
    settings = cls.settings_class
    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        raise BadInput(
            f"the settings_class of the agent {name} ({cls.__module__}) is not a dataclass: "
            f"{EXAMPLE}."
        )
    positional = [each.name for each in dataclasses.fields(settings) if not each.kw_only]
    if positional:
        raise BadInput(
            f"the settings of the agent {name} ({cls.__module__}.{settings.__name__}) "
            f"must be keyword-only, but {', '.join(positional)} can be passed by position: write "
            "@dataclass(frozen=True, kw_only=True) above the class."
        )
    return cls
