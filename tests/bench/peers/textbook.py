"""Q-learning as textbooks write it: one environment, one table, a plain loop.

Prints steps, wall time and processor time as JSON. It keeps the returns of its episodes, and does
nothing else.
"""

from __future__ import annotations

import json
import sys
import time

import gymnasium as gym
import numpy as np

from tests.bench.peers.works import works


def main(steps: int, lr: float, gamma: float, epsilon: float) -> None:
    env = gym.make("FrozenLake-v1")
    rng = np.random.default_rng(0)
    q = np.zeros((16, 4))
    returns: list[float] = []
    total = 0.0
    state, _ = env.reset(seed=0)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        explores = rng.random() < epsilon
        action = env.action_space.sample() if explores else np.argmax(q[state])
        next_state, reward, terminated, truncated, _ = env.step(action)
        target = reward + gamma * np.max(q[next_state]) * (not terminated)
        q[state, action] += lr * (target - q[state, action])
        total += float(reward)
        state = next_state
        if terminated or truncated:
            returns.append(total)
            total = 0.0
            state, _ = env.reset()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"steps": steps, "wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    work = works()[sys.argv[1]]
    main(work.steps, **work.settings)
