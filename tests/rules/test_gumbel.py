"""The straight-through Gumbel-softmax: numbers by hand, torch's gradient, the distribution."""

from __future__ import annotations

import math

import pytest
import torch

from rlrun.rules.gumbel import IMPOSSIBLE, gumbel, one_hot, sampled, straight_through


def test_the_noise_is_minus_log_minus_log() -> None:
    u = torch.tensor([0.5, math.exp(-1)])
    assert gumbel(u).tolist() == pytest.approx([-math.log(math.log(2)), 0.0], abs=1e-6)
    assert torch.isfinite(gumbel(torch.tensor([0.0, 1 - 2**-24]))).all()


def test_a_sample_is_the_best_after_the_noise_and_its_softmax() -> None:
    logits, u = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.9, 0.5]])
    action, soft = sampled(logits, u, 0.5)
    noisy = [-math.log(-math.log(0.9)), 1 - math.log(-math.log(0.5))]  # 2.250, 1.367
    assert action.tolist() == [[1.0, 0.0]]
    share = 1 / (1 + math.exp((noisy[1] - noisy[0]) / 0.5))
    assert soft[0].tolist() == pytest.approx([share, 1 - share], abs=1e-6)


def test_the_gradient_is_that_of_the_softmax() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 4, generator=generator).requires_grad_()
    u, slope = (torch.rand(7, 4, generator=generator) for _ in range(2))
    soft = torch.softmax((logits + gumbel(u)) / 0.7, -1)
    (wanted,) = torch.autograd.grad((soft * slope).sum(), logits)
    _, own = sampled(logits.detach(), u, 0.7)
    assert torch.allclose(straight_through(slope, own, 0.7), wanted, atol=1e-6)


def test_samples_have_the_probabilities_of_the_softmax() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, IMPOSSIBLE])
    u = torch.rand(40_000, 4, generator=torch.Generator().manual_seed(1))
    action, soft = sampled(logits.expand(40_000, 4), u, 1.0)
    assert action.mean(0).tolist() == pytest.approx(torch.softmax(logits, -1).tolist(), abs=0.01)
    assert not soft[:, 3].any()
    assert not straight_through(torch.ones_like(soft), soft, 1.0)[:, 3].any()


def test_the_first_of_the_best_is_chosen() -> None:
    assert one_hot(torch.tensor([[1.0, 3.0, 3.0]])).tolist() == [[0.0, 1.0, 0.0]]
