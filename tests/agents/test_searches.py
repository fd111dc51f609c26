"""Agents that search for a policy: their updates, what evaluations play, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.agents.ars import ARS
from rlrun.agents.evolution_strategies import EvolutionStrategies
from rlrun.agents.genetic import Genetic
from rlrun.agents.hill_climbing import HillClimbing
from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from tests.support.common import agent_and_envs, differences, drive, host, row, settings
from tests.support.searches import SMALL_SEARCHES

pytestmark = pytest.mark.slow

CART = "env=CartPole-v1"
agents = pytest.mark.parametrize("agent", SMALL_SEARCHES)


def built(agent: str, *words: str) -> tuple[Any, Any]:
    return agent_and_envs(f"agent={agent}", CART, "tuned=none", *words)


def test_a_gradient_step_by_hand() -> None:
    one, _ = built("evolution_strategies", "seeds=2", "agent.pairs=2", "agent.optimizer=sgd")
    assert isinstance(one, EvolutionStrategies)
    before = [one._search.vector(k) for k in (0, 1)]
    noise = one._noise[1].copy()
    one._update(1, np.array([9.0, 20.0, 10.0, 9.0]), 100)
    # ranks: -1/3, 1/2, 1/6, -1/3; differences of the pairs: -1/2 and 5/6; noise 0.1, rate 0.05
    ascent = (-0.5 * noise[0] + 5 / 6 * noise[1]) / (4 * 0.1)
    assert one._search.vector(1) == pytest.approx(before[1] + 0.05 * ascent, rel=1e-4, abs=1e-6)
    assert np.array_equal(one._search.vector(0), before[0])


def test_the_learning_rate_is_that_of_the_generations_beginning() -> None:
    short = ("seeds=1", "agent.pairs=1", "env.max_episode_steps=20")
    words = ("agent.lr_end=0", "total_steps=1000", *short)
    one, envs = built("evolution_strategies", *words)
    begun, count = 0, 0
    for n, (_, metrics) in enumerate(drive(one, envs, 400), start=1):
        if metrics["train/generation"][0] > count:
            expected = 0.05 * (1 - begun / 1000)
            assert metrics["train/learning_rate"][0] == pytest.approx(expected)
            begun, count = n, int(metrics["train/generation"][0])
    assert count > 5


def test_a_step_of_augmented_random_search_moves_the_centre() -> None:
    one, envs = built("ars", "seeds=1", "agent.pairs=1", "agent.normalize_obs=false")
    assert isinstance(one, ARS)
    noise = one._noise[0, 0].copy()
    returns: list[float] = []
    for t, metrics in drive(one, envs, 200):
        returns += t["score"][t["last"]].tolist()
        if metrics["train/generation"][0]:
            break
    plus, minus = returns[:2]
    one, envs = built("ars", "seeds=1", "agent.pairs=1", "agent.normalize_obs=false")
    while not one._search.metrics()["train/generation"][0]:
        drive(one, envs, 1)
    step = 0.0 if plus == minus else (plus - minus) / (abs(plus - minus) / 2)
    assert one._centre[0] == pytest.approx(0.02 * step * noise)


def test_a_neighbour_replaces_the_policy_if_it_is_as_good() -> None:
    one, envs = built("hill_climbing", "seeds=1")
    assert isinstance(one, HillClimbing)
    best, count, noise = -np.inf, 0, 0.01
    for _ in range(600):
        candidate, before = one._search.generation[0, 0].copy(), one._search.vector(0)
        t, metrics = drive(one, envs, 1)[0]
        if metrics["train/generation"][0] == count:
            continue
        count += 1
        fitness = t["score"][0, 0]
        improved = fitness >= best
        best = max(best, fitness)
        noise = max(noise / 2, 0.001) if improved else min(noise * 2, 2.0)
        expected = candidate.astype(np.float32) if improved else before
        assert np.array_equal(one._search.vector(0), expected)
        assert metrics["train/noise"][0] == noise
    assert count > 10


def test_parents_remain_and_their_children_take_turns() -> None:
    small = ("agent.population=6", "agent.elite=2", "agent.noise=1e-9", "seeds=1")
    one, envs = built("genetic", *small)
    assert isinstance(one, Genetic)
    first = one._search.generation[0].copy()
    returns: list[float] = []
    while len(returns) < 6:
        t, _ = drive(one, envs, 1)[0]
        returns += t["score"][t["last"]].tolist()
    parents = first[np.argsort(-np.array(returns), kind="stable")[:2]]
    assert np.array_equal(one._search.generation[0, :2], parents)
    assert one._search.generation[0, 2:] == pytest.approx(np.tile(parents, (2, 1)), abs=1e-7)


def test_children_of_two_parents_get_whole_units() -> None:
    one, _ = built("genetic", "agent.sexual=true", "agent.noise=1e-9", "agent.hidden=[8]")
    parents = np.repeat(np.arange(5.0)[:, None], len(one._search.net.index), 1)
    children, unit = one._children(0, parents), one._search.net.unit
    mothers = np.arange(45) % 5
    for child, mother in zip(np.round(children), mothers, strict=True):
        for each in range(unit.max() + 1):
            assert len(set(child[unit == each])) == 1
        assert len(set(child) - {mother}) <= 1
    taken = (np.round(children) != mothers[:, None]).mean()
    assert 0.4 < taken < 0.6


@pytest.mark.parametrize("agent", sorted(SMALL_SEARCHES.keys() - {"neat"}))
def test_evaluations_play_the_chosen_policy(agent: str) -> None:
    one: Any
    one, envs = agent_and_envs(*SMALL_SEARCHES[agent], CART, "seeds=2", "env.num_envs=2")
    drive(one, envs, 200)
    obs = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    search = one._search
    for k in (0, 1):
        assert any(np.allclose(search.vector(k), each) for each in search.generation[k]) == (
            agent in ("random_search", "genetic")
        )
    scaled = obs if search._scales is None else search._scales[1](obs)
    out = search._act_greedily(scaled)
    assert np.array_equal(one.act(obs, 0, explore=False), out.argmax(-1))


@agents
def test_a_frozen_seed_keeps_its_policy_and_changes_no_other(agent: str) -> None:
    words = (*SMALL_SEARCHES[agent], CART, "env.num_envs=2")
    stack: Any
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    drive(stack, envs, 150)
    frozen = host(stack.state_dict()["policy"])
    stack.freeze(1)
    drive(stack, envs, 200, 150)
    assert differences(row(host(stack.state_dict()["policy"]), 1), row(frozen, 1)) == []
    alone, own = agent_and_envs(*words, "seed=7", "seeds=1")
    drive(alone, own, 350)
    assert differences(row(host(stack.state_dict()), 2), host(alone.state_dict())) == []


def test_weights_that_are_not_finite_are_a_fault() -> None:
    one, envs = built("ars", "seeds=2", "agent.pairs=1")
    drive(one, envs, 200)
    before = one._search.vector(1)
    one._centre[1, 0] = 1e39  # more than a float32 holds
    drive(one, envs, 400, 200)
    assert one.faults == {1: "a weight of its policies is not finite"}
    assert np.array_equal(one._search.vector(1), before)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("agent=ars env.num_envs=17", "episodes must be at least 2, or env.num_envs at most 16"),
        ("agent=ars agent.top=9", "top must be at most pairs=8, got 9"),
        ("agent=genetic agent.elite=50", "elite must be smaller than population=50, got 50"),
        ("agent=genetic agent.elite=1 agent.sexual=true", "elite must be at least 2 with sexual"),
        ("agent=random_search agent.elite=60", "elite must be smaller than population=50"),
        ("agent=hill_climbing agent.noise=3", "noise must be from noise_min=0.001 to noise_max=2"),
        ("agent=genetic env=FrozenLake-v1", "cannot learn from discrete observations"),
    ],
)
def test_what_does_not_fit_is_refused(words: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        build.validate(settings("env=CartPole-v1", *words.split()))


def test_continuous_actions_are_within_their_bounds() -> None:
    one, envs = agent_and_envs("agent=random_search", "env=Pendulum-v1", "agent.noise=9")
    actions: Array = np.stack([t["action"] for t, _ in drive(one, envs, 30)])
    assert actions.min() == -1
    assert actions.max() == 1
