"""Streams: independent, by seed number, and resumable anywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rlrun.core.rng import BLOCK, NUMBERS, ByStep, Numbers, Purpose, Streams, sequence
from tests.support.work import numbers_drawn


def test_a_seed_draws_the_same_in_every_stack() -> None:
    stack = Streams([3, 8, 5], Purpose.EXPLORE)
    alone = Streams([5], Purpose.EXPLORE)
    for count in (1, 7, BLOCK, BLOCK - 3, 10):
        assert np.array_equal(stack.uniform(count)[2], alone.uniform(count)[0])


def test_seeds_and_purposes_are_independent() -> None:
    drawn = np.concatenate(
        [Streams(range(20), purpose).uniform(500) for purpose in (Purpose.EXPLORE, Purpose.REPLAY)]
    )
    correlation = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(correlation).max() < 0.25  # 5.6 standard deviations
    assert abs(drawn.mean() - 0.5) < 0.01


@pytest.mark.parametrize("before", [0, 1, 100, BLOCK, BLOCK + 1])
def test_state_goes_on_where_it_was(before: int) -> None:
    streams = Streams([0, 1], Purpose.REPLAY)
    for _ in range(before):
        streams.uniform(1)
    state = streams.state_dict()
    expected = [streams.uniform(n).copy() for n in (3, BLOCK, 5)]
    other = Streams([0, 1], Purpose.REPLAY)
    other.uniform(17)
    other.load_state_dict(state)
    for one, n in zip(expected, (3, BLOCK, 5), strict=True):
        assert np.array_equal(one, other.uniform(n))


def test_numbers_fit_every_environment_and_differ() -> None:
    numbers = Numbers(Purpose.TRAIN_EPISODES)
    places = list(itertools.product(range(20), range(5), range(2 * NUMBERS)))
    drawn = {numbers(*place) for place in places}
    assert len(drawn) == len(places)
    assert all(0 <= n < 2**31 for n in drawn)
    other = Numbers(Purpose.TRAIN_EPISODES)  # asked in another order
    assert all(other(*place) == numbers(*place) for place in reversed(places[-300:]))


def test_the_streams_never_change() -> None:
    """Every published result depends on them."""
    assert Streams([7], Purpose.EXPLORE).uniform(3)[0].tolist() == pytest.approx(FIRST)
    assert Numbers(Purpose.TRAIN_EPISODES)(7, 0, 0) == EPISODE


def test_numbers_by_step_never_change() -> None:
    """Of one environment per seed: the first numbers of a block of 1024 steps, and of the next."""
    draw = ByStep([3, 7], Purpose.POLICY)
    for step in (0, 1, 1023, 1024, 2047, 5):
        generator = np.random.Generator(np.random.PCG64(sequence(7, Purpose.POLICY, step // 1024)))
        expected = generator.random((step % 1024 + 1, 1, 2))[-1]
        assert np.array_equal(draw(step, 1, 2)[1], expected)
    assert draw(0, 1)[1].tolist() == pytest.approx([BY_STEP])


@pytest.mark.parametrize("envs", [1, 16, 64])
def test_as_many_numbers_are_drawn_as_are_used(envs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of 16 environments is the 16th step of the clock: there are no draws between."""
    drawn = numbers_drawn(monkeypatch)
    draw = ByStep([5, 6], Purpose.POLICY)
    found = [draw(step, envs, stride=envs).copy() for step in range(0, 2 * 1024 * envs, envs)]
    used = np.stack(found).size
    assert sum(drawn) == used
    assert len(np.unique(found)) == used  # and each of them once


FIRST = [0.6320442355695731, 0.48677827296439047, 0.03426397859278918]
EPISODE = 617921612
BY_STEP = 0.8290136052594574


@pytest.mark.parametrize("count", [0, 1, 2, 7, BLOCK + 1])
def test_several_draws_are_those_of_single_ones(count: int) -> None:
    """With the same state between them, over the ends of blocks."""
    one, many = (Streams((3, 1), Purpose.EXPLORE, 0.75) for _ in range(2))
    for number in (1, 2, 1000, 10**6, 1):
        number = min(number, many.left(count), 3 * BLOCK)
        drawn = many.draws(count, number)
        single = [one.uniform(count) for _ in range(number)]
        assert drawn.tobytes() == np.ascontiguousarray(np.stack(single).swapaxes(1, 2)).tobytes()
        assert one.state_dict() == many.state_dict()
    assert many.left(count) >= 1
