"""The runs that are killed: every agent, several environments, several of them per seed."""

from __future__ import annotations

SHORT = (
    "tuned=none",
    "seeds=2",
    "env.num_envs=2",
    "total_steps=700",
    "log.every=50",
    "eval.every=150",
    "eval.episodes=2",
    "eval.final_episodes=4",
    "eval.max_steps=40",
    "checkpoint.every_steps=60",
)
DQN = (
    "agent.hidden=[16,16]",
    "agent.batch_size=8",
    "agent.learning_starts=50",
    "agent.target_every=30",
    "replay.capacity=400",
)
CASES: dict[str, tuple[str, ...]] = {
    "dqn": ("env=CartPole-v1", *DQN, "agent.n_step=3"),
    "dqn, tables": ("env=FrozenLake-v1", *DQN, "explore=softmax"),
    "dqn, async": ("env=CartPole-v1", *DQN, "env.vector=async"),
    "dqn, Box2D": ("env=LunarLander-v3", *DQN, "total_steps=400"),
    "dqn, hindsight": ("env=rlrun/BitFlip-v0", *DQN, "replay=hindsight"),
    "rainbow": ("agent=rainbow", "env=CartPole-v1", *DQN, "agent.v_max=30"),
    "dqn, images": (
        "env=tests.support.pixels:Film-v0",
        *DQN,
        "env.frame_stack=3",
        "agent.n_step=2",
    ),
    "dueling_dqn, game": (
        *("agent=dueling_dqn", "env=ALE/Pong-v5", *DQN, "replay=prioritized"),
        *("total_steps=240", "env.max_episode_steps=40", "agent.train_every=20"),
    ),
    "random": ("agent=random", "env=Pendulum-v1"),
    "random, rebuilt": ("agent=random", "env=BipedalWalker-v3", "total_steps=300"),
    "q_learning": ("agent=q_learning", "env=CartPole-v1", "agent.trace_decay=0.8"),
    "q_learning, async": ("agent=q_learning", "env=Blackjack-v1", "env.vector=async"),
    "sarsa": ("agent=sarsa", "env=Taxi-v4", "agent.n_step=3", "agent.lr_decay=0.1"),
    "expected_sarsa": ("agent=expected_sarsa", "env=CliffWalking-v1", "explore=softmax"),
    "double_q_learning": ("agent=double_q_learning", "env=MountainCar-v0"),
    "monte_carlo": (
        *("agent=monte_carlo", "env=Blackjack-v1"),
        *("explore.clock=episodes", "explore.over=99"),
    ),
    "td_prediction": ("agent=td_prediction", "env=rlrun/StochasticMarsRover-v0"),
    "value_iteration": ("agent=value_iteration", "env=FrozenLake-v1"),
    "q_value_iteration": ("agent=q_value_iteration", "env=Taxi-v4"),
    "policy_iteration": ("agent=policy_iteration", "env=FrozenLake8x8-v1"),
}
