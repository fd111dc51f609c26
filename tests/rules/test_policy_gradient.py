"""Advantages, the clipped objective and the values' loss: numbers by hand, and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.core.types import Array
from rlrun.rules.policy_gradient import clipped_objective, gae, value_loss
from rlrun.rules.tabular import returns

REWARD = np.array([1.0, 2.0, 3.0, 4.0])
VALUE = np.array([8.0, 4.0, 2.0, 6.0])
NEXT_VALUE = np.array([4.0, 10.0, 6.0, 100.0])  # 10: of the true last observation
DISCOUNT = np.array([0.5, 0.5, 0.5, 0.0])  # truncated at the second step, terminated at the fourth
LAST = np.array([False, True, False, True])


def advantages(trace_decay: float) -> Array:
    columns = (REWARD, DISCOUNT, LAST, VALUE, NEXT_VALUE)
    found = gae(*(column[None, :, None] for column in columns), trace_decay=trace_decay)
    return found[0, :, 0]


def test_gae_by_hand_with_a_truncation_in_the_middle() -> None:
    # errors: 1 + .5·4 - 8 = -5; 2 + .5·10 - 4 = 3; 3 + .5·6 - 2 = 4; 4 + 0 - 6 = -2
    # with λ .5 each takes .25 of the next one's advantage, but not over an end
    assert advantages(0.5).tolist() == [-5 + 0.25 * 3, 3.0, 4 + 0.25 * -2, -2.0]


def test_without_traces_it_is_the_error() -> None:
    assert advantages(0.0).tolist() == [-5.0, 3.0, 4.0, -2.0]


def test_with_full_traces_it_is_the_return_less_the_value() -> None:
    first = returns(REWARD[:2], DISCOUNT[:2], NEXT_VALUE[1])
    second = returns(REWARD[2:], DISCOUNT[2:], NEXT_VALUE[3])
    assert first.tolist() == [1 + 0.5 * 7, 2 + 0.5 * 10]
    assert advantages(1.0) + VALUE == pytest.approx([*first, *second])


def test_a_rollout_that_stops_within_an_episode_counts_on_with_the_value() -> None:
    one = np.ones((1, 1, 1))
    found = gae(one, 0.5 * one, one < 0, 3 * one, 8 * one, trace_decay=0.9)
    assert found.item() == 1 + 0.5 * 8 - 3


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 100])
def test_it_is_the_sum_from_the_end_backwards(length: int) -> None:
    rng = np.random.default_rng(length)
    reward, value, after = rng.normal(size=(3, 2, length, 3))
    last = rng.random((2, length, 3)) < 0.1
    discount = 0.97 * (rng.random((2, length, 3)) < 0.9)
    found = gae(reward, discount, last, value, after, trace_decay=0.8)
    following = np.zeros((2, 3))
    for t in reversed(range(length)):
        error = reward[:, t] + discount[:, t] * after[:, t] - value[:, t]
        following = error + 0.8 * discount[:, t] * np.where(last[:, t], 0.0, following)
        assert found[:, t] == pytest.approx(following, abs=1e-12)


def test_seeds_and_environments_are_on_their_own() -> None:
    rng = np.random.default_rng(0)
    reward, value, after = rng.normal(size=(3, 2, 7, 3))
    last = rng.random((2, 7, 3)) < 0.3
    discount = 0.9 * (rng.random((2, 7, 3)) < 0.8)
    whole = gae(reward, discount, last, value, after, trace_decay=0.7)
    for s, e in np.ndindex(2, 3):
        own = (np.s_[s : s + 1], slice(None), np.s_[e : e + 1])
        each: list[Any] = [a[own] for a in (reward, discount, last, value, after)]
        assert np.array_equal(gae(*each, trace_decay=0.7), whole[own])


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, requires_grad=True)


# the new probability over the old one, the advantage: what it is worth with clip .2, and the slope
# in the logarithm of the probability
CLIPPED = [
    (1.0, 2.0, 2.0, 2.0),
    (1.1, 2.0, 2.2, 2.2),
    (1.5, 2.0, 2.4, 0.0),  # there is nothing more to gain
    (1.5, -2.0, -3.0, -3.0),  # but to lose
    (0.5, -2.0, -1.6, 0.0),
    (0.5, 2.0, 1.0, 1.0),
]


@pytest.mark.parametrize(("ratio", "advantage", "worth", "slope"), CLIPPED)
def test_the_clipped_objective_by_hand(
    ratio: float, advantage: float, worth: float, slope: float
) -> None:
    now, before = tensor(np.log(ratio)), torch.zeros(1)
    found = clipped_objective(now, before, torch.tensor([advantage]), 0.2)
    assert found[0].item() == pytest.approx(worth)
    assert found[1].item() == pytest.approx(slope)
    assert found[2].item() == pytest.approx(np.log(ratio))


def test_its_slope_is_that_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    now, before, advantage = torch.randn(3, 2, 200, generator=generator).unbind()
    now.requires_grad_()
    for clip in (0.2, 0.5, None):
        gain, slope, _ = clipped_objective(now, before, advantage, clip)
        (wanted,) = torch.autograd.grad(gain.sum(), now)
        assert torch.allclose(slope, wanted, atol=1e-6)
        assert clip is None or 0 < (slope == 0).sum() < slope.numel()


def test_unclipped_at_the_old_policy_it_is_the_policy_gradient() -> None:
    advantage = torch.tensor([3.0, -4.0])
    _, slope, _ = clipped_objective(torch.ones(2), torch.ones(2), advantage, None)
    assert slope.tolist() == [3.0, -4.0]


def test_the_loss_of_values_by_hand() -> None:
    value, target = torch.tensor([1.0, 5.0, 5.0]), torch.tensor([3.0, 3.0, 9.0])
    loss, slope = value_loss(value, target, torch.zeros(3), None)
    assert loss.tolist() == [4.0, 4.0, 16.0]
    assert slope.tolist() == [-4.0, 4.0, -8.0]
    # within ±2 of 0 the last two could only be 2: errors of -1, less than 2, and of -7, more than 4
    loss, slope = value_loss(value, target, torch.zeros(3), 2.0)
    assert loss.tolist() == [4.0, 4.0, 49.0]
    assert slope.tolist() == [-4.0, 4.0, 0.0]


@pytest.mark.parametrize("spread", [1.0, 0.05])
def test_the_slope_of_the_clipped_loss_is_that_of_autograd(spread: float) -> None:
    """Where nearly all values are within the clip, too, and the two errors differ by rounding."""
    generator = torch.Generator().manual_seed(1)
    value, target, before = (spread * torch.randn(3, 100_000, generator=generator)).unbind()
    value.requires_grad_()
    loss, slope = value_loss(value, target, before, 0.3)
    (wanted,) = torch.autograd.grad(loss.sum(), value)
    assert torch.allclose(slope, wanted, atol=1e-6)
