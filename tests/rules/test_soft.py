"""The soft value of a policy over discrete actions: by hand, by autograd, and what is optimal."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rlrun.nets.distributions import only_legal
from rlrun.rules.soft import largest_entropy, soft_value


def numbers(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def normal(*shape: int, draw: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def test_the_soft_value_by_hand() -> None:
    """Probabilities 1/4 and 3/4, values 1 and 2, a temperature of 1/2."""
    logits = numbers(math.log(0.25), math.log(0.75))
    found = soft_value(logits, numbers(1.0, 2.0), torch.tensor(0.5))
    gains = 1 - 0.5 * math.log(0.25), 2 - 0.5 * math.log(0.75)
    value = 0.25 * gains[0] + 0.75 * gains[1]
    assert found.value.item() == pytest.approx(value)
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert found.entropy.item() == pytest.approx(entropy)
    slope = [0.25 * (gains[0] - value), 0.75 * (gains[1] - value)]
    assert found.slope.tolist() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("masked", [False, True])
def test_the_slope_is_the_derivative(masked: bool) -> None:
    logits = normal(3, 5, 4, draw=0).requires_grad_()
    q, temperature = normal(3, 5, 4, draw=1), normal(3, 1, 1, draw=2).abs()
    legal = normal(3, 5, 4, draw=3) < 0.5 if masked else None
    if legal is not None:
        legal[..., 1] = True
    found = soft_value(only_legal(logits, legal), q, temperature)
    (wanted,) = torch.autograd.grad(found.value.sum(), logits)
    assert torch.allclose(found.slope, wanted, atol=1e-6)
    if legal is not None:
        assert not found.slope[~legal].any()


def test_the_best_policy_is_the_softmax_of_the_values() -> None:
    """Its value is temperature · log Σ exp(q / temperature), and no policy's is larger."""
    q, temperature = normal(6, 5, draw=4), torch.tensor(0.7)
    best = soft_value(q / temperature, q, temperature)
    assert torch.allclose(best.value, temperature * torch.logsumexp(q / temperature, -1))
    assert torch.allclose(best.slope, torch.zeros(6, 5), atol=1e-6)
    for draw in range(5, 15):
        other = soft_value(q / temperature + 0.5 * normal(6, 5, draw=draw), q, temperature)
        assert (other.value < best.value).all()


def test_illegal_actions_have_no_influence() -> None:
    legal = torch.tensor([True, False, True])
    logits, q = numbers(1.0, 9.0, 2.0), numbers(4.0, 1e6, -2.0)
    found = soft_value(only_legal(logits, legal), q, torch.tensor(0.3))
    alone = soft_value(logits[legal], q[legal], torch.tensor(0.3))
    assert found.value.item() == pytest.approx(alone.value.item())
    assert found.entropy.item() == pytest.approx(alone.entropy.item())
    assert found.slope[legal].tolist() == pytest.approx(alone.slope.tolist())
    assert found.slope[1].item() == 0.0


def test_the_largest_entropy_is_that_of_equal_chances() -> None:
    legal = torch.tensor([[True, True, True, True], [False, True, False, False]])
    assert largest_entropy(legal).tolist() == pytest.approx([math.log(4), 0.0])
    equal = soft_value(torch.zeros(4), torch.zeros(4), torch.tensor(1.0))
    assert equal.entropy.item() == pytest.approx(math.log(4))
