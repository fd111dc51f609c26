"""Q-learning as textbooks write it: one environment, one table, a plain loop.

Prints steps per second. It keeps the returns of its episodes, and does nothing else.
"""

from __future__ import annotations

import sys
import time

import gymnasium as gym
import numpy as np

LR, GAMMA, EPSILON = 0.1, 0.99, 0.1


def main(steps: int) -> None:
    env = gym.make("FrozenLake-v1")
    rng = np.random.default_rng(0)
    q = np.zeros((16, 4))
    returns: list[float] = []
    total = 0.0
    state, _ = env.reset(seed=0)
    start = time.perf_counter()
    for _ in range(steps):
        explores = rng.random() < EPSILON
        action = env.action_space.sample() if explores else np.argmax(q[state])
        next_state, reward, terminated, truncated, _ = env.step(action)
        target = reward + GAMMA * np.max(q[next_state]) * (not terminated)
        q[state, action] += LR * (target - q[state, action])
        total += float(reward)
        state = next_state
        if terminated or truncated:
            returns.append(total)
            total = 0.0
            state, _ = env.reset()
    print(steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main(int(sys.argv[1]))
