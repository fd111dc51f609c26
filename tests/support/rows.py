"""Stacks whose rows differ in numbers: random ones, and each row against itself alone."""

from __future__ import annotations

import random

from rlrun import build
from rlrun.agents import AGENTS
from rlrun.core.fields import fields_of
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Envs
from rlrun.settings import Settings, stack_rows
from tests.support.common import agent_of, differences, drive, host, row, settings

VALUES: dict[str, tuple[float, ...]] = {
    "agent.lr": (1e-2, 3e-3, 7e-4),
    "agent.lr_end": (0.0, 1e-4, 5e-3),
    "agent.max_grad_norm": (0.01, 0.3, 40.0),
    "agent.max_grad_value": (0.001, 0.1, 40.0),
    "agent.weight_decay": (1e-4, 0.01, 0.5),
    "agent.tau": (1.0, 0.3, 0.005),
    "agent.actor_lr": (1e-2, 3e-3, 7e-4),
    "agent.target_noise": (0.1, 0.3, 0.7),
    "agent.target_noise_clip": (0.0, 0.2, 0.5),
    "agent.ent_coef": (0.0, 0.1, 0.37),
    "agent.target_entropy": (-1.0, -0.3, 2.0),
    "agent.target_entropy_share": (0.1, 0.5, 0.98),
    "agent.entropy_coef": (0.0, 0.01, 0.3),
    "agent.value_coef": (0.0, 0.5, 1.3),
    "agent.trace_decay": (0.3, 0.9, 1.0),
    "agent.clip": (0.05, 0.2, 0.37),
    "agent.clip_value": (0.05, 0.2, 0.37),
    "agent.target_kl": (1e-5, 1e-3, 1.0),
    "agent.lr_decay": (0.01, 0.1, 1.0),
    "agent.initial_value": (0.0, -1.5, 3.0),
    "agent.noise": (0.01, 0.1, 1.0),
    "agent.start": (0.01, 0.1, 1.0),
    "agent.mutate": (0.0, 0.2, 0.9),
    "agent.replace": (0.0, 0.05, 0.1),
    "agent.add_unit": (0.0, 0.1, 1.0),
    "agent.add_link": (0.0, 0.3, 1.0),
    "agent.threshold": (0.3, 1.5, 4.0),
    "agent.structure": (0.0, 0.5, 1.0),
    "agent.weights": (0.0, 0.4, 2.0),
    "agent.parents": (0.1, 0.5, 1.0),
    "agent.temperature": (0.3, 1.0, 2.5),
    "agent.logit_penalty": (0.0, 1e-3, 0.2),
    "agent.repeat": (0.0, 0.5, 0.9),
    "agent.power": (0.0, 0.5, 1.3),
    "explore.start": (1.0, 0.6, 0.2),
    "explore.end": (0.01, 0.1, 0.3),
    "explore.fraction": (0.001, 0.002, 0.9),
    "explore.over": (7, 50, 200),
    "explore.decay": (10.0, 55.0, 300.0),
    "explore.k": (0.1, 1.0, 7.0),
    "explore.theta": (0.05, 0.15, 1.0),
    "replay.alpha": (0.5, 0.6, 1.0),
    "replay.beta": (0.0, 0.4, 0.5),
    "replay.beta_fraction": (0.004, 0.01, 1.0),
    "replay.epsilon": (1e-5, 1e-2, 1.0),
    "replay.goals_per_step": (1, 4, 9),
    "curiosity.scale": (0.0, 0.1, 2.0),
    "curiosity.lr": (1e-2, 1e-3, 1e-4),
    "curiosity.discount": (0.99, 0.9, 0.5),
    "env.reward_scale": (1.0, 0.1, 3.0),
    "gamma": (0.99, 0.9, 0.5),
}
LEARNERS = [agent for agent in AGENTS if not agent.endswith("iteration")]


def fields(words: tuple[str, ...]) -> list[str]:
    """The full keys of the numbers that may differ by row in the settings of a command line."""
    parts = construct(Settings, settings(*words), "")
    chosen = ("agent", "explore", "replay", "curiosity")
    groups = {name: getattr(parts, name).settings for name in chosen}
    groups["env"] = parts.env
    keys = [
        f"{group}.{each.name}"
        for group, options in groups.items()
        for each in fields_of(type(options))
        if each.per_row and getattr(options, each.name) is not None
    ]
    # null stays null: it switches a part off
    return [*keys, "gamma"]


def drawn(words: tuple[str, ...], seeds: list[int], rng: random.Random) -> list[tuple[str, ...]]:
    """A command line for each row, with random numbers and the row's seed."""
    base = construct(Settings, settings(*words), "")
    off = {"agent.trace_decay": getattr(base.agent.settings, "trace_decay", 1) == 0}
    for name in ("target_noise", "weight_decay"):
        off[f"agent.{name}"] = getattr(base.agent.settings, name, 1) == 0
    keys = [key for key in fields(words) if not off.get(key)]
    return [
        (*words, f"seed={seed}", "seeds=1", *(f"{key}={rng.choice(VALUES[key])}" for key in keys))
        for seed in seeds
    ]


def opened(lines: list[tuple[str, ...]]) -> tuple[Agent, Envs]:
    """The agent and the environments of these rows in one stack."""
    runs = [construct(Settings, settings(*line), "") for line in lines]
    parts, seeds = stack_rows(runs) if len(runs) > 1 else (runs[0], runs[0].seed_numbers)
    env = build.environment(parts)
    return agent_of(parts, env, seeds), env.open(seeds, env.spec.num_envs)


def check_rows(lines: list[tuple[str, ...]]) -> None:
    """Each row of a stack does, and ends, as its line alone."""
    stack, envs = opened(lines)
    together = drive(stack, envs, 240)
    for k, line in enumerate(lines):
        alone, own = opened([line])
        apart = drive(alone, own, 240)
        for a, b in zip(together, apart, strict=True):
            assert differences([row(each, k) for each in a], b) == [], line
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == [], line
