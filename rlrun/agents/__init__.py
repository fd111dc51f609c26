"""The agents by name; each is one file. Named by path, so that listing them imports nothing.

Other packages add theirs by an entry point in the group ``rlrun.agents``.
"""

AGENTS: dict[str, str] = {
    "dqn": "rlrun.agents.dqn:DQN",
    "random": "rlrun.agents.random:Random",
}
