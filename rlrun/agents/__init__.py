"""The agents by name: one file for each algorithm, in `parts` what several of them share.

Named by path, so that listing them imports nothing. Other packages add theirs by an entry point in
the group ``rlrun.agents``. Imports core, rules, replay, explore, nets and tables; an agent never
imports an agent.
"""

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
    "q_learning": "rlrun.agents.td_control:Table",
    "sarsa": "rlrun.agents.td_control:Table",
    "expected_sarsa": "rlrun.agents.td_control:Table",
    "double_q_learning": "rlrun.agents.double_q:DoubleQ",
    "monte_carlo": "rlrun.agents.monte_carlo:MonteCarlo",
    "td_prediction": "rlrun.agents.td_prediction:TDPrediction",
    "value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "q_value_iteration": "rlrun.agents.dynamic_programming:Planner",
    "policy_iteration": "rlrun.agents.dynamic_programming:Planner",
}
