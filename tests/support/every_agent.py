"""Every agent in a small form, and the environments in which the batteries of tests put it."""

from __future__ import annotations

from tests.support.common import (
    FEATURES,
    SMALL_CLONE,
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_DRQN,
    SMALL_PPO,
    SMALL_REINFORCE,
)
from tests.support.searches import SMALL_SEARCHES

SHORT = "env.max_episode_steps=30"
MEMORY = ("agent.memory=gru", "agent.memory_units=8")
SMALL = {
    "dqn": (*SMALL_DQN, "agent.n_step=3", "agent.train_every=3", "agent.target_every=7"),
    "double_dqn": (*SMALL_DQN, "agent=double_dqn", "env.reward_scale=0.5"),
    "dueling_dqn": (*SMALL_DQN, "agent=dueling_dqn", "agent.loss=squared", "agent.tau=0.2"),
    "qr_dqn": (
        *SMALL_DQN,
        "agent=qr_dqn",
        "agent.quantiles=5",
        *("agent.double=true", "agent.dueling=true", "agent.noisy=true"),
        *("agent.n_step=2", "replay=prioritized"),
    ),
    "rainbow": (
        *SMALL_DQN,
        "agent=rainbow",
        "agent.train_every=3",
        "agent.target_every=7",
        "agent.v_max=30",
        "explore.fraction=0.002",
    ),
    "drqn": (*SMALL_DRQN, "agent.n_step=2", "agent.target_every=7", SHORT),
    "ddpg": (
        "agent=ddpg",
        *SMALL_CONTROL,
        *("agent.action_layer=2", "agent.norm=layer", SHORT),
    ),
    "td3": ("agent=td3", *SMALL_CONTROL, "agent.n_step=3", "replay=prioritized"),
    "sac": ("agent=sac", *SMALL_CONTROL, "agent.norm=batch", "agent.max_grad_norm=5", SHORT),
    "sac_discrete": (
        *("agent=sac_discrete", *SMALL_CONTROL, "agent.n_step=2"),
        *("agent.max_grad_norm=5", "replay=prioritized"),
    ),
    "maddpg": ("agent=maddpg", *SMALL_CONTROL, "agent.n_step=2"),
    "matd3": ("agent=matd3", *SMALL_CONTROL, "agent.independent=true"),
    "dqn of each": (*SMALL_DQN, "agent.independent=true", "agent.n_step=2"),
    "ddpg of each": ("agent=ddpg", *SMALL_CONTROL, "agent.independent=true"),
    "ppo of each": (*SMALL_PPO, "agent.independent=true", "agent.normalize_obs=true"),
    "ppo": (
        *SMALL_PPO,
        "agent.target_kl=1e-4",
        "agent.lr_end=0",
        "agent.entropy_coef=0.1",
    ),
    "a2c": (
        *SMALL_PPO[1:],
        "agent=a2c",
        "agent.n_steps=5",
        "agent.batch_size=null",
        "agent.normalize_reward=true",
    ),
    "ppo with a memory": (*SMALL_PPO, *MEMORY, "agent.lr_end=0", SHORT),
    "a2c with a memory": (
        *SMALL_PPO[1:],
        *("agent=a2c", "agent.n_steps=5", "agent.batch_size=null", *MEMORY),
    ),
    "reinforce": (*SMALL_REINFORCE, "agent.entropy_coef=0.01", SHORT),
    "behaviour_cloning": (
        *("agent=behaviour_cloning", *SMALL_CLONE, "demos.episodes=5", "agent.normalize_obs=true"),
        *("demos.expert=cartpole_pd", "agent.lr_end=0", SHORT),
    ),
    "dagger": (
        *("agent=dagger", *SMALL_CLONE, "agent.n_steps=20", "agent.updates=3"),
        *("demos.expert=cartpole_pd", SHORT),
    ),
    "cloning of numbers": ("agent=behaviour_cloning", *SMALL_CLONE, "demos.expert=pendulum", SHORT),
    "dagger of numbers": (
        *("agent=dagger", *SMALL_CLONE, "agent.n_steps=20", "agent.updates=3"),
        *("demos.expert=pendulum", "demos.every=1", SHORT),
    ),
    "random": ("agent=random",),
    "scripted": ("agent=scripted",),
    "q_learning": ("agent=q_learning", "agent.trace_decay=0.8", SHORT),
    "sarsa": ("agent=sarsa", "agent.n_step=3", "agent.lr_decay=0.1", SHORT),
    "expected_sarsa": ("agent=expected_sarsa", "explore=softmax", SHORT),
    "double_q_learning": ("agent=double_q_learning", "agent.lr_decay=0.1", SHORT),
    "monte_carlo": ("agent=monte_carlo", "explore.clock=episodes", "explore.over=20", SHORT),
    "td_prediction": ("agent=td_prediction", SHORT),
    "value_iteration": ("agent=value_iteration",),
    "q_value_iteration": ("agent=q_value_iteration",),
    "policy_iteration": ("agent=policy_iteration", "agent.evaluation_sweeps=5"),
    "go_explore": ("agent=go_explore", "agent.repeat=0.3", "env.episode_seed=fixed", SHORT),
    **FEATURES,
    **SMALL_SEARCHES,
    "trace": (  # of another package, with a memory
        "agent=random",
        "agent.name=trace",
        "+agent.decay=0.8",
        "+agent.lr=0.01",
        "explore=linear",
        SHORT,
    ),
}
MASKS = "tests.support.masked:Doors-v0"
TABLES = (
    *("CartPole-v1", "FrozenLake-v1", "Blackjack-v1"),
    "tests.support.masked:DoorsOfNumbers-v0",
)
CONTROL = ("Pendulum-v1", "tests.support.control:Reach-v0", "tests.support.control:Turn-v0")
PLAYERS = ("tests.support.players:meeting", "tests.support.players:pulling")
MODELS = ("FrozenLake-v1", "rlrun/StochasticMarsRover-v0")
BYTES = ("tests.support.pixels:Film-v0", "tests.support.pixels:Grid-v0")
ACTIONS = (
    *("CartPole-v1", "Pendulum-v1", "tests.support.choices:Choices-v0", "FrozenLake-v1"),
    *(MASKS, "tests.support.masked:DoorsAndHands-v0"),
)
WHERE = {
    "dqn": ("CartPole-v1", "FrozenLake-v1", "Blackjack-v1", *BYTES, MASKS),
    "double_dqn": ("CartPole-v1",),
    "dueling_dqn": ("CartPole-v1", "tests.support.pixels:Film-v0"),
    "qr_dqn": ("CartPole-v1", "tests.support.pixels:Film-v0", MASKS),
    "rainbow": ("CartPole-v1", "FrozenLake-v1", "tests.support.pixels:Film-v0", MASKS),
    "drqn": ("CartPole-v1", "FrozenLake-v1", "Blackjack-v1", *BYTES, MASKS),
    "ddpg": (*CONTROL, "tests.support.control:PixelReach-v0"),
    "td3": CONTROL,
    "sac": (*CONTROL, "tests.support.control:PixelReach-v0", "tests.support.control:GridReach-v0"),
    "sac_discrete": ("CartPole-v1", "FrozenLake-v1", "Blackjack-v1", *BYTES, MASKS),
    "maddpg": PLAYERS,
    "dqn of each": PLAYERS[:1],
    "ddpg of each": PLAYERS[1:],
    "ppo of each": PLAYERS,
    "matd3": PLAYERS,
    "ppo": (*ACTIONS, *BYTES),
    "a2c": ACTIONS,
    "ppo with a memory": (*ACTIONS, *BYTES),
    "a2c with a memory": ("CartPole-v1", "Pendulum-v1"),
    "reinforce": (*ACTIONS, *BYTES),
    "behaviour_cloning": ("CartPole-v1",),
    "dagger": ("CartPole-v1",),
    "cloning of numbers": ("Pendulum-v1",),
    "dagger of numbers": ("Pendulum-v1",),
    "random": ("CartPole-v1", "Pendulum-v1", "tests.support.masked:DoorsAndHands-v0"),
    "scripted": ("CartPole-v1", "Pendulum-v1"),
    **dict.fromkeys(["sarsa", "expected_sarsa", "double_q_learning", "monte_carlo"], TABLES),
    **dict.fromkeys(["q_learning", "td_prediction"], TABLES),
    **dict.fromkeys(["value_iteration", "q_value_iteration", "policy_iteration"], MODELS),
    "go_explore": (*TABLES, *BYTES, "tests.support.control:PixelReach-v0"),
    **dict.fromkeys(FEATURES, ("CartPole-v1", MASKS)),
    **dict.fromkeys(SMALL_SEARCHES, ("CartPole-v1", "Pendulum-v1", MASKS)),
    "trace": ("CartPole-v1", "tests.support.trace:Cue-v0"),
}
CASES = [(agent, env) for agent in SMALL for env in WHERE[agent]]
