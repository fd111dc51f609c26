"""Update rules: literal numbers and laws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rlrun.rules.td import huber, q_learning_target, q_taken, spread, squared


def tensor(*values: object) -> Tensor:
    return torch.tensor(values)


def test_q_taken_picks_the_value_of_each_action() -> None:
    q = tensor([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert q_taken(q, tensor(2, 0)).tolist() == [3.0, 4.0]


def test_q_learning_target_by_hand() -> None:
    # r + discount * max: 1 + .5 * 4, and a terminated step where the bootstrap is cut
    target = q_learning_target(tensor(1.0, 7.0), tensor(0.5, 0.0), tensor([3.0, 4.0], [9.0, 8.0]))
    assert target.tolist() == [3.0, 7.0]


def test_mars_rover_update_by_hand() -> None:
    # alpha .5, gamma .9, Q(s5, right) = 10, all else 0: Q(s4, right) becomes 4.5
    target = q_learning_target(tensor(0.0), tensor(0.9), tensor([0.0, 0.0, 10.0]))
    assert 0.5 * target.item() == pytest.approx(4.5)


def test_double_q_learning_selects_with_one_and_evaluates_with_the_other() -> None:
    next_q = tensor([3.0, 4.0], [9.0, 8.0])
    selector = tensor([1.0, 0.0], [0.0, 1.0])  # the first, then the second action
    target = q_learning_target(tensor(1.0, 1.0), tensor(0.5, 0.5), next_q, selector)
    assert target.tolist() == [2.5, 5.0]


def test_double_with_itself_is_q_learning() -> None:
    torch_rng = torch.Generator().manual_seed(0)
    q = torch.randn(3, 5, 4, generator=torch_rng)
    reward, discount = torch.randn(2, 3, 5, generator=torch_rng)
    plain = q_learning_target(reward, discount, q)
    assert torch.equal(plain, q_learning_target(reward, discount, q, q))


def test_losses_and_their_slopes_by_hand() -> None:
    value, target = tensor(-2.0, 0.0, 0.5, 1.0, 1.5, 3.0), torch.ones(6)
    loss, slope = huber(value, target)
    assert loss.tolist() == [2.5, 0.5, 0.125, 0.0, 0.125, 1.5]
    assert slope.tolist() == [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0]
    loss, slope = squared(value, target)
    assert loss.tolist() == [4.5, 0.5, 0.125, 0.0, 0.125, 2.0]
    assert slope.tolist() == [-3.0, -1.0, -0.5, 0.0, 0.5, 2.0]


@pytest.mark.parametrize("rule", [huber, squared])
def test_slopes_are_derivatives(rule: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    q = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)) * 2
    q.requires_grad_()
    action = torch.randint(0, 4, (3, 5), generator=torch.Generator().manual_seed(1))
    loss, slope = rule(q_taken(q, action), torch.zeros(3, 5))
    (expected,) = torch.autograd.grad(loss.sum(), q)
    assert torch.equal(spread(slope, action, 4), expected)


@pytest.mark.parametrize(
    ("reward", "discount", "next_q"),
    [((2,), (2,), (3, 4)), ((2, 1), (2, 3), (2, 3, 4)), ((2,), (1,), (2, 4))],
)
def test_axes_that_would_broadcast_are_refused(
    reward: tuple[int, ...], discount: tuple[int, ...], next_q: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="axes"):
        q_learning_target(torch.zeros(reward), torch.zeros(discount), torch.zeros(next_q))


def test_actions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        q_taken(torch.zeros(2, 3), torch.zeros(1, dtype=torch.int64))
