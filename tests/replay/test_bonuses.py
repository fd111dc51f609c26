"""Bonuses of sampled transitions: against a plain list of whole steps."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Array, Step
from rlrun.replay.ring import Replay
from tests.replay.test_frames import make, play
from tests.support.rings import random_step, ring, stack_and_alone


class Told:
    """A bonus that depends on all of a transition, and knows which transitions there were."""

    def __init__(self) -> None:
        self.known: set[tuple[bytes, ...]] = set()
        self.shapes: set[tuple[int, ...]] = set()

    def add(self, t: Step) -> None:
        for s, e in np.ndindex(t.last.shape):
            self.known.add(self.key(t, s, e))

    @staticmethod
    def key(t: Step, s: int, e: int) -> tuple[bytes, ...]:
        numbers = [t.reward[s, e], t.discount[s, e], t.last[s, e], t.action[s, e]]
        whole = np.array(numbers, np.float64).tobytes()
        return t.obs[s, e].tobytes(), t.next_obs[s, e].tobytes(), whole

    @staticmethod
    def of(t: Step) -> Array:
        """Eighths, which float32 adds exactly."""
        lead = t.reward.shape
        before, after = (each.reshape(*lead, -1).astype(np.float64) for each in (t.obs, t.next_obs))
        mixed = before.sum(-1) + 3 * after.sum(-1) + 5 * t.action + 7 * t.last + t.reward
        bonus: Array = (mixed % 64) / 8
        return bonus

    def __call__(self, t: Step) -> Array:
        self.shapes.add(t.reward.shape)
        for s, b in np.ndindex(t.reward.shape):
            assert self.key(t, s, b) in self.known
        return self.of(t)


def returns(kept: list[Step], s: int, env: int, start: int, n: int) -> float:
    """The n-step return of rewards with their bonuses, one at a time."""
    total, discount = 0.0, 1.0
    for at in range(start, min(start + n, len(kept))):
        t = kept[at]
        total += discount * (t.reward[s, env] + Told.of(t)[s, env])
        discount *= t.discount[s, env]
        if t.last[s, env]:
            break
    return total


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("count", [3, 13, 40])
def test_every_reward_of_a_return_has_its_own_bonus(num_envs: int, steps: int, count: int) -> None:
    rng = np.random.default_rng(count)
    replay, told, kept = ring((4, 9), num_envs, 12 * num_envs), Told(), []
    for number in range(count):
        t = random_step(rng, 2, num_envs, number)
        replay.add(t)
        told.add(t)
        kept.append(t)
    kept = kept[-12:]
    batch = replay.sample(100, steps, step=0, bonus=told)
    assert told.shapes == {(2, 100 * steps)}
    assert batch.reward.dtype == np.float32
    for s, b in np.ndindex(2, 100):
        start = int(batch.obs[s, b, 0]) - (count - len(kept))
        env = int(batch.obs[s, b, 1]) - 100 * s
        assert batch.reward[s, b] == returns(kept, s, env, start, steps)


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("count", [2, 9, 31])
def test_frames_are_whole_for_a_bonus(kind: str, steps: int, count: int) -> None:
    """Around episode ends, the wrap and the newest step, where frames are in several places."""
    replay, told, played = make(kind, (1, 2), 3, 2, 8), Told(), play(count, 2, 2, 3)
    for t in played:
        replay.add(t)
        told.add(t)
    kept = played[-8:]
    batch = replay.sample(60, steps, step=0, bonus=told)
    for s, b in np.ndindex(2, 60):
        number, env = divmod(int(batch.action[s, b]), 2)
        start = number - (count - len(kept))
        assert batch.reward[s, b] == returns(kept, s, env, start, steps)


def both(replay: Replay, other: Replay, count: int) -> None:
    rng = np.random.default_rng(5)
    for number in range(count):
        t = random_step(rng, 2, 1, number)
        replay.add(t)
        other.add(t)


@pytest.mark.parametrize("steps", [1, 4])
def test_a_bonus_changes_the_rewards_alone(steps: int) -> None:
    one, other = ring((3, 5), 1, 20), ring((3, 5), 1, 20)
    both(one, other, 30)
    plain = one.sample(50, steps, step=0)
    more = other.sample(50, steps, step=0, bonus=lambda t: np.zeros(t.reward.shape))
    assert all(np.array_equal(x, y) for x, y in zip(plain, more, strict=True) if x is not None)
    plain = one.sample(50, steps, step=0)
    more = other.sample(50, steps, step=0, bonus=lambda t: np.ones(t.reward.shape))
    assert not (plain.reward == more.reward).any()
    more = more._replace(reward=plain.reward)
    assert all(np.array_equal(x, y) for x, y in zip(plain, more, strict=True) if x is not None)


def test_a_seed_has_the_same_bonuses_in_every_stack() -> None:
    stack, alone = stack_and_alone(lambda seeds: ring(seeds, 1, 20))
    a = stack.sample(7, 3, step=0, bonus=Told.of)
    b = alone.sample(7, 3, step=0, bonus=Told.of)
    assert np.array_equal(a.reward[1:], b.reward)
