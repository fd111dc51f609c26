"""What on-policy agents keep: stretches of time, whole episodes, batches of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.agents.parts.minibatches import Minibatch, Minibatches
from rlrun.agents.parts.ppo_settings import PPOSettings
from rlrun.core.fields import NoSettings
from rlrun.core.types import Array, Space, Spec, Step
from rlrun.nets.device import Device, DeviceSettings
from rlrun.replay.episodes import Episodes
from rlrun.replay.rollout import Rollout
from tests.support.common import differences, host, row

CPU = Device(DeviceSettings(name="cpu"))
SPEC = Spec("made-up", Space("vector", (2,)), Space("discrete", (), (9,)), 2)


def step(number: int, last: tuple[int, ...] = (), seeds: int = 2) -> Step:
    """The step of that number: everything in it tells seed, environment and number apart."""
    s, e = np.indices((seeds, 2))
    mark = 100.0 * s + 10 * e + number
    obs = np.stack([mark, -mark], -1).astype(np.float32)
    ends = np.isin(2 * s + e, last)
    return Step(obs, mark.astype(np.int64) % 9, mark, 0.9 * ~ends, obs + 0.5, ends)


def test_a_rollout_gives_back_what_was_added_in_its_order() -> None:
    rollout = Rollout(SPEC, 2, 3)
    for start in (0, 3):
        for number in range(3):
            assert not rollout.full
            rollout.add(step(start + number, (1, 2)))
        assert rollout.full
        for name, values in list(rollout.drain()._asdict().items())[:6]:  # no episodes' scores
            each = [getattr(step(start + n, (1, 2)), name) for n in range(3)]
            assert np.array_equal(values, np.stack(each, 1)), name
            assert values.dtype == each[0].dtype


def test_a_rollout_is_used_whole() -> None:
    rollout = Rollout(SPEC, 2, 2)
    rollout.add(step(0))
    with pytest.raises(ValueError, match="1 of 2"):
        rollout.drain()
    rollout.add(step(1))
    with pytest.raises(ValueError, match="full"):
        rollout.add(step(2))


def test_a_rollout_goes_on_in_its_middle() -> None:
    one, other = Rollout(SPEC, 2, 3), Rollout(SPEC, 2, 3)
    one.add(step(0))
    one.add(step(1, (3,)))
    other.load_state_dict(host(one.state_dict()))
    for each in (one, other):
        each.add(step(2))
    assert differences(host(list(one.drain())), host(list(other.drain()))) == []


@pytest.mark.parametrize("wrong", [{"count": 3}, {"count": -1}, {"reward": np.zeros((1, 2, 2))}])
def test_a_rollout_refuses_the_state_of_another(wrong: dict[str, Any]) -> None:
    one = Rollout(SPEC, 2, 3)
    one.add(step(0))
    one.add(step(1))
    with pytest.raises(ValueError, match="rollout"):
        Rollout(SPEC, 2, 3).load_state_dict({**one.state_dict(), **wrong})


def test_a_rollout_ends_its_episodes_where_it_is_cut() -> None:
    """The discount stays: the value of what the step led to still counts."""
    rollout = Rollout(SPEC, 2, 3)
    rollout.cut()  # before the first step there is nothing to end
    for number in range(3):
        rollout.add(step(number))
        if number == 1:
            rollout.cut()
    steps = rollout.drain()
    assert steps.last.all((0, 2)).tolist() == [False, True, False]
    assert not steps.last[:, [0, 2]].any()
    assert (steps.discount == 0.9).all()


def test_episodes_under_way_are_lost_where_they_are_cut() -> None:
    found = episodes(50)
    found.cut()
    found.add(step(50, (0, 1, 2, 3)), np.zeros((2, 2)))
    ended = [found.drain(s) for s in range(2)]
    assert [len(each) for each in ended] == [18, 2]
    assert [len(whole.reward) for whole in (*ended[0][16:], *ended[1])] == [1] * 4


def episodes(count: int) -> Episodes:
    """Environment 1 of seed 0 ends at each third step, environment 0 of seed 1 at step 70."""
    found = Episodes(SPEC, 2)
    for number in range(count):
        last = [1] * (number % 3 == 2) + [2] * (number == 70)
        found.add(step(number, tuple(last)), np.array([[1.0, 2.0], [3.0, 4.0]]) + number)
    return found


def test_episodes_are_whole_and_of_one_environment() -> None:
    found = episodes(80)
    assert [found.ended(s) for s in range(2)] == [26, 1]
    first, second, *_ = found.drain(0)
    assert first.reward.tolist() == [10.0, 11.0, 12.0]
    assert second.reward.tolist() == [13.0, 14.0, 15.0]
    assert second.obs.tolist() == [[13, -13], [14, -14], [15, -15]]
    assert second.discount.tolist() == [0.9, 0.9, 0.0]
    assert [first.bootstrap, second.bootstrap] == [4.0, 7.0]
    (long,) = found.drain(1)
    assert long.reward.tolist() == [100.0 + n for n in range(71)]  # more than there was room for
    assert [found.ended(s) for s in range(2)] == [0, 0]


def test_episodes_under_way_go_on_after_a_load() -> None:
    one, other = episodes(100), Episodes(SPEC, 2)
    other.load_state_dict(host(one.state_dict()))
    for each in (one, other):
        each.add(step(100, (0, 1, 3)), np.zeros((2, 2)))
    assert differences(host(one.state_dict()), host(other.state_dict())) == []
    for s in range(2):
        ours, theirs = one.drain(s), other.drain(s)
        assert differences(host(ours), host(theirs)) == []
        assert len(ours) == (35, 2)[s]
    assert len(theirs[-1].reward) == 101


def whole(seeds: int, size: int) -> Minibatch:
    mark = 1000 * torch.arange(seeds)[:, None] + torch.arange(size)
    return Minibatch(mark[..., None].float(), mark[..., None], mark[..., None].float())


def orders(batches: Minibatches, seeds: int, size: int) -> list[Array]:
    found = []
    for part in batches(whole(seeds, size), CPU):
        assert torch.equal(part.obs[..., 0].long(), part.action[..., 0])
        assert torch.equal(part.numbers, part.obs)
        found.append(part.action[..., 0].numpy())
    return found


def test_every_epoch_takes_each_step_once_in_another_order() -> None:
    found = orders(Minibatches([3, 4], 12, 4, 3), 2, 12)
    assert [each.shape for each in found] == [(2, 4)] * 9
    epochs = [np.concatenate(found[n : n + 3], 1) for n in (0, 3, 6)]
    for epoch in epochs:
        for seed in range(2):
            assert sorted(epoch[seed].tolist()) == list(range(1000 * seed, 1000 * seed + 12))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0][0], epochs[0][1] - 1000)
    (alone,) = orders(Minibatches([4], 12, 12, 1), 1, 12)
    assert sorted(alone[0].tolist()) == list(range(12))
    assert np.array_equal(alone[0], epochs[0][1] - 1000)  # the seed's own order


def test_without_a_size_a_batch_is_everything_in_its_order() -> None:
    found = orders(Minibatches([3, 4], 6, None, 2), 2, 6)
    assert [each.tolist() for each in found] == [[[*range(6)], [*range(1000, 1006)]]] * 2


def test_batches_fill_the_rollout() -> None:
    alone = dataclasses.replace(SPEC, num_envs=1)
    for spec, n_steps, batch, normalizes, words in (
        (SPEC, 6, 5, False, "batch_size must divide the 12 steps"),
        (SPEC, 6, 1, True, "batch_size must be at least 2"),
        (alone, 1, None, True, "n_steps times"),
    ):
        given = PPOSettings(n_steps=n_steps, batch_size=batch, normalize_advantage=normalizes)
        with pytest.raises(ValueError, match=words):
            given.check(spec, 1, NoSettings())
    for spec, n_steps, batch in ((SPEC, 6, 4), (SPEC, 6, 1), (alone, 1, None)):
        given = PPOSettings(n_steps=n_steps, batch_size=batch, normalize_advantage=False)
        given.check(spec, 1, NoSettings())


def test_the_state_of_a_seed_is_its_own() -> None:
    """As checkpoints need it: the first axis of every array and list is the seed."""
    state = host(episodes(50).state_dict())
    assert differences(row(state, 1)["under_way"], state["under_way"][1:]) == []
