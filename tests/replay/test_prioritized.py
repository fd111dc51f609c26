"""The sum tree and prioritized sampling: against brute force, by hand, and by their laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Array, Step
from rlrun.replay.options import PrioritizedReplaySettings, UniformReplaySettings
from rlrun.replay.ring import Replay
from rlrun.replay.sumtree import SumTree
from tests.support.common import differences, host, row, seeds_of
from tests.support.rings import random_step, spec

USUAL = {"alpha": 0.6, "beta": 0.4, "beta_fraction": 1.0, "epsilon": 1e-5}
COUNTS = [1, 7, 1024, 1025, 40_000]  # no level above the leaves, one, two


def replay(seeds: tuple[int, ...], envs: int, capacity: int, **more: Any) -> Replay:
    horizon, given = int(more.pop("horizon", 100)), {**USUAL, **more}
    settings = PrioritizedReplaySettings(capacity=capacity, **given)
    return settings.build(spec(envs), seeds, horizon)


def filled(one: Replay, steps: list[Step]) -> Replay:
    for t in steps:
        one.add(t)
    return one


def some_steps(count: int, seeds: int = 1, envs: int = 1) -> list[Step]:
    rng = np.random.default_rng(count)
    return [random_step(rng, seeds, envs, number) for number in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_the_tree_finds_what_the_sum_over_all_leaves_does(count: int) -> None:
    rng = np.random.default_rng(count)
    leaves = rng.integers(0, 5, (3, count)).astype(np.float64)  # whole numbers: sums are exact
    leaves[:, 0] = 1.0
    tree = SumTree(3, count)
    tree.load(leaves)
    share = np.concatenate([rng.random((3, 500)), np.zeros((3, 1)), np.full((3, 1), 1 - 2**-53)], 1)
    place, priority = tree.find(share)
    for s in range(3):
        sums = np.cumsum(leaves[s])
        assert np.array_equal(place[s], np.searchsorted(sums, share[s] * sums[-1], "right"))
        assert np.array_equal(priority[s], leaves[s, place[s]])
    assert (priority > 0).all()


@pytest.mark.parametrize("count", [*COUNTS, 1_000_000])
def test_equal_priorities_are_found_in_the_order_of_places(count: int) -> None:
    tree = SumTree(1, count)
    tree.fill(slice(0, count), 1.0)
    share = np.random.default_rng(0).random((1, 10_000))
    assert np.array_equal(tree.find(share)[0], (share * count).astype(np.int64))


@pytest.mark.parametrize("count", [1024, 1025, 40_000])
def test_rounding_never_leads_to_a_leaf_without_priority(count: int) -> None:
    """The sum of children in another order can be more than their running sum ever reaches."""
    rng = np.random.default_rng(1)
    share = 1 - 2.0**-53 * np.arange(1, 5)[None]
    start = count // 64 * 32
    for _ in range(50):
        tree, leaves = SumTree(1, count), np.zeros((1, count))
        leaves[:, start + 1 : start + 30] = rng.random(29) ** 4  # neither its family's first ...
        tree.load(leaves)
        place, priority = tree.find(share)
        assert (priority > 0).all()
        assert (place == start + 29).all()  # ... nor its last


@given(st.data())
@how(deadline=None, max_examples=60)
def test_whatever_is_done_every_parent_is_its_childrens_sum(data: Any) -> None:
    count = data.draw(st.sampled_from(COUNTS))
    seeds = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    tree, plain = SumTree(seeds, count), np.zeros((seeds, count))
    for write in data.draw(st.lists(st.booleans(), max_size=12)):
        if write:
            place = rng.integers(0, count, (seeds, 1 + count % 40))  # with repetitions
            priority = rng.random(place.shape)
            tree.write(place, priority)
            for s, b in np.ndindex(*place.shape):
                plain[s, place[s, b]] = priority[s, b]  # the last one counts
        else:
            start, stop = np.sort(rng.integers(0, count + 1, 2))
            value = rng.random((seeds, 1))
            tree.fill(slice(int(start), int(stop)), value)
            plain[:, start:stop] = value
        assert tree.check_valid() == (True, "")
        assert np.array_equal(tree.leaves, plain)


def test_the_tree_notices_a_wrong_sum() -> None:
    tree = SumTree(1, 2000)
    tree.fill(slice(0, 2000), 1.0)
    tree._levels[1][0, 3] += 1e-9
    assert tree.check_valid() == (False, "entry 3 of level 1 is not the sum of its children")


def test_priorities_that_are_none_are_refused() -> None:
    tree = SumTree(1, 3)
    with pytest.raises(ValueError, match=r"the priorities are float64 \[1, 2\]"):
        tree.load(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="negative or not numbers"):
        tree.load(np.array([[0.0, np.nan, 1.0]]))


def test_drawn_in_proportion_to_the_priorities() -> None:
    one = filled(replay((0, 1), 2, 40, alpha=0.5, epsilon=1e-9), some_steps(20, 2, 2))
    error = np.arange(40) ** 2 % 17 + 1.0
    everything = np.tile(np.arange(40), (2, 1))
    one.update(everything, np.tile(error, (2, 1)))
    index = np.concatenate([one.sample(400, step=0).index for _ in range(100)], axis=1)
    expected = 40_000 * np.sqrt(error) / np.sqrt(error).sum()
    for drawn in index:
        counts = np.bincount(drawn, minlength=40)
        assert ((counts - expected) ** 2 / expected).sum() < 75.0  # 39 degrees: once in 2,000


def test_weights_by_hand() -> None:
    # p^alpha of 1, 4 and 2; after half of beta's way, beta is .75: (p / min p)^-.75
    one = filled(replay((0,), 1, 3, horizon=6, alpha=0.5, beta=0.5, epsilon=1e-12), some_steps(3))
    one.update(np.array([[0, 1, 2]]), np.array([[1.0, -16.0, 4.0]]))
    batch = one.sample(200, step=3)
    smallest = int(batch.index.min())
    assert smallest == 0
    weight = {0: 1.0, 1: 4**-0.75, 2: 2**-0.75}
    assert batch.weight.dtype == np.float32
    assert batch.weight[0].tolist() == pytest.approx([weight[i] for i in batch.index[0].tolist()])
    assert len(set(batch.index[0].tolist())) == 3
    # beyond the horizon beta stays 1
    assert set(np.round(one.sample(200, step=9).weight[0], 6).tolist()) == {1.0, 0.25, 0.5}


def test_priorities_by_the_loss_by_hand() -> None:
    """A priority is weight * error^2 + epsilon, with the weights of the sample itself."""
    how = {"alpha": 1.0, "beta": 0.5, "priority": "loss", "epsilon": 1.0, "horizon": 10**9}
    one = filled(replay((0,), 1, 3, **how), some_steps(3))
    new = one.sample(50, step=0)
    assert (new.weight == 1).all()  # all are new
    one.update(new.index, np.array([0.0, 2.0, -np.sqrt(8)])[new.index])
    assert host(one.priorities())[0].tolist() == pytest.approx([1.0, 5.0, 9.0])
    batch = one.sample(50, step=0)
    assert set(batch.index[0].tolist()) == {0, 1, 2}
    one.update(batch.index, np.full((1, 50), 3.0))  # weights are 1, 5^-.5 and 9^-.5
    assert host(one.priorities())[0].tolist() == pytest.approx([10.0, 1 + 9 * 5**-0.5, 4.0])


def test_the_largest_weight_is_that_of_the_seeds_batch() -> None:
    one = filled(replay((0, 1), 1, 50, beta=1.0), some_steps(50, 2))
    one.update(np.tile(np.arange(50), (2, 1)), np.random.default_rng(0).random((2, 50)))
    for _ in range(5):
        assert one.sample(4, step=0).weight.max(-1).tolist() == [1.0, 1.0]


def test_new_transitions_get_the_largest_priority_of_their_seed() -> None:
    one = replay((0, 1), 1, 4, alpha=1.0, epsilon=0.5)
    steps = some_steps(6, 2)
    filled(one, steps[:2])
    assert one.state_dict()["sampler"]["priority"].tolist() == [[1, 1, 0, 0]] * 2
    one.update(np.array([[0, 0], [1, 1]]), np.array([[9.0, 3.0], [0.0, 0.25]]))
    filled(one, steps[2:5])
    # the fifth step lies where the first one lay; 9.5 is remembered though it was overwritten
    assert one.state_dict()["sampler"]["priority"].tolist() == [[9.5, 1, 9.5, 9.5], [1, 0.75, 1, 1]]
    assert one.check_valid() == (True, "")


@pytest.mark.parametrize("envs", [1, 3])
@pytest.mark.parametrize("capacity", [6, 200, 5000])
def test_alpha_0_samples_what_uniform_does(envs: int, capacity: int) -> None:
    seeds = (3, 8)
    one = replay(seeds, envs, capacity, alpha=0.0)
    other = UniformReplaySettings(capacity=capacity).build(spec(envs), seeds, 100)
    for number, t in enumerate(some_steps(420, 2, envs)):
        one.add(t)
        other.add(t)
        if number % 7 == 0:
            a, b = one.sample(9, 3, step=0), other.sample(9, 3, step=0)
            one.update(a.index, a.reward)
            assert (a.weight == 1).all()
            assert differences(host(list(a._replace(weight=None))), host(list(b))) == []


def test_what_is_not_finite_stays_with_its_seed() -> None:
    steps = some_steps(30, 2)
    stack, alone = replay((3, 5), 1, 20), replay((5,), 1, 20)
    for t in steps:
        stack.add(t)
        alone.add(seeds_of(t, slice(1, None)))
        a, b = stack.sample(7, step=0), alone.sample(7, step=0)
        assert all(np.array_equal(x[1:], y) for x, y in zip(a, b, strict=True) if y is not None)
        error: Array = np.stack([np.full(7, np.nan, np.float32), b.reward[0]])
        error[0, :3] = [np.inf, -np.inf, 3e38]
        stack.update(a.index, error)
        alone.update(b.index, error[1:])
        assert stack.check_valid() == (True, "")
    assert differences(row(host(stack.state_dict()), 1), host(alone.state_dict())) == []


@pytest.mark.parametrize("count", [0, 5, 20, 33])
def test_state_goes_on_where_it_was(count: int) -> None:
    steps = some_steps(50, 2, 2)
    one, other = replay((7, 8), 2, 40), replay((7, 8), 2, 40)

    def learn(who: Replay) -> list[Array]:
        batch = who.sample(6, 2, step=0)
        who.update(batch.index, batch.reward)
        return list(batch)

    for t in steps[:count]:
        one.add(t)
        learn(one)
    other.load_state_dict(host(one.state_dict()))
    assert other.check_valid() == (True, "")
    for t in steps[count:]:
        one.add(t)
        other.add(t)
        assert differences(learn(one), learn(other)) == []
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_shares_are_shares(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=rf"^replay\.{name} must be between 0 and 1, got {value}"):
        construct(PrioritizedReplaySettings, {**USUAL, name: value}, "replay")


@pytest.mark.parametrize("name", ["beta_fraction", "epsilon"])
def test_what_must_be_positive(name: str) -> None:
    with pytest.raises(BadInput, match=rf"^replay\.{name} must be positive, got 0"):
        construct(PrioritizedReplaySettings, {**USUAL, name: 0.0}, "replay")
