"""The ring: against a plain list, at episode ends, and at the write cursor."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Step
from rlrun.replay.nstep import n_step
from tests.support.rings import random_step, ring, stack_and_alone


@pytest.mark.parametrize(
    ("reward", "discount", "stop", "expected"),
    [
        ([1, 1, 1], [0.5, 0.5, 0.5], [0, 0, 0], (1.75, 0.125, 2)),  # the whole window
        ([1, 1, 1], [0.5, 0.0, 0.5], [0, 1, 0], (1.5, 0.0, 1)),  # terminated at its second step
        ([1, 1, 1], [0.5, 0.5, 0.5], [0, 1, 0], (1.5, 0.25, 1)),  # truncated there
        ([1, 1, 1], [0.5, 0.5, 0.5], [1, 1, 1], (1.0, 0.5, 0)),
        ([3], [0.1], [0], (3.0, 0.1, 0)),
        ([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1], [0, 0, 0, 1], (1.234, 0.0001, 3)),
    ],
)
def test_n_step_by_hand(
    reward: list[float], discount: list[float], stop: list[int], expected: tuple[float, float, int]
) -> None:
    result = n_step(np.array(reward, float), np.array(discount, float), np.array(stop, bool))
    assert [float(x) for x in result] == pytest.approx(list(expected))


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [3, 11, 12, 13, 40])
def test_samples_are_what_a_plain_list_gives(num_envs: int, steps: int, count: int) -> None:
    rng = np.random.default_rng(count)
    seeds, slots = 2, 12
    replay = ring((4, 9), num_envs, slots * num_envs + num_envs - 1)
    told: list[Step] = []
    for number in range(count):
        told.append(random_step(rng, seeds, num_envs, number))
        replay.add(told[-1])
        valid, why = replay.check_valid()
        assert valid, why
    kept = told[-slots:]
    assert len(replay) == len(kept) * num_envs
    batch = replay.sample(300, steps, step=0)
    first = count - len(kept)
    for s in range(seeds):
        seen = set()
        for b in range(300):
            start, env = int(batch.obs[s, b, 0]) - first, int(batch.obs[s, b, 1]) - 100 * s
            assert 0 <= env < num_envs
            seen.add((start, env))
            reward, discount, at = 0.0, 1.0, start
            while True:
                step = kept[at]
                reward += discount * step.reward[s, env]
                discount *= step.discount[s, env]
                if step.last[s, env] or at - start + 1 == steps or at == len(kept) - 1:
                    break
                at += 1
            assert batch.reward[s, b] == reward
            assert batch.discount[s, b] == discount
            assert batch.action[s, b] == kept[start].action[s, env]
            assert batch.next_obs[s, b].tolist() == kept[at].next_obs[s, env].tolist()
        assert seen == {(t, e) for t in range(len(kept)) for e in range(num_envs)}
    assert batch.weight is None


def test_sampling_is_uniform() -> None:
    replay = ring((0, 1, 2), 2, 40)
    rng = np.random.default_rng(0)
    for number in range(33):
        replay.add(random_step(rng, 3, 2, number))
    index = np.concatenate([replay.sample(400, step=0).index for _ in range(100)], axis=1)
    for row in index:
        counts = np.bincount(row, minlength=40)
        chi_square = ((counts - 1000.0) ** 2 / 1000.0).sum()
        assert chi_square < 75.0  # 39 degrees of freedom: exceeded once in 2,000


def test_a_seed_samples_the_same_in_every_stack() -> None:
    stack, alone = stack_and_alone(lambda seeds: ring(seeds, 1, 20))
    for _ in range(5):
        a, b = stack.sample(7, 3, step=0), alone.sample(7, 3, step=0)
        assert all(np.array_equal(x[1:], y) for x, y in zip(a, b, strict=True) if y is not None)


@pytest.mark.parametrize("count", [5, 20, 33])
def test_state_goes_on_where_it_was(count: int) -> None:
    rng = np.random.default_rng(1)
    steps = [random_step(rng, 1, 2, number) for number in range(50)]
    one, other = ring((7,), 2, 40), ring((7,), 2, 40)
    for step in steps[:count]:
        one.add(step)
    one.sample(9, step=0)
    other.load_state_dict(one.state_dict())
    for step in steps[count:]:
        one.add(step)
        other.add(step)
        a, b = one.sample(6, 2, step=0), other.sample(6, 2, step=0)
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_too_small_a_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^capacity must be at least 4"):
        ring((0,), 4, 3)
