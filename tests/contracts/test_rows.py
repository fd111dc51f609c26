"""Rows of a stack may differ in numbers: each is, bit for bit, its settings and seed alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from rlrun import build
from rlrun.agents import AGENTS
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.fields import fields_of
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Envs
from rlrun.settings import Settings, stack_rows
from tests.contracts.test_every_agent import SMALL, WHERE
from tests.support.common import differences, drive, host, row, settings

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
    "agent.entropy_coef": (0.0, 0.01, 0.3),
    "agent.value_coef": (0.0, 0.5, 1.3),
    "agent.trace_decay": (0.3, 0.9, 1.0),
    "agent.clip": (0.05, 0.2, 0.37),
    "agent.clip_value": (0.05, 0.2, 0.37),
    "agent.target_kl": (1e-5, 1e-3, 1.0),
    "agent.lr_decay": (0.01, 0.1, 1.0),
    "agent.initial_value": (0.0, -1.5, 3.0),
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
    "curiosity.scale": (0.0, 0.1, 2.0),
    "env.reward_scale": (1.0, 0.1, 3.0),
    "gamma": (0.99, 0.9, 0.5),
}
LEARNERS = [agent for agent in AGENTS if not agent.endswith("iteration")]
FIRST = [(agent, WHERE[agent][0]) for agent in LEARNERS]
MORE = [
    (agent, env)
    for agent in ("dqn", "ddpg", "sac", "ppo", "reinforce")
    for env in WHERE[agent][1:3]
]


SWITCHED_ON = (  # numbers that are null or 0 by default, and the other explorers
    "dqn explore=exponential agent.lr_end=0 replay=prioritized",
    "dqn explore=softmax explore.clock=episodes explore.over=50 agent.max_grad_norm=1",
    "ddpg explore=gaussian explore.end=.1 agent.actor_lr=1e-3 agent.target_noise=.1",
    "td3 explore=ornstein_uhlenbeck explore.end=.1 agent.lr_end=0 agent.max_grad_norm=1",
    "sac agent.ent_coef=.1 agent.lr_end=0 agent.max_grad_norm=1 replay=prioritized",
    "sac agent.target_entropy=-1",
    "ppo agent.clip_value=.2 agent.lr_end=0 agent.target_kl=1e-3",
    "a2c agent.lr_end=0 agent.clip=.2 agent.max_grad_norm=1",
    "reinforce agent.lr_end=0 agent.max_grad_norm=1",
    "q_learning explore=bonus",
    "q_learning explore=bonus agent.trace_decay=.5 agent.lr_clock=steps",
    "sarsa explore=softmax agent.lr_clock=steps",
    "expected_sarsa explore=exponential explore.clock=episodes agent.trace_decay=.5",
    "double_q_learning explore=softmax agent.lr_clock=steps",
    "monte_carlo agent.visit=every agent.lr_clock=steps",
    "dqn agent.optimizer=adamw agent.amsgrad=true agent.weight_decay=.1 agent.activation=elu",
    "dqn agent.optimizer=nadam agent.max_grad_value=1 agent.init=xavier agent.init_bias=.1",
    "ddpg agent.optimizer=rmsprop agent.weight_decay=.1 agent.norm=batch agent.activation=elu",
    "sac agent.optimizer=adamw agent.weight_decay=.1 agent.activation=tanh agent.norm=layer",
    "ppo agent.optimizer=sgd agent.max_grad_value=1 agent.activation=elu agent.init=xavier",
    "reinforce agent.optimizer=nadam agent.weight_decay=.1 agent.init=torch",
    "dqn curiosity=count",
    "dqn curiosity=constant replay=prioritized agent.n_step=1",
    "ddpg curiosity=constant",
    "sac curiosity=constant",
    "ppo curiosity=count agent.normalize_obs=true",
    "q_learning curiosity=count agent.trace_decay=0",
    "double_q_learning curiosity=count curiosity.counts=states",
    "monte_carlo curiosity=constant",
)


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
    return build.build_agent(parts, env.spec, seeds), env.open(seeds, env.spec.num_envs)


def test_every_number_that_may_differ_has_values_here() -> None:
    known = {key.rpartition(".")[2] for key in VALUES}
    for agent in LEARNERS:
        for key in fields(SMALL[agent]):
            assert key.rpartition(".")[2] in known, key


@pytest.mark.slow
@pytest.mark.parametrize("envs_per_seed", [1, 3])
@pytest.mark.parametrize(("agent", "env"), FIRST + MORE)
def test_a_row_in_a_mixed_stack_is_its_settings_and_seed_alone(
    agent: str, env: str, envs_per_seed: int
) -> None:
    rng = random.Random(f"{agent} {env} {envs_per_seed}")
    words = (*SMALL[agent], f"env={env}", f"env.num_envs={envs_per_seed}", "total_steps=50000")
    check_rows(drawn(words, [5, 9, 5, 6], rng))  # the same seed may stand in several rows


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


@pytest.mark.slow
@pytest.mark.parametrize("line", SWITCHED_ON)
def test_numbers_that_are_off_by_default_may_differ_too(line: str) -> None:
    agent, *more = line.split()
    words = (*SMALL[agent], f"env={WHERE[agent][0]}", *more)
    check_rows(drawn(words, [5, 9, 5], random.Random(line)))


def test_every_marked_number_is_drawn_somewhere() -> None:
    drawn_keys = {key for agent in LEARNERS for key in fields(SMALL[agent])}
    for line in SWITCHED_ON:
        agent, *more = line.split()
        drawn_keys |= set(fields((*SMALL[agent], *more)))
    assert drawn_keys == VALUES.keys()


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "env"), FIRST)
def test_a_mixed_stack_resumes_as_if_it_had_not_stopped(
    agent: str, env: str, tmp_path: Path
) -> None:
    lines = drawn((*SMALL[agent], f"env={env}"), [3, 3, 8], random.Random(agent))
    one, envs = opened(lines)
    drive(one, envs, 101)
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    expected = drive(one, envs, 120, 101)
    other, others = opened(lines)
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    assert differences(expected, drive(other, others, 120, 101)) == []


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["dqn", "td3", "sac", "ppo", "reinforce"])
def test_a_frozen_row_changes_no_other(agent: str) -> None:
    lines = drawn((*SMALL[agent], f"env={WHERE[agent][0]}"), [5, 6, 7], random.Random(agent))
    stack, envs = opened(lines)
    stack.freeze(1)  # type: ignore[attr-defined]
    drive(stack, envs, 240)
    for k in (0, 2):
        alone, own = opened([lines[k]])
        drive(alone, own, 240)
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


def test_equal_rows_are_plain_numbers() -> None:
    runs = [construct(Settings, settings("agent=dqn", f"seed={n}", "seeds=2"), "") for n in (0, 7)]
    parts, seeds = stack_rows(runs)
    assert seeds == (0, 1, 7, 8)
    assert isinstance(parts.agent.settings.lr, float)
    assert parts.gamma == runs[0].gamma


def test_numbers_become_arrays_by_row() -> None:
    words = (("agent.lr=1e-3", "seeds=2"), ("agent.lr=2e-3", "gamma=.5", "seeds=1", "seed=4"))
    runs = [construct(Settings, settings("agent=dqn", "tuned=none", *each), "") for each in words]
    parts, seeds = stack_rows(runs)
    assert seeds == (0, 1, 4)
    assert parts.agent.settings.lr.tolist() == [1e-3, 1e-3, 2e-3]
    assert np.asarray(parts.gamma).tolist() == [0.99, 0.99, 0.5]
    assert runs[0].agent.settings.lr == 1e-3  # the settings of the runs are unchanged


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("agent.batch_size=32", "agent.batch_size must be the same in all rows of a stack"),
        ("agent.max_grad_norm=null", "agent.max_grad_norm must be null in all rows"),
        ("env=Acrobot-v1", "env.id must be the same"),
        ("replay=prioritized", "replay must be the same"),
        ("total_steps=7", "total_steps must be the same"),
    ],
)
def test_what_must_be_the_same_is_refused(words: str, message: str) -> None:
    lines = (("agent=dqn", "tuned=none"), ("agent=dqn", "tuned=none", words))
    runs = [construct(Settings, settings(*line), "") for line in lines]
    with pytest.raises(BadInput, match=message):
        stack_rows(runs)


def test_rows_that_share_a_plan_have_one_gamma() -> None:
    line = ("agent=value_iteration", "env=FrozenLake-v1")
    runs = [construct(Settings, settings(*line, f"gamma={g}"), "") for g in (0.9, 0.5)]
    with pytest.raises(BadInput, match="gamma must be the same"):
        stack_rows(runs)


def test_marks_are_on_numbers_alone() -> None:

    for agent in LEARNERS:
        parts = construct(Settings, settings(f"agent={agent}", "tuned=none"), "")
        for options in (parts.agent.settings, parts.replay.settings, parts.explore.settings):
            for each in fields_of(type(options)):
                value = getattr(options, each.name)
                assert not each.per_row or value is None or type(value) in (int, float)
