"""Rules of continuous control: literal numbers, torch's distributions, torch's autograd."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from rlrun.rules.actor_critic import (
    bootstrapped,
    smoothed,
    squashed,
    squashed_action,
    squashed_gradient,
)


def tensor(*values: object) -> Tensor:
    return torch.tensor(values)


def normal(*shape: int, draw: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def test_the_target_by_hand() -> None:
    # 1 + .5 * 4; and after a termination the reward alone
    found = bootstrapped(tensor(1.0, 7.0), tensor(0.5, 0.0), tensor(4.0, 9.0))
    assert found.tolist() == [3.0, 7.0]
    with pytest.raises(ValueError, match=r"reward \(2,\).* not of the same shape"):
        bootstrapped(tensor(1.0, 7.0), tensor(0.5, 0.0), torch.ones(2, 2))


def test_smoothing_by_hand() -> None:
    action, drawn = tensor(0.0, 0.0, 0.5, -0.9, 0.95), tensor(1.0, -4.0, 10.0, -1.0, 0.0)
    found = smoothed(action, drawn, 0.2, 0.5)
    # .2 * 1; -.8 cut to -.5; .5 + .5; -.9 - .2 cut to -1
    assert found.tolist() == pytest.approx([0.2, -0.5, 1.0, -1.0, 0.95])
    assert drawn.tolist() == [1.0, -4.0, 10.0, -1.0, 0.0]  # not changed


def test_squashed_by_hand() -> None:
    drawn = squashed(tensor([0.5]), tensor([math.log(2)]), tensor([0.25]))
    assert drawn.action[0].tolist() == pytest.approx([math.tanh(1.0)])  # u = .5 + 2 * .25
    density = math.exp(-0.5 * 0.25**2) / (2 * math.sqrt(2 * math.pi)) / (1 - math.tanh(1.0) ** 2)
    assert drawn.log_prob.tolist() == pytest.approx([math.log(density)])


def test_acting_draws_the_actions_that_are_learnt_from() -> None:
    mean, log_std, drawn = normal(50, 3, draw=0), 8 * normal(50, 3, draw=1), normal(50, 3, draw=2)
    found = squashed_action(mean.numpy(), log_std.numpy(), drawn.numpy())
    assert found == pytest.approx(squashed(mean, log_std, drawn).action.numpy(), abs=1e-6)


def test_log_probabilities_are_those_of_torch() -> None:
    mean, log_std, drawn = normal(50, 3, draw=0), 0.5 * normal(50, 3, draw=1), normal(50, 3, draw=2)
    found = squashed(mean, log_std, drawn)
    twin = TransformedDistribution(
        Normal(mean.double(), log_std.double().exp()), [TanhTransform(cache_size=1)]
    )
    u = mean.double() + log_std.double().exp() * drawn.double()
    wanted = twin.log_prob(twin.transforms[0](u)).sum(-1)  # type: ignore[no-untyped-call]
    assert torch.allclose(found.log_prob.double(), wanted, atol=1e-4)


def test_far_out_nothing_overflows() -> None:
    found = squashed(
        tensor([-80.0, 80.0, 0.0]), tensor([-30.0, 2.0, 9.0]), tensor([0.0, 1.0, -3.0])
    )
    assert found.log_prob.isfinite().all()
    assert found.action[0, :2].tolist() == [-1.0, 1.0]
    assert found.free[0].tolist() == [0.0, 1.0, 0.0]
    assert found.spread[0, 2].item() == pytest.approx(-3 * math.exp(2))
    assert squashed_gradient(found, torch.ones(1, 3), torch.ones(1, 1)).isfinite().all()
    # u = -80: log(1 - tanh²u) is 2 log 2 - 160, and the density that of the mean at std exp(-20)
    alone = squashed(tensor([-80.0]), tensor([-30.0]), tensor([0.0]))
    expected = 20 - 0.5 * math.log(2 * math.pi) - (2 * math.log(2) - 160)
    assert alone.log_prob.item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_is_that_of_autograd() -> None:
    mean = normal(4, 9, 3, draw=0).requires_grad_()
    log_std = (0.7 * normal(4, 9, 3, draw=1)).requires_grad_()
    with torch.no_grad():
        log_std[0, 0, 0], log_std[0, 0, 1] = 5.0, -25.0  # clipped: no gradient
    drawn, by_action, by_log_prob = normal(3, 4, 9, 3, draw=2).unbind(0)
    by_log_prob = by_log_prob[..., :1]
    found = squashed(mean, log_std, drawn)
    loss = (by_action * found.action).sum() + (by_log_prob[..., 0] * found.log_prob).sum()
    wanted = torch.autograd.grad(loss, (mean, log_std))
    with torch.no_grad():
        ours = squashed_gradient(squashed(mean, log_std, drawn), by_action, by_log_prob)
    assert torch.allclose(ours, torch.cat(wanted, -1), rtol=1e-4, atol=1e-5)
    assert ours[0, 0, 3:5].tolist() == [0.0, 0.0]
