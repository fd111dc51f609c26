"""Hindsight replay: against a plain list of steps, by counting, and at the edges of the ring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlrun.core.rows import stack
from rlrun.core.types import Step
from rlrun.replay.options import HindsightReplaySettings, UniformReplaySettings
from tests.support.common import seeds_of
from tests.support.hindsight import (
    DESIRED,
    TIME,
    WHERE,
    Told,
    filled,
    hindsight,
    spec,
    told_step,
)
from tests.support.rings import stack_and_alone

STRATEGIES = ("future", "final", "episode")
strategies = pytest.mark.parametrize("strategy", STRATEGIES)


def allowed(steps: list[Step], oldest: int, s: int, e: int, t: int, strategy: str) -> list[int]:
    """The steps whose achieved goals step t may get, found by walking along the episode."""
    begin = end = t
    while begin > oldest and not steps[begin - 1].last[s, e]:
        begin -= 1
    while end < len(steps) - 1 and not steps[end].last[s, e]:
        end += 1
    return {"future": range(t, end + 1), "final": [end], "episode": range(begin, end + 1)}[strategy]  # type: ignore[return-value]


@strategies
@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize(("count", "cut_at"), [(1, -1), (7, 3), (12, -1), (30, 22), (61, 61 - 1)])
def test_goals_are_exactly_those_that_a_plain_list_allows(
    strategy: str, num_envs: int, count: int, cut_at: int
) -> None:
    slots, seeds = 12, 2
    replay = hindsight((4, 9), num_envs, slots * num_envs + num_envs - 1, strategy=strategy)
    steps = filled(replay, count, seeds, num_envs, cut_at)
    oldest = max(0, count - slots)
    found: dict[tuple[int, int, int], set[int]] = {}
    for _ in range(10):
        batch = replay.sample(600, step=0)
        for s, b in np.ndindex(seeds, 600):
            obs, after = batch.obs[s, b], batch.next_obs[s, b]
            t, e = int(obs[TIME]), int(obs[WHERE]) - 100 * s
            own = steps[t]
            goal = float(obs[DESIRED])
            assert after[DESIRED] == goal  # the same before and after the step
            # nothing else is changed
            expected = own.obs[s, e].copy(), own.next_obs[s, e].copy()
            for each in expected:
                each[DESIRED] = goal
            assert np.array_equal(obs, expected[0]) and np.array_equal(after, expected[1])
            assert batch.action[s, b] == own.action[s, e]
            if goal < 0:  # its own goal
                assert goal == own.obs[s, e, DESIRED]
                assert batch.reward[s, b] == own.reward[s, e]
                assert batch.discount[s, b] == own.discount[s, e]
                continue
            time, where = divmod(goal, 1000)
            assert where == 100 * s + e  # of the same seed and environment
            found.setdefault((s, e, t), set()).add(int(time))
            achieved = 1000.0 * t + 100 * s + e
            assert batch.reward[s, b] == Told.reward(np.array(achieved), np.array(goal))
            assert batch.discount[s, b] == (0.0 if goal == achieved else 0.5)
    expected_steps = {
        (s, e, t): set(allowed(steps, oldest, s, e, t, strategy))
        for s, e in np.ndindex(seeds, num_envs)
        for t in range(oldest, count)
    }
    assert found == expected_steps
    assert (
        any(len(each) > 1 for each in expected_steps.values()) or count == 1 or strategy == "final"
    )


@pytest.mark.parametrize("k", [0, 1, 4, 9])
def test_the_share_of_replaced_goals_is_k_of_k_plus_1(k: int) -> None:
    replay = hindsight((0, 1), 1, 50, goals_per_step=k)
    filled(replay, 70, 2, 1)
    draws = 40_000
    goals = np.concatenate([replay.sample(400, step=0).obs[..., DESIRED] for _ in range(100)], 1)
    for seed in goals:
        share = k / (k + 1)
        deviation = (share * (1 - share) * draws) ** 0.5
        assert abs((seed >= 0).sum() - share * draws) <= 4.5 * deviation  # once in 150,000


@pytest.mark.parametrize("strategy", ["future", "episode"])
def test_all_allowed_goals_are_equally_likely(strategy: str) -> None:
    """One episode of 8 steps, unfinished: of step t the goals of t to 7, or of all."""
    replay = hindsight((5,), 1, 20, strategy=strategy, goals_per_step=9)
    rng = np.random.default_rng(0)
    for number in range(8):
        told = told_step(rng, 1, 1, number)
        replay.add(told._replace(last=np.zeros_like(told.last)))
    counts = np.zeros((8, 8))
    for _ in range(200):
        obs = replay.sample(400, step=0).obs[0]
        own = obs[:, DESIRED] < 0
        np.add.at(
            counts, (obs[~own, TIME].astype(int), (obs[~own, DESIRED] // 1000).astype(int)), 1
        )
    for t in range(8):
        first = t if strategy == "future" else 0
        assert counts[t, :first].sum() == 0
        expected = counts[t, first:].sum() / (8 - first)
        deviation = (expected * (1 - 1 / (8 - first))) ** 0.5
        assert (np.abs(counts[t, first:] - expected) <= 4.5 * deviation).all()


@pytest.mark.parametrize("count", [20, 33])
def test_without_goals_per_step_it_is_the_uniform_replay(count: int) -> None:
    one = hindsight((3, 5), 2, 40, goals_per_step=0)
    other = UniformReplaySettings(capacity=40).build(spec(2), (3, 5), 100)
    filled(one, count, 2, 2)
    filled(other, count, 2, 2)
    for _ in range(5):
        a, b = one.sample(9, step=0), other.sample(9, step=0)
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True) if y is not None)


@strategies
def test_a_seed_gets_the_same_goals_in_every_stack(strategy: str) -> None:
    # told_step draws for all seeds: the second seed's steps are the same in both
    stacked, alone = stack_and_alone(
        lambda seeds: hindsight(seeds, 1, 20, strategy=strategy), told_step
    )
    for _ in range(5):
        a, b = stacked.sample(7, step=0), alone.sample(7, step=0)
        assert all(np.array_equal(x[1:], y) for x, y in zip(a, b, strict=True) if y is not None)


def test_rows_may_differ_in_their_goals_per_step() -> None:
    rows = [HindsightReplaySettings(capacity=20, goals_per_step=k) for k in (1, 7)]
    both = stack(rows).build(spec(1), (3, 5), 100)
    alone = rows[1].build(spec(1), (5,), 100)
    for t in filled(both, 30, 2, 1):
        alone.add(seeds_of(t, slice(1, None)))
    for _ in range(5):
        a, b = both.sample(50, step=0), alone.sample(50, step=0)
        assert all(np.array_equal(x[1:], y) for x, y in zip(a, b, strict=True) if y is not None)


@strategies
@pytest.mark.parametrize(("count", "cut_at"), [(0, -1), (1, -1), (5, -1), (20, 19), (33, 12)])
def test_state_continues_where_it_was(strategy: str, count: int, cut_at: int) -> None:
    one, other = (hindsight((7, 8), 2, 40, strategy=strategy) for _ in range(2))
    filled(one, count, 2, 2, cut_at)
    if count:
        one.sample(9, step=0)
    other.load_state_dict(one.state_dict())
    rng = np.random.default_rng(1)
    for number in range(count, count + 45):
        t = told_step(rng, 2, 2, number)
        for replay in (one, other):
            replay.add(t)
            if number == count + 7:
                replay.cut()
        a, b = one.sample(30, step=0), other.sample(30, step=0)
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True) if y is not None)


def test_where_the_environment_cannot_say_so_the_discount_is_the_stored_one() -> None:
    replay = hindsight((0,), 1, 60, ends=False)
    steps = filled(replay, 60, 1, 1)
    batch = replay.sample(500, step=0)
    stored = [steps[int(t)].discount[0, 0] for t in batch.obs[0, :, TIME]]
    assert batch.discount[0].tolist() == stored
    assert 0.0 in stored and (batch.obs[0, :, DESIRED] >= 0).any()


def test_a_bonus_is_that_of_the_stored_transition() -> None:
    one, other = (hindsight((0,), 1, 30) for _ in range(2))
    filled(one, 40, 1, 1)
    filled(other, 40, 1, 1)
    plain = one.sample(60, step=0)
    more = other.sample(60, step=0, bonus=lambda t: 2.0 * t.obs[..., DESIRED])
    assert (more.reward - plain.reward).tolist() == [[-2.0] * 60]  # of the own goal, -1
    more = more._replace(reward=plain.reward)
    assert all(np.array_equal(x, y) for x, y in zip(plain, more, strict=True) if x is not None)


def test_the_stored_transitions_do_not_change() -> None:
    replay = hindsight((0,), 1, 30)
    filled(replay, 40, 1, 1)
    before = {name: array.copy() for name, array in replay._data.items()}
    for _ in range(10):
        replay.sample(50, step=0)
    assert all(np.array_equal(before[name], array) for name, array in replay._data.items())


def test_returns_of_several_steps_are_refused() -> None:
    replay = hindsight((0,), 1, 30)
    filled(replay, 10, 1, 1)
    with pytest.raises(ValueError, match=r"no returns of 3 steps"):
        replay.sample(5, 3, step=0)


@pytest.mark.parametrize(("capacity", "num_envs"), [(1000, 1), (1001, 4)])
def test_the_memory_needed_is_what_is_allocated(capacity: int, num_envs: int) -> None:
    replay = hindsight((0, 1), num_envs, capacity)
    spans = replay._spans._begin.nbytes + replay._spans._end.nbytes
    stored = sum(array.nbytes for array in replay._data.values())
    settings = HindsightReplaySettings(capacity=capacity)
    assert settings.bytes_needed(spec(num_envs), 2) == stored + spans
    assert replace(settings, capacity=num_envs).bytes_needed(spec(num_envs), 1) < stored
