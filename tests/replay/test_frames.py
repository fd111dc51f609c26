"""Frames kept once: against a plain list of whole transitions, around episode ends and the wrap."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.options import REPLAY, PrioritizedReplaySettings, UniformReplaySettings
from rlrun.replay.ring import Replay
from tests.support.common import differences, host, row, seeds_of

CHANNELS, HEIGHT, WIDTH = 2, 3, 4


def make(kind: str, seeds: tuple[int, ...], stack: int, envs: int, slots: int) -> Replay:
    space = Space("image", (stack * CHANNELS, HEIGHT, WIDTH), stack=stack)
    spec = Spec("test", space, Space("discrete", (), (3,)), envs)
    return REPLAY[kind](capacity=slots * envs).build(spec, seeds, 100)


def play(count: int, seeds: int, envs: int, stack: int, often: float = 0.15) -> list[Step]:
    """Steps of random frames, with episodes that terminate and that are cut."""
    rng = np.random.default_rng([count, stack])

    def frame() -> Array:
        return rng.integers(1, 256, (seeds, envs, CHANNELS, HEIGHT, WIDTH), np.uint8)

    def whole(frames: Array) -> Array:
        return frames.reshape(seeds, envs, stack * CHANNELS, HEIGHT, WIDTH).copy()

    def begun() -> Array:
        frames = np.zeros((seeds, envs, stack, CHANNELS, HEIGHT, WIDTH), np.uint8)
        frames[:, :, -1] = frame()
        return frames

    steps, now = [], begun()
    for number in range(count):
        then = np.concatenate([now[:, :, 1:], frame()[:, :, None]], axis=2)
        terminated = rng.random((seeds, envs)) < often
        last = terminated | (rng.random((seeds, envs)) < often)
        reward = rng.integers(-4, 5, (seeds, envs)).astype(np.float64)
        # the number of the step tells a test where a sample comes from
        action = np.full((seeds, envs), number) * envs + np.arange(envs)
        discount = np.where(terminated, 0.0, 0.5)
        steps.append(Step(whole(now), action, reward, discount, whole(then), last))
        now = np.where(last[..., None, None, None, None], begun(), then)
    return steps


def assert_as_told(one: Replay, told: list[Step], slots: int, n: int) -> None:
    """A sample is made of the newest ``slots`` of all steps that were told, and of all of them."""
    first = max(0, len(told) - slots)
    batch = one.sample(60, n, step=0)
    seeds, envs = told[0].last.shape
    for s, b in np.ndindex(seeds, 60):
        start, env = divmod(int(batch.action[s, b]), envs)
        assert first <= start
        at, reward, discount = start, 0.0, 1.0
        while True:
            reward += discount * told[at].reward[s, env]
            discount *= told[at].discount[s, env]
            if told[at].last[s, env] or at - start + 1 == n or at == len(told) - 1:
                break
            at += 1
        assert (batch.reward[s, b], batch.discount[s, b]) == (reward, discount)
        assert np.array_equal(batch.obs[s, b], told[start].obs[s, env])
        assert np.array_equal(batch.next_obs[s, b], told[at].next_obs[s, env])


def learn(one: Replay, n: int = 1) -> list[Array | None]:
    batch = one.sample(7, n, step=0)
    one.update(batch.index, batch.reward)
    return list(batch)


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("stack", [1, 2, 3, 4])
@pytest.mark.parametrize("envs", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("slots", [1, 2, 9])
def test_samples_are_what_a_plain_list_gives(
    kind: str, stack: int, envs: int, n: int, slots: int
) -> None:
    one = make(kind, (4, 9), stack, envs, slots)
    steps = play(40, 2, envs, stack)
    for count, t in enumerate(steps, start=1):
        one.add(t)
        assert one.check_valid() == (True, "")
        assert len(one) == min(count, slots) * envs
        if count in (1, 2, slots, slots + 1) or count > 20:
            assert_as_told(one, steps[:count], slots, n)
            learn(one, n)


@pytest.mark.parametrize("often", [0.0, 0.01, 1.0])
def test_endless_and_shortest_episodes(often: float) -> None:
    one, steps = make("uniform", (0,), 4, 1, 10), play(60, 1, 1, 4, often)
    for count, t in enumerate(steps, start=1):
        one.add(t)
        assert one.check_valid() == (True, "")
        assert_as_told(one, steps[:count], 10, 2)


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("count", range(1, 24))
def test_exactly_the_capacity_is_sampled(kind: str, count: int) -> None:
    slots, envs = 7, 2
    one, steps = make(kind, (0,), 4, envs, slots), play(count, 1, envs, 4)
    for t in steps:
        one.add(t)
    kept = range(max(0, count - slots) * envs, count * envs)
    drawn = set(one.sample(2000, step=0).action.ravel().tolist())
    assert drawn == set(kept)


def test_a_uniform_sample_counts_in_the_order_of_places() -> None:
    one, steps = make("uniform", (0,), 3, 2, 5), play(30, 1, 2, 3)
    for count, t in enumerate(steps, start=1):
        one.add(t)
        valid = sorted(
            (time % 8) * 2 + env for time in range(max(0, count - 5), count) for env in range(2)
        )
        assert one._window.place(np.arange(len(one))).tolist() == valid


def test_alpha_0_samples_what_uniform_does() -> None:
    space = Space("image", (4 * CHANNELS, HEIGHT, WIDTH), stack=4)
    spec = Spec("test", space, Space("discrete", (), (3,)), 3)
    one = UniformReplaySettings(capacity=60).build(spec, (3, 8), 100)
    other = PrioritizedReplaySettings(capacity=60, alpha=0.0).build(spec, (3, 8), 100)
    for t in play(70, 2, 3, 4):
        one.add(t)
        other.add(t)
        a, b = one.sample(9, 3, step=0), other.sample(9, 3, step=0)
        other.update(b.index, b.reward)
        assert differences(host(list(a)), host(list(b._replace(weight=None)))) == []


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
def test_a_seed_samples_the_same_in_every_stack(kind: str) -> None:
    stack, alone = make(kind, (3, 5), 3, 2, 10), make(kind, (5,), 3, 2, 10)
    for t in play(40, 2, 2, 3):
        stack.add(t)
        alone.add(seeds_of(t, slice(1, None)))
        a, b = learn(stack, 2), learn(alone, 2)
        for x, y in zip(a, b, strict=True):
            assert (x is None and y is None) or np.array_equal(x[1:], y)  # type: ignore[index,arg-type]
    assert differences(row(host(stack.state_dict()), 1), host(alone.state_dict())) == []


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("stack", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 13, 14, 33, 41])
def test_state_goes_on_where_it_was(kind: str, stack: int, count: int) -> None:
    steps = play(60, 2, 2, stack)
    one, other = make(kind, (7, 8), stack, 2, 10), make(kind, (7, 8), stack, 2, 10)
    one._segment = other._segment = 4
    for t in steps[:count]:
        one.add(t)
        learn(one)
    saved = host(one.state_dict())
    other.load_state_dict(saved)
    assert other.check_valid() == (True, "")
    assert differences(saved, host(other.state_dict())) == []
    for number, t in enumerate(steps[count:], start=count + 1):
        one.add(t)
        other.add(t)
        assert differences(learn(one, 3), learn(other, 3)) == []
        assert_as_told(other, steps[:number], 10, 3)
        one.sample(60, 3, step=0)
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


def test_segments_do_not_change() -> None:
    one = make("uniform", (0, 1), 4, 2, 20)
    one._segment = 4
    seen: dict[str, object] = {}
    for t in play(90, 2, 2, 4):
        one.add(t)
        for key, segment in one.state_dict()["segments"].items():
            assert differences(seen.setdefault(key, host(segment)), host(segment)) == []
    assert len(seen) == 22


def test_a_missing_last_frame_is_noticed() -> None:
    one = make("uniform", (0,), 2, 1, 20)
    for t in play(20, 1, 1, 2):
        one.add(t)
    saved = host(one.state_dict())
    saved["observations"]["ends"] = [saved["observations"]["ends"][0][1:]]
    with pytest.raises(ValueError, match="the last frame of every episode that ended"):
        make("uniform", (0,), 2, 1, 20).load_state_dict(saved)
    one._observations._ends[0].popitem()  # type: ignore[attr-defined]
    assert one.check_valid() == (
        False,
        "the last frames are not exactly those of the episodes that ended",
    )


def test_every_frame_is_kept_once() -> None:
    one = make("uniform", (0,), 4, 1, 1000)
    stored = sum(array.nbytes for array in one._data.values())
    frame, rest = CHANNELS * HEIGHT * WIDTH, 8 + 4 + 4 + 1 + 1
    assert stored == 1004 * (frame + rest)


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("before", [1, 5, 12, 13, 30])
@pytest.mark.parametrize("n", [1, 3])
def test_nothing_is_looked_for_past_a_cut(kind: str, before: int, n: int) -> None:
    """A new episode begins though the one before did not end: as if that had been cut off."""
    told = play(before, 1, 2, 3)
    told[-1] = told[-1]._replace(last=told[-1].last | True, discount=np.full((1, 2), 0.5))
    one, other = make(kind, (7,), 3, 2, 12), make(kind, (7,), 3, 2, 12)
    for number, step in enumerate(told):
        one.add(step)
        unended = step.last & (number < before - 1)
        other.add(step._replace(last=unended))
    other.cut()
    assert differences(host(one.state_dict()), host(other.state_dict())) == []
    saved, again = host(other.state_dict()), make(kind, (7,), 3, 2, 12)
    again.load_state_dict(saved)
    told += [step._replace(action=step.action + 2 * before) for step in play(8, 1, 2, 3)]
    for step in told[before:]:
        again.add(step)
    assert_as_told(again, told, 12, n)
    valid, why = again.check_valid()
    assert valid, why
