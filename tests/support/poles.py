"""CartPole under another name."""

import gymnasium as gym

gym.register(
    "Pole-v0", "gymnasium.envs.classic_control.cartpole:CartPoleEnv", max_episode_steps=500
)
