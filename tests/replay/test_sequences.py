"""Sequences of a replay against a plain list: wrapped around, and across the ends of episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.types import Array, Step
from rlrun.replay.options import UniformReplaySettings
from rlrun.replay.sequences import SequenceReplay, Sequences, SequenceShape, check_sequences
from rlrun.replay.sizes import storage_bytes
from tests.support.common import differences, host, row, seeds_of
from tests.support.rings import random_step, spec

UNITS = 4
SLOTS = 12


def replay_of(seeds: tuple[int, ...], num_envs: int, slots: int = SLOTS) -> SequenceReplay:
    settings = UniformReplaySettings(capacity=slots * num_envs)
    return settings.build_sequences(spec(num_envs), seeds, UNITS)


def steps_of(seeds: int, num_envs: int, count: int) -> list[Step]:
    """Steps whose memories differ, and whose ``first`` follows the ends of episodes."""
    rng, first, told = np.random.default_rng(count), np.ones((seeds, num_envs), np.bool_), []
    for number in range(count):
        t = random_step(rng, seeds, num_envs, number)
        memory = rng.standard_normal((seeds, num_envs, UNITS)).astype(np.float32)
        told.append(t._replace(memory=memory, first=first))
        first = t.last
    return told


def by_hand(told: list[Step], start: int, place: tuple[int, int], shape: SequenceShape) -> Any:
    """What a sequence holds, step by step; ``place`` is a seed and an environment."""

    def of(name: str, number: int) -> Any:
        return getattr(told[number], name)[place]

    begin = start + shape.burn_in
    wanted: dict[str, list[Any]] = {
        "past_obs": [of("obs", n) for n in range(start, begin)],
        "past_first": [of("first", n) for n in range(start, begin)],
        "obs": [of("obs", n) for n in range(begin, begin + shape.time)],
        "first": [of("first", n) for n in range(begin, begin + shape.time)],
        "action": [of("action", n) for n in range(begin, begin + shape.length)],
        **{name: [] for name in ("reward", "discount", "end", "next_obs")},
    }
    for number in range(begin, begin + shape.length):
        total, factor = 0.0, 1.0
        for last in range(number, number + shape.n_step):
            total += factor * of("reward", last)
            factor *= of("discount", last)
            if of("last", last):
                break
        wanted["reward"].append(total)
        wanted["discount"].append(factor)
        wanted["end"].append(last - begin)
        wanted["next_obs"].append(of("next_obs", last))
    return wanted


def unfolded(batch: Sequences, name: str, size: int) -> Array:
    """A field as ``[seed, sequence, time, ...]``."""
    array: Array = getattr(batch, name)
    return array.reshape(len(array), size, array.shape[1] // size, *array.shape[2:])


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("shape", [(3, 4, 1), (0, 5, 1), (2, 3, 3), (0, 1, 2), (4, 6, 3)])
@pytest.mark.parametrize("count", [12, 13, 19, 40])
def test_sequences_are_what_a_plain_list_gives(
    num_envs: int, shape: tuple[int, int, int], count: int
) -> None:
    told, parts, size = steps_of(2, num_envs, count), SequenceShape(*shape), 200
    replay = replay_of((4, 9), num_envs)
    for t in told:
        replay.add(t)
    batch = replay.sequences(size, parts)
    all_obs = np.concatenate([unfolded(batch, name, size) for name in ("past_obs", "obs")], 2)
    seen: list[set[Any]] = [set(), set()]
    for s in range(2):
        for k in range(size):
            start, env = int(all_obs[s, k, 0, 0]), int(all_obs[s, k, 0, 1]) - 100 * s
            seen[s].add((start, env))
            assert np.array_equal(batch.memory[s, k], told[start].memory[s, env])  # type: ignore[index]
            for name, wanted in by_hand(told, start, (s, env), parts).items():
                found = unfolded(batch, name, size)[s, k]
                if name == "end":
                    found = found - k * parts.time
                assert np.allclose(found, np.array(wanted).reshape(found.shape), atol=1e-6), name
    starts = range(count - SLOTS, count - parts.total + 1)  # every place that has room, no other
    assert seen == [{(start, env) for start in starts for env in range(num_envs)}] * 2


def test_episodes_end_inside_the_sequences_of_that_test() -> None:
    told = steps_of(2, 1, 40)[-SLOTS:]
    ends = np.array([t.last for t in told])[1:-1]
    cut_off = np.array([t.last & (t.discount > 0) for t in told])[1:-1]
    assert ends.any((0, 2)).all() and cut_off.any()


def test_a_seed_draws_in_a_stack_what_it_draws_alone() -> None:
    told = steps_of(3, 2, 30)
    stack, alone = replay_of((3, 5, 8), 2), replay_of((5,), 2)
    for t in told:
        stack.add(t)
        alone.add(seeds_of(t, slice(1, 2)))
    shape = SequenceShape(2, 4, 2)
    for _ in range(3):
        ours, theirs = (host(each.sequences(6, shape)._asdict()) for each in (stack, alone))
        assert differences(row(ours, 1), theirs) == []


@pytest.mark.parametrize("count", [10, 31])
def test_restored_it_goes_on_with_the_memories(count: int) -> None:
    told = steps_of(2, 2, count + 5)
    one, other = replay_of((3, 5), 2), replay_of((3, 5), 2)
    for t in told[:count]:
        one.add(t)
    one.sequences(3, SequenceShape(1, 2, 1))
    other.load_state_dict(host(one.state_dict()))
    for t in told[count:]:
        one.add(t)
        other.add(t)
    ours, theirs = (host(x.sequences(9, SequenceShape(2, 3, 2))._asdict()) for x in (one, other))
    assert differences(ours, theirs) == []
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


def test_after_a_cut_returns_stop() -> None:
    """The step after it begins an episode, which the agent's mask of first steps says."""
    told = [t._replace(last=np.zeros((1, 1), np.bool_)) for t in steps_of(1, 1, 6)]
    replay = replay_of((3,), 1)
    for t in told[:4]:
        replay.add(t)
    replay.cut()
    for t in told[4:]:
        replay.add(t)
    batch = replay.sequences(1, SequenceShape(0, 4, 3))
    assert batch.end.tolist() == [[2, 3, 3, 3]]


def test_there_must_be_as_many_steps_as_a_sequence_has() -> None:
    replay = replay_of((3,), 1)
    for t in steps_of(1, 1, 5):
        replay.add(t)
    assert replay.sequences(2, SequenceShape(1, 4, 1)).obs.shape == (1, 8, 2)
    with pytest.raises(ValueError, match="5 steps are stored, and a sequence has 6"):
        replay.sequences(2, SequenceShape(1, 4, 2))


def test_memories_count_in_the_memory_that_is_needed() -> None:
    assert storage_bytes(spec(1), 10, 64) == storage_bytes(spec(1), 10) + 10 * (64 * 4 + 1)
    check_sequences(spec(2), 1, capacity=48, memory=64, steps=24)
    with pytest.raises(ValueError, match=r"capacity must be at least 48 .*got 47"):
        check_sequences(spec(2), 1, capacity=47, memory=64, steps=24)
    with pytest.raises(ValueError, match="capacity must be smaller: 1,000,000,000,000 take"):
        check_sequences(spec(2), 1, capacity=10**12, memory=64, steps=24)
