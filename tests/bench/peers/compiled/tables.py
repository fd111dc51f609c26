"""Q-learning compiled by numba, with the environment's table: `python -m ...tables WORK SEEDS`.

Prints the steps of all seeds, wall time and processor time as JSON, and with `--learns` the mean
return of a run as long as `peers.yaml` asks for.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import gymnasium as gym
import numba
import numpy as np

from tests.bench.peers.works import Work, works

LEAST = 20  # times a work's steps that are measured: fewer would take hundredths of a second

Array = np.ndarray[Any, np.dtype[Any]]


def model(name: str) -> tuple[Array, Array, Array, Array, int]:
    """Return an environment's table and time limit.

    The arrays are the cumulative probabilities, successors, rewards and terminations, each
    ``[state, action, outcome]``.
    """
    env = gym.make(name)
    table: Any = env.unwrapped
    limit = env.spec.max_episode_steps if env.spec else None
    outcomes = max(len(each) for row in table.P.values() for each in row.values())
    shape = (len(table.P), len(table.P[0]), outcomes)
    chance, following, reward = np.ones(shape), np.zeros(shape, np.int64), np.zeros(shape)
    terminates = np.zeros(shape, np.bool_)
    for state, row in table.P.items():
        for action, each in row.items():
            at = (state, action, slice(len(each)))
            probability, following[at], reward[at], terminates[at] = zip(*each, strict=True)
            chance[at] = np.cumsum(probability)
    assert table.initial_state_distrib[0] == 1
    assert limit is not None
    return chance, following, reward, terminates, limit


def learn(
    chance: Array,
    following: Array,
    reward: Array,
    terminates: Array,
    limit: int,
    seeds: int,
    steps: int,
    lr: float,
    gamma: float,
    epsilon: float,
) -> tuple[Array, float, int]:
    """Return the values ``[seed, state, action]``, and returns and episodes of the second half."""
    states, actions, outcomes = chance.shape
    q = np.zeros((seeds, states, actions))
    returns, episodes = 0.0, 0
    for seed in range(seeds):
        np.random.seed(seed)
        values, state, age = q[seed], 0, 0
        for step in range(steps):
            if np.random.random() < epsilon:
                action = np.random.randint(actions)
            else:
                action = int(np.argmax(values[state]))
            draw, outcome = np.random.random(), 0
            while outcome < outcomes - 1 and draw >= chance[state, action, outcome]:
                outcome += 1
            after, gain = following[state, action, outcome], reward[state, action, outcome]
            ends = terminates[state, action, outcome]
            goal = gain if ends else gain + gamma * values[after].max()
            values[state, action] += lr * (goal - values[state, action])
            age += 1
            counts = 2 * step >= steps
            if counts:
                returns += gain
            if ends or age >= limit:
                state, age = 0, 0
                if counts:
                    episodes += 1
            else:
                state = after
    return q, returns, episodes


def main(work: Work, seeds: int, learns: bool) -> None:
    compiled: Any = numba.njit(learn)
    table = model(work.env)
    numbers = tuple(work.settings[key] for key in ("lr", "gamma", "epsilon"))
    compiled(*table, 1, 10, *numbers)
    if learns:
        _, returns, episodes = compiled(*table, seeds, int(work.learns["steps"]), *numbers)
        print(json.dumps({"mean_return": returns / episodes}))
        return
    steps = work.steps * max(1, LEAST // seeds)
    wall, cpu = time.perf_counter(), time.process_time()
    compiled(*table, seeds, steps, *numbers)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"steps": seeds * steps, "wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=works())
    parser.add_argument("seeds", type=int)
    parser.add_argument("--learns", action="store_true")
    given = parser.parse_args()
    main(works()[given.work], given.seeds, given.learns)
