"""What several test files need: the real configuration, shrunk, and what is built from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import hydra
import numpy as np
import torch

from rlrun import build
from rlrun.agents import agent_class
from rlrun.cli.config.paths import config_root
from rlrun.core.rng import Purpose
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Envs, Step
from rlrun.envs.env_info import read_env_info
from rlrun.envs.environment import Environment
from rlrun.envs.factory import open_envs
from rlrun.envs.vector.sync import EnvOptions
from rlrun.loop import Actor, interact
from rlrun.settings import Settings
from rlrun.transfer.experts import shown_by_expert

SMALL_DQN = (
    "agent=dqn",
    "agent.hidden=[16,16]",
    "agent.batch_size=8",
    "agent.learning_starts=20",
    "replay.capacity=150",
    "tuned=none",
)
SMALL_DRQN = (
    "agent=drqn",
    "agent.memory_units=8",
    "agent.hidden=[16]",
    *("agent.burn_in=3", "agent.sequence_length=5"),
    "agent.batch_size=4",
    "agent.learning_starts=20",
    "agent.train_every=3",
    "replay.capacity=150",
    "tuned=none",
)
SMALL_CONTROL = (
    "agent.hidden=[16,16]",
    "agent.batch_size=8",
    "agent.learning_starts=20",
    "agent.train_every=3",
    "replay.capacity=150",
    "tuned=none",
)

SMALL_PPO = (
    "agent=ppo",
    "agent.hidden=[16,16]",
    "agent.n_steps=8",
    "agent.batch_size=4",
    "agent.epochs=3",
    "agent.lr=1e-2",
    "tuned=none",
)
SMALL_REINFORCE = (
    "agent=reinforce",
    "agent.hidden=[16,16]",
    "agent.episodes=2",
    "agent.lr=1e-2",
    "tuned=none",
)
SMALL_CLONE = (
    "agent.hidden=[16,16]",
    "agent.batch_size=8",
    "agent.lr=1e-2",
    "demos.episodes=2",
    "demos.every=3",
)
FEATURES = {  # of table agents, by names for tests
    "sarsa of tiles": (
        *("agent=sarsa", "agent.features=tiles", "agent.tilings=4", "agent.tiles=3"),
        *("agent.trace_decay=0.8", "agent.lr_decay=0.1", "agent.lr_clock=steps"),
        "env.max_episode_steps=30",
    ),
    "q_learning of a Fourier basis": (
        *("agent=q_learning", "agent.features=fourier", "agent.order=1", "agent.lr=0.05"),
        *("agent.trace_decay=0.8", "agent.traces=dutch", "env.max_episode_steps=30", "tuned=none"),
    ),
    "expected_sarsa of polynomials": (
        *("agent=expected_sarsa", "agent.features=polynomial", "agent.order=1", "agent.lr=0.01"),
        *("explore=softmax", "env.max_episode_steps=30"),
    ),
}


def settings(*words: str) -> dict[str, Any]:
    """The settings that the command line ``rlrun WORDS`` composes."""
    with hydra.initialize_config_dir(str(config_root()), version_base="1.3"):
        return build.plain(hydra.compose("config", overrides=list(words)))


def parts_and_env(*words: str) -> tuple[Settings, Environment]:
    """The checked settings of that command line, and their environment."""
    parts = construct(Settings, settings(*words), "")
    return parts, build.environment(parts)


def agent_of(parts: Settings, env: Environment, seeds: Sequence[int] | None = None) -> Agent:
    """The agent of these settings; one that imitates has seen its expert."""
    shown = shown_by_expert(parts, env, agent_class(str(parts.agent.name)), seeds=seeds)
    return build.build_agent(parts, env.spec, seeds, shown=shown)


def agent_and_envs(*words: str) -> tuple[Agent, Envs]:
    """The agent and the training environments of that command line."""
    parts, env = parts_and_env(*words)
    parts.device.prepare()
    agent = agent_of(parts, env)
    return agent, env.open(parts.seed_numbers, parts.env.num_envs)


def envs_of(
    env_id: str, seeds: tuple[int, ...] = (0,), num_envs: int = 1, gamma: float = 0.9, **kwargs: Any
) -> Envs:
    """A grid of one registered environment."""
    return grid_of(partial(gym.make, env_id, **kwargs), env_id, seeds, num_envs, gamma=gamma)


def grid_of(
    make: Callable[[], gym.Env[Any, Any]],
    env_id: str,
    seeds: Sequence[int] = (0,),
    num_envs: int = 1,
    *,
    gamma: float = 0.9,
    purpose: Purpose = Purpose.TRAIN_EPISODES,
    options: EnvOptions | None = None,
) -> Envs:
    """A grid of the environment that ``make`` makes, which is looked at first as for a run."""
    options = options or EnvOptions()
    info = read_env_info(make, env_id, options, gamma)
    return open_envs(make, info, seeds, num_envs, gamma=gamma, purpose=purpose, options=options)


def ended(*steps: Step) -> list[tuple[int, int, float, int]]:
    """The episodes that ended with these steps: seed and environment, true return, length."""
    return [
        (s, e, float(np.sum(t.score[s, e])), int(t.length[s, e]))
        for t in steps
        for s, e in np.argwhere(t.last).tolist()
    ]


def drive(
    agent: Agent, envs: Envs, steps: int, start: int = 0, actor: Actor | None = None
) -> list[Any]:
    """Everything that comes out of some steps of the loop."""
    seen = []
    for step, t, metrics in interact(agent, envs, start, actor):
        seen.append(host([t._asdict(), metrics]))
        if step >= start + steps:
            return seen
    raise AssertionError("unreachable: the loop has no end")


def host(tree: Any) -> Any:
    """A copy of a state with every array and tensor as an array, for comparing."""
    if isinstance(tree, Mapping):
        return {key: host(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [host(value) for value in tree]
    if isinstance(tree, torch.Tensor):
        return tree.detach().cpu().numpy().copy()
    return tree.copy() if isinstance(tree, np.ndarray) else tree


def differences(a: Any, b: Any, place: str = "") -> list[str]:
    """The places where two states of `host` differ in a single bit, or in shape or type."""
    if isinstance(a, Mapping):
        if a.keys() != b.keys():
            return [f"{place}: {sorted(a)} against {sorted(b)}"]
        return [d for key in a for d in differences(a[key], b[key], f"{place}/{key}")]
    if isinstance(a, list):
        if len(a) != len(b):
            return [f"{place}: {len(a)} against {len(b)}"]
        return [
            d
            for i, (x, y) in enumerate(zip(a, b, strict=True))
            for d in differences(x, y, f"{place}/{i}")
        ]
    if isinstance(a, np.ndarray):
        same = a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        return [] if same else [place]
    return [] if a == b else [f"{place}: {a} against {b}"]


def seeds_of(t: Step, positions: slice) -> Step:
    """The part of a step that belongs to the seeds at these positions."""
    parts: list[Any] = [None if each is None else each[positions] for each in t]
    return Step(*parts)


def row(tree: Any, k: int) -> Any:
    """The part of a state of `host` that belongs to the seed at position k, as a stack of one."""
    if isinstance(tree, Mapping):
        return {key: row(value, k) for key, value in tree.items()}
    if isinstance(tree, list):
        return tree[k : k + 1]
    return tree[k : k + 1] if isinstance(tree, np.ndarray) and tree.ndim else tree
