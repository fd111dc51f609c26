"""The agents by name, one file per algorithm; `parts` holds the code that several agents share.

`AGENTS` names classes by import path, so that listing them imports no agent. Other packages add
agents by an entry point in the group ``rlrun.agents`` (docs/packages.md). Imports core, rules,
replay, explore, nets and tables; an agent never imports an agent.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlrun.agents.parts import installed
from rlrun.core.errors import BadInput, did_you_mean

AGENTS: dict[str, str] = {
    "dqn": "rlrun.agents.dqn:DQN",
    "double_dqn": "rlrun.agents.dqn:DQN",
    "dueling_dqn": "rlrun.agents.dqn:DQN",
    "rainbow": "rlrun.agents.dqn:DQN",
    "ddpg": "rlrun.agents.ddpg:DDPG",
    "td3": "rlrun.agents.ddpg:DDPG",
    "sac": "rlrun.agents.sac:SAC",
    "reinforce": "rlrun.agents.reinforce:Reinforce",
    "ppo": "rlrun.agents.ppo:PPO",
    "a2c": "rlrun.agents.ppo:PPO",
    "random": "rlrun.agents.random:Random",
    "q_learning": "rlrun.agents.td_control:TDControl",
    "sarsa": "rlrun.agents.td_control:TDControl",
    "expected_sarsa": "rlrun.agents.td_control:TDControl",
    "double_q_learning": "rlrun.agents.double_q:DoubleQ",
    "monte_carlo": "rlrun.agents.monte_carlo:MonteCarlo",
    "td_prediction": "rlrun.agents.td_prediction:TDPrediction",
    "value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "q_value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "policy_iteration": "rlrun.agents.dynamic_programming:Planner",
}


def installed_agents() -> dict[str, EntryPoint]:
    """Return the agents of other packages by name. Raises BadInput for a name of ours."""
    return installed.by_name(entry_points(group="rlrun.agents"), AGENTS)


def agent_class(name: str) -> Any:
    """Import and return the class of the agent ``name``, of this or another package.

    Raises BadInput, with a suggestion, if there is no such agent, or if it is not complete.
    """
    others = installed_agents()
    if name in AGENTS:
        module, _, attribute = AGENTS[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    if name in others:
        return installed.load(others[name])
    known = [*AGENTS, *others]
    hint = did_you_mean(name, known)
    raise BadInput(f"there is no agent named '{name}'.{hint} There is: {', '.join(known)}.")
