"""Pairs to imitate: divided by episode, thinned, and the same for a seed in any stack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rlrun.core.rng import Generators, Purpose
from rlrun.core.types import Array, Space, Spec
from rlrun.replay.demonstrations import CHUNK, Demonstration, Demonstrations, Pairs, Shown
from tests.support.common import differences, host, row

SPEC = Spec("Test-v0", Space("vector", (2,)), Space("discrete", (), (1000,)), 1)


def episode(number: int, length: int) -> Demonstration:
    """An episode whose actions are its number, and whose observations say when."""
    obs = np.stack([np.full(length, number), np.arange(length)], -1).astype(np.float32)
    action = np.full(length, number, np.int64)
    last = np.zeros(2, np.float32)
    return Demonstration(obs, action, np.ones(length), last, True, 0, number)


def filled(
    lengths: Sequence[Sequence[int]],
    held_out: float = 0.0,
    every: int = 1,
    seeds: Sequence[int] = (0, 1, 2),
) -> Demonstrations:
    demos = Demonstrations(SPEC, len(lengths))
    episodes = [[episode(n, length) for n, length in enumerate(own)] for own in lengths]
    draws = Generators(seeds[: len(lengths)], Purpose.DEMONSTRATIONS)
    demos.fill(Shown(episodes, draws, None), held_out, every)
    return demos


def validated(demos: Demonstrations, position: int) -> Array:
    chunks = list(demos.validation())
    assert all(each.action.shape[1] == CHUNK for each in chunks)
    there = [
        each.action[position][each.there[position]] for each in chunks if each.there is not None
    ]
    return np.concatenate(there) if there else np.empty(0)


@pytest.mark.parametrize(
    ("count", "held_out", "kept"),
    [(1, 0.5, 1), (2, 0.5, 1), (4, 0.2, 4), (5, 0.2, 4), (10, 0.25, 8)],
)
def test_an_episode_is_learnt_from_or_validates_but_never_both(
    count: int, held_out: float, kept: int
) -> None:
    demos = filled([[30 * (n + 1) for n in range(count)]], held_out)
    (training,) = demos.training
    learnt, held = {*training[:, 0].astype(int)}, {*validated(demos, 0)}
    assert learnt == {*range(kept)} and held == {*range(kept, count)}
    assert len(training) == sum(30 * (n + 1) for n in range(kept))
    assert len(validated(demos, 0)) == sum(30 * (n + 1) for n in range(kept, count))
    assert demos.validates == (kept < count)


def test_thinning_takes_every_nth_pair_from_a_random_one_on() -> None:
    demos = filled([[100] * 50], every=20)
    (training,) = demos.training
    starts = set()
    for number in range(50):
        times = training[training[:, 0] == number, 1].astype(int).tolist()
        assert times == list(range(times[0], 100, 20)) and times[0] < 20
        starts.add(times[0])
    assert len(starts) > 10


def test_an_episode_shorter_than_the_distance_leaves_one_pair() -> None:
    (training,) = filled([[3, 1, 7]], every=20).training
    assert training[:, 0].tolist() == [0, 1, 2]


def test_pairs_are_drawn_evenly() -> None:
    demos = filled([[2, 2], [1, 0 + 1]])
    pairs = demos.sample(np.array([[0.0, 0.26, 0.51, 0.99], [0.0, 0.49, 0.5, 0.99]]))
    assert pairs.action.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    assert pairs.obs[0, :, 1].tolist() == [0, 1, 0, 1]


def test_a_seed_in_a_stack_has_the_pairs_of_the_seed_alone() -> None:
    lengths = [[10, 300], [400, 5], [7, 7]]
    stack = host(filled(lengths, 0.5, 3).state_dict())
    for k in range(3):
        alone = filled(lengths[k : k + 1], 0.5, 3, seeds=[k])
        assert differences(row(stack, k), host(alone.state_dict())) == []


def test_pairs_are_added_and_restored() -> None:
    demos = filled([[60], [3]])
    obs, action = np.full((2, 100, 2), 9, np.float32), np.full((2, 100), 9)
    demos.add(Pairs(obs, action))
    assert demos.count.tolist() == [160, 103]
    other = filled([[1], [1]])
    other.load_state_dict(demos.state_dict())
    assert differences(host(other.state_dict()), host(demos.state_dict())) == []
    draw = np.random.default_rng(0).random((2, 50))
    pairs, again = demos.sample(draw), other.sample(draw)
    assert np.array_equal(pairs.obs, again.obs) and np.array_equal(pairs.action, again.action)


def test_pairs_of_others_are_refused() -> None:
    demos = filled([[5], [5]])
    with pytest.raises(ValueError, match="not those of 1 seeds"):
        filled([[5]]).load_state_dict(demos.state_dict())
    state = filled([[5]]).state_dict()
    state["training"][0]["obs"] = np.zeros((5, 3), np.float32)
    with pytest.raises(ValueError, match="obs of the demonstrations is float32 of shape"):
        filled([[5]]).load_state_dict(state)
