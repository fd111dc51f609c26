"""The command lines of every agent, and what is built from them without a run's folder."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from torch import Tensor

from rlrun.agents import AGENTS, agent_class
from rlrun.core.types import Array, Metrics, Step
from rlrun.loop import interact
from rlrun.training.metrics_window import MetricsWindow
from tests.support.common import agent_of, parts_and_env

CONTINUOUS = ("ddpg", "td3", "sac")
SEARCHES = ("random_search", "hill_climbing", "genetic", "evolution_strategies", "ars", "cma_es")
"""Agents with networks that count no updates."""
QUICK = {
    "ppo": ("agent.n_steps=32", "agent.batch_size=8", "agent.epochs=4"),
    "a2c": ("agent.n_steps=8",),
    "reinforce": ("agent.episodes=2",),
    "behaviour_cloning": ("demos.expert=cartpole_pd",),
    "dagger": ("demos.expert=cartpole_pd", "agent.n_steps=16", "agent.updates=4"),
}
PIXELS = ("env=ALE/Pong-v5", "replay.capacity=2000", "agent.batch_size=32")


def deep_agents() -> list[str]:
    """Return the agents that compute on a device, in the order of `rlrun list agents`."""
    return [name for name in AGENTS if "device" in inspect.signature(agent_class(name)).parameters]


def words_of(name: str) -> list[str]:
    """Return the command line of an agent that soon begins to learn, with its own networks."""
    env = "Pendulum-v1" if name in CONTINUOUS else "CartPole-v1"
    words = [f"agent={name}", f"env={env}", "tuned=none", *QUICK.get(name, ())]
    if has_replay(name):
        words += ["agent.learning_starts=50", "agent.train_every=1", "replay.capacity=2000"]
    return words


def has_replay(name: str) -> bool:
    """Return whether an agent learns from a replay."""
    return "replay" in inspect.signature(agent_class(name)).parameters


class Learner:
    """An agent and its environments, stepped as a run does it, without its log and checkpoints."""

    def __init__(self, *words: str) -> None:
        self.parts, env = parts_and_env(*words)
        self.parts.device.prepare()
        seeds = self.parts.seed_numbers
        self.agent = agent_of(self.parts, env)
        self.envs = env.open(seeds, env.spec.num_envs)
        self.note = env.arrays_differ()
        self.seeds = len(seeds)
        self.clock = 0
        self._window = MetricsWindow(self.seeds)
        self.restart()

    def restart(self) -> None:
        """Look up the methods of agent and environments anew."""
        self._steps = interact(self.agent, self.envs, self.clock)

    def step(self) -> tuple[Step, Metrics]:
        """Act, step, learn and count, as a run does."""
        self.clock, t, metrics = next(self._steps)
        self._window.add(t, metrics)
        return t, metrics

    def weights(self) -> Array:
        """Return a copy of the weights of the networks that learn, ``[seed, n]``."""
        state = self.agent.state_dict()
        learnt = [state["policy"], state.get("critics", {}).get("online")]
        return np.concatenate([each.numpy(force=True) for each in _tensors(learnt)], 1)

    def close(self) -> None:
        self.envs.close()


def _tensors(tree: Any) -> list[Tensor]:
    if isinstance(tree, Mapping):
        return _tensors(list(tree.values()))
    if isinstance(tree, list):
        return [each for part in tree for each in _tensors(part)]
    return [tree] if isinstance(tree, Tensor) else []


@contextmanager
def learner(*words: str) -> Iterator[Learner]:
    with closing(Learner(*words)) as each:
        yield each
