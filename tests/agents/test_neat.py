"""NEAT: networks, distances and saved genomes by hand, its random numbers, and exclusive or."""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.agents.neat import NEAT, NEATSettings
from rlrun.agents.parts.genomes import Genome, decoded, encoded
from rlrun.agents.parts.graph import Graph
from rlrun.agents.parts.population import Population
from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from rlrun.loop import interact
from tests.support.common import agent_and_envs, differences, drive, host, settings

pytestmark = pytest.mark.slow

XOR = "env=rlrun/Xor-v0"
CASES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
RIGHT = [False, True, True, False]


def population(seed: int = 0, **changed: Any) -> Population:
    """A population of networks with two inputs and an output."""
    options = NEATSettings(**{"population": 12, "add_unit": 0.5, "add_link": 0.5, **changed})
    return Population(seed, options.population, **options.parameters(0, 2, 1))


def genome(
    links: Mapping[tuple[int, int], tuple[int, float]], biases: Mapping[int, float]
) -> Genome:
    """A genome with links of these innovations and weights, and units of these biases."""
    numbers = [number for number, _ in links.values()]
    (one,) = decoded(
        {
            **{name: np.array([n]) for name, n in (("key", 1), ("evaluations", 0))},
            "total": np.zeros(1),
            "units": np.array([len(biases)]),
            "links": np.array([len(links)]),
            "unit": np.array(list(biases)),
            "bias": np.array(list(biases.values())),
            "link": np.array(list(links)),
            "weight": np.array([weight for _, weight in links.values()]),
            "enabled": np.ones(len(links), np.bool_),
            "innovation": np.array(numbers),
        }
    )
    return one


def test_a_network_by_hand() -> None:
    biases = {0: 0.5, 7: -1.0, 9: 0.25}
    links = [(-1, 0, 2.0), (7, 0, 3.0), (9, 7, 4.0), (-2, 9, 1.0), (-2, 7, -1.0)]
    net = Graph(2, 1, biases, links, "relu")
    # unit 9: relu(.25 + y), unit 7: relu(-1 + 4 u9 - y), output: .5 + 2 x + 3 u7
    assert net([1.0, 0.5]) == [0.5 + 2.0 + 3 * (-1 + 4 * 0.75 - 0.5)]
    assert net([1.0, -2.0]) == [0.5 + 2.0 + 3 * 1.0]
    steep = Graph(1, 1, {0: 0.0, 5: 0.0}, [(-1, 5, 1.0), (5, 0, 1.0)], "sigmoid")
    assert steep([0.3])[0] == pytest.approx(1 / (1 + math.exp(-4.9 * 0.3)))
    assert Graph(2, 2, {0: 0.5, 1: 0.0}, [], "tanh")([9.0, 9.0]) == [0.5, 0.0]


def test_a_network_with_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        Graph(1, 1, {0: 0.0, 5: 0.0, 6: 0.0}, [(5, 6, 1.0), (6, 5, 1.0), (6, 0, 1.0)], "relu")


def test_the_distance_by_hand() -> None:
    """Links 1 and 2 are shared, 3 is in one, 4 and 5 in the other: 3 c1 + c3 W."""
    one = genome({(-1, 0): (1, 0.5), (-2, 0): (2, 1.0), (-1, 3): (3, 9.0)}, {0: 0.0, 3: 1.0})
    other = genome(
        {(-1, 0): (1, 1.5), (-2, 0): (2, -1.0), (-1, 4): (4, 0.0), (4, 0): (5, 0.0)},
        {0: 3.0, 4: 1.0},
    )
    config = population(structure=0.5, weights=0.4)._config.genome_config
    expected = 0.5 * 3 + 0.4 * (1.0 + 2.0 + 3.0) / 3
    assert one.distance(other, config) == pytest.approx(expected)
    assert other.distance(one, config) == pytest.approx(expected)
    assert one.distance(one, config) == 0


def test_excess_of_large_genomes_is_divided_by_their_size() -> None:
    config = population()._config.genome_config
    small = genome({(-1, 0): (1, 0.0)}, {0: 0.0})
    many = {(-n, 0): (n, 0.0) for n in range(1, 26)}
    assert genome(many, {0: 0.0}).distance(small, config) == pytest.approx(24 / 25)
    less = {(-n, 0): (n, 0.0) for n in range(1, 20)}
    assert genome(less, {0: 0.0}).distance(small, config) == 18


def test_what_is_saved_of_genomes_is_all() -> None:
    one = population()
    for _ in range(4):
        one.advance(np.arange(12.0))
    state = encoded(one.genomes)
    again = decoded(host(state))
    assert differences(host(encoded(again)), host(state)) == []
    assert [g.network(2, 1, "relu")([1.0, 2.0]) for g in again] == [
        g.network(2, 1, "relu")([1.0, 2.0]) for g in one.genomes
    ]
    with pytest.raises(ValueError, match="weight of the genomes is int64"):
        decoded({**state, "weight": state["weight"].astype(np.int64)})


def test_a_population_restored_goes_on_as_if_nothing_had_been() -> None:
    one, other = population(), population(seed=9)
    for _ in range(9):
        one.advance(np.arange(12.0) % 5)
    other.load_state_dict(host(one.state_dict()))
    for _ in range(9):
        one.advance(np.arange(12.0) % 7)
        other.advance(np.arange(12.0) % 7)
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


def test_the_callers_random_numbers_are_neither_used_nor_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random.seed(1)
    before = random.getstate()
    first = population()
    first.advance(np.arange(12.0))
    assert random.getstate() == before
    random.seed(2)
    second = population()
    second.advance(np.arange(12.0))
    assert differences(host(first.state_dict()), host(second.state_dict())) == []
    before = random.getstate()
    monkeypatch.setattr(first._reproduction, "reproduce", lambda *_: random.random() / 0)
    with pytest.raises(ZeroDivisionError):
        first.advance(np.arange(12.0))
    assert random.getstate() == before


def test_the_policy_is_the_best_mean_of_several_evaluations() -> None:
    one = population(threshold=1.0)
    first = one.genomes.copy()
    assert one.advance(np.arange(12.0)) is first[-1]  # none had two
    champion = next(n for n, each in enumerate(one.genomes) if each is first[-1])
    fitness = np.full(12, 30.0)
    fitness[champion] = 9.0
    kept = [n for n, each in enumerate(one.genomes) if each.evaluations]
    for n in kept:
        fitness[n] = 9.0 if n == champion else 0.0
    chosen = one.advance(fitness)
    assert chosen is first[-1]
    assert chosen.fitness == (11.0 + 9.0) / 2


def test_a_return_that_is_infinite_is_a_fault() -> None:
    one, _ = agent_and_envs("agent=neat", XOR, "seeds=2")
    assert isinstance(one, NEAT)
    fitness = np.zeros(150)
    fitness[3] = np.inf
    one._advance(1, fitness)
    assert one.faults == {1: "a return of its policies is not finite"}
    assert [each.generation for each in one._populations] == [0, 0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("env.num_envs=151", "episodes must be at least 2, or env.num_envs at most 150"),
        ("agent.replace=0.3", "replace must be at most 1 - mutate=0.8"),
        ("agent.threshold=0", "agent.threshold must be positive"),
        ("agent.parents=2", "agent.parents must be"),
        ("env=FrozenLake-v1", "cannot learn from discrete observations"),
    ],
)
def test_what_does_not_fit_is_refused(words: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        build.validate(settings("agent=neat", "env=CartPole-v1", *words.split()))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="agent=neat needs the package neat-python: pip install"):
        build.validate(settings("agent=neat", "env=CartPole-v1"))


def test_evaluations_play_the_chosen_network() -> None:
    one, envs = agent_and_envs("agent=neat", "agent.population=6", "env=CartPole-v1", "seeds=2")
    assert isinstance(one, NEAT)
    drive(one, envs, 400)
    obs = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    played = one.act(obs, 0, explore=False)
    for k, chosen in enumerate(one._policy):
        net = chosen.network(4, 2, "sigmoid")
        out = [net(each) for each in obs[k].astype(np.float64).tolist()]
        assert played[k].tolist() == np.argmax(out, -1).tolist()


def outputs(agent: NEAT, seeds: int) -> Array:
    """Whether the output of each seed's policy is above 0.5, ``[seed, case]``."""
    actions = agent.act(np.tile(CASES, (seeds, 1, 1)), 0, explore=False)
    return actions[..., 0] > 0  # of -1 to 1


@pytest.mark.train
def test_exclusive_or_is_solved() -> None:
    """On four of four seeds, with hidden units, within the budget of the tuned settings."""
    rates = ("agent.add_unit=0.06", "agent.add_link=0.1")
    one, envs = agent_and_envs("agent=neat", XOR, "seed=20", "seeds=4", *rates)
    assert isinstance(one, NEAT)
    for step, _, _ in interact(one, envs):
        if step % 600 == 0 and (outputs(one, 4) == RIGHT).all():
            break
        assert step < 100_000, outputs(one, 4)
    assert min(len(each.nodes) - 1 for each in one._policy) >= 1  # no network without does it
