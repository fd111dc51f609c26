"""Rows of a stack may differ in numbers: each is, bit for bit, its settings and seed alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rlrun.checkpoint import store
from tests.support.common import differences, drive, host, row
from tests.support.every_agent import SMALL, WHERE
from tests.support.rows import LEARNERS, VALUES, check_rows, drawn, fields, opened

FIRST = [(agent, WHERE[agent][0]) for agent in LEARNERS]
MORE = [
    (agent, env)
    for agent in ("dqn", "ddpg", "sac", "ppo", "reinforce")
    for env in WHERE[agent][1:3]
]

SWITCHED_ON = (  # numbers that are null or 0 by default, and the other explorers
    "dqn explore=exponential agent.lr_end=0 replay=prioritized",
    "dqn replay=prioritized replay.priority=loss",
    "dqn explore=softmax explore.clock=episodes explore.over=50 agent.max_grad_norm=1",
    "drqn agent.lr_end=0 explore=softmax agent.init=xavier agent.max_grad_norm=1",
    "drqn curiosity=constant agent.burn_in=0 agent.double=false",
    "ddpg explore=gaussian explore.end=.1 agent.actor_lr=1e-3 agent.target_noise=.1",
    "td3 explore=ornstein_uhlenbeck explore.end=.1 agent.lr_end=0 agent.max_grad_norm=1",
    "sac agent.ent_coef=.1 agent.lr_end=0 agent.max_grad_norm=1 replay=prioritized",
    "sac agent.target_entropy=-1",
    "sac_discrete agent.ent_coef=.1 agent.lr_end=0",
    "ppo agent.clip_value=.2 agent.lr_end=0 agent.target_kl=1e-3",
    "a2c agent.lr_end=0 agent.clip=.2 agent.max_grad_norm=1",
    "ppo agent.memory=gru agent.clip_value=.2 agent.lr_end=0 agent.init=xavier",
    "reinforce agent.lr_end=0 agent.max_grad_norm=1",
    "q_learning explore=bonus",
    "q_learning explore=bonus agent.trace_decay=.5 agent.lr_clock=steps",
    "sarsa explore=softmax agent.lr_clock=steps",
    "expected_sarsa explore=exponential explore.clock=episodes agent.trace_decay=.5",
    "double_q_learning explore=softmax agent.lr_clock=steps",
    "q_learning agent.features=tiles agent.tiles=2 agent.traces=dutch agent.lr_clock=steps",
    "sarsa agent.n_step=1 agent.features=fourier agent.order=1 agent.lr_clock=steps",
    "expected_sarsa agent.traces=accumulating agent.trace_decay=.5",
    "monte_carlo agent.visit=every agent.lr_clock=steps",
    "dqn agent.optimizer=adamw agent.amsgrad=true agent.weight_decay=.1 agent.activation=elu",
    "dqn agent.optimizer=nadam agent.max_grad_value=1 agent.init=xavier agent.init_bias=.1",
    "ddpg agent.optimizer=rmsprop agent.weight_decay=.1 agent.norm=batch agent.activation=elu",
    "ddpg agent.norm=batch agent.norm_at=after agent.norm_obs=true agent.action_layer=2",
    "td3 agent.norm=batch agent.norm_obs=true agent.norm_critic=trunk agent.init_bias=.1",
    "sac agent.norm=layer agent.norm_at=after agent.norm_obs=true",
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
    "dqn curiosity=rnd curiosity.warm_up=20 curiosity.hidden=[8]",
    "ppo curiosity=rnd curiosity.warm_up=20 curiosity.hidden=[8] agent.normalize_obs=true",
    "a2c curiosity=icm curiosity.warm_up=20 curiosity.hidden=[8]",
    "sac curiosity=icm curiosity.warm_up=20 curiosity.hidden=[8]",
    "dqn replay=hindsight agent.n_step=1 env=rlrun/BitFlip-v0 env.kwargs.bits=5",
    "dqn agent.independent=true env=tests.support.players:meeting",
    "ddpg agent.independent=true env=tests.support.players:pulling replay=prioritized",
    "ppo agent.independent=true env=tests.support.players:meeting agent.lr_end=0",
    "sac replay=hindsight env=tests.support.goals:OneByOne-v0",
)


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


@pytest.mark.slow
@pytest.mark.parametrize("line", SWITCHED_ON)
def test_numbers_that_are_off_by_default_may_differ_too(line: str) -> None:
    agent, *more = line.split()
    where = [] if " env=" in line else [f"env={WHERE[agent][0]}"]
    words = (*SMALL[agent], *where, *more)
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
