"""Distributions of returns: projection and losses by hand and by brute force, objectives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.agents.dqn import DQNSettings
from rlrun.agents.parts.objectives import (
    CategoricalObjective,
    QuantileObjective,
    ScalarObjective,
)
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Batch
from rlrun.rules.distributional import cross_entropy, expectation, project, quantile_huber

CPU = torch.device("cpu")


def numbers(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


@pytest.mark.parametrize(
    ("reward", "discount", "probability", "expected"),
    [
        (0.0, 1.0, [0.2, 0.5, 0.3], [0.2, 0.5, 0.3]),  # nothing happens
        (0.5, 1.0, [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]),  # half an atom up: shared evenly
        (0.25, 0.5, [0.0, 0.0, 1.0], [0.0, 0.25, 0.75]),  # .25 + .5 * 1 = .75
        (1.0, 0.0, [0.2, 0.5, 0.3], [0.0, 0.0, 1.0]),  # terminated: the reward is all
        (9.0, 0.9, [0.2, 0.5, 0.3], [0.0, 0.0, 1.0]),  # beyond the end
        (-9.0, 0.9, [0.2, 0.5, 0.3], [1.0, 0.0, 0.0]),
    ],
)
def test_projection_by_hand(
    reward: float, discount: float, probability: list[float], expected: list[float]
) -> None:
    found = project(
        numbers(reward)[0], numbers(discount)[0], numbers(*probability), numbers(-1.0, 0.0, 1.0)
    )
    assert found.tolist() == pytest.approx(expected)


def test_projection_is_what_one_atom_at_a_time_gives() -> None:
    rng = np.random.default_rng(0)
    support = np.linspace(-3, 5, 9)
    reward, discount = rng.normal(size=(2, 4)) * 3, rng.random((2, 4))
    probability = rng.dirichlet(np.ones(9), (2, 4))
    expected = np.zeros((2, 4, 9))
    for i in np.ndindex(2, 4):
        for z, mass in zip(support, probability[i], strict=True):
            place = (np.clip(reward[i] + discount[i] * z, -3, 5) + 3) / 1.0
            low = math.floor(place)
            expected[i][low] += mass * (1 - (place - low))
            if place > low:
                expected[i][low + 1] += mass * (place - low)
    r, d, p = (torch.tensor(x, dtype=torch.float32) for x in (reward, discount, probability))
    found = project(r, d, p, torch.linspace(-3, 5, 9))
    assert found.numpy() == pytest.approx(expected, abs=1e-6)


def test_projection_keeps_the_mean_within_the_support() -> None:
    """T Z has the mean r + discount · E[Z] where nothing is cut off."""
    generator = torch.Generator().manual_seed(0)
    support = torch.linspace(-10, 10, 51)
    probability = torch.softmax(torch.randn(6, 51, generator=generator), -1)
    reward, discount = torch.linspace(-1, 1, 6), torch.linspace(0.1, 0.9, 6)
    found = project(reward, discount, probability, support)
    assert found.sum(-1) == pytest.approx(torch.ones(6), abs=1e-5)
    wanted = reward + discount * (probability * support).sum(-1)
    assert (found * support).sum(-1) == pytest.approx(wanted, abs=1e-4)


def test_expectation_by_hand() -> None:
    logits = numbers([0.0, 0.0, 0.0], [math.log(1), math.log(2), math.log(5)])
    assert expectation(logits, numbers(-1.0, 0.0, 1.0)).tolist() == pytest.approx([0.0, 0.5])


def test_cross_entropy_by_hand() -> None:
    logits = numbers(math.log(0.25), math.log(0.75))
    loss, slope, divergence = cross_entropy(logits, numbers(0.5, 0.5))
    assert loss.item() == pytest.approx(-0.5 * math.log(0.25) - 0.5 * math.log(0.75))
    assert slope.tolist() == pytest.approx([-0.25, 0.25])
    assert divergence.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    same = cross_entropy(logits, numbers(0.25, 0.75))
    assert same[2].item() == pytest.approx(0, abs=1e-6)
    assert cross_entropy(logits, numbers(0.0, 1.0))[0].item() == pytest.approx(-math.log(0.75))


def test_the_slope_is_the_derivative() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 7, generator=generator).requires_grad_()
    target = torch.softmax(torch.randn(4, 7, generator=generator), -1)
    loss, slope, _ = cross_entropy(logits, target)
    (wanted,) = torch.autograd.grad(loss.sum(), logits)
    assert torch.allclose(slope, wanted, atol=1e-6)


def batch(reward: list[float], discount: list[float], action: list[int]) -> Batch:
    return Batch(None, torch.tensor([action]), numbers(reward), numbers(discount), None, None, None)


def test_values_judge_the_action_taken() -> None:
    out, next_out = numbers([[1.0, 5.0], [2.0, 0.0]]), numbers([[3.0, 4.0], [9.0, 8.0]])
    result = ScalarObjective("squared")(batch([1.0, 0.0], [0.5, 0.0], [1, 0]), out, next_out, None)
    assert result.q.tolist() == [[5.0, 2.0]]  # the targets are 1 + .5 * 4 = 3, and 0
    assert result.error.tolist() == [[2.0, 2.0]]
    assert result.loss.tolist() == [[2.0, 2.0]]
    assert result.slope.tolist() == [[[0.0, 2.0], [2.0, 0.0]]]


def logit(p: float) -> list[float]:
    return [math.log(1 - p), math.log(p)]


@pytest.mark.parametrize("double", [False, True])
def test_atoms_judge_the_action_taken(double: bool) -> None:
    """Two atoms at 0 and 1: everything is the probability of 1."""
    objective = CategoricalObjective(0.0, 1.0, 2, CPU)
    out = numbers([[logit(0.5), logit(0.25)]])
    next_out = numbers([[logit(0.8), logit(0.6)]])
    selector = numbers([[logit(0.1), logit(0.2)]]) if double else None
    assert objective.values(out)[0, 0].tolist() == pytest.approx([0.5, 0.25])
    result = objective(batch([0.1], [0.5], [1]), out, next_out, selector)
    target = 0.1 + 0.5 * (0.6 if double else 0.8)  # of the best by the selector, or by itself
    assert result.q.item() == pytest.approx(0.25)
    wanted = -target * math.log(0.25) - (1 - target) * math.log(0.75)
    assert result.loss.item() == pytest.approx(wanted)
    entropy = -target * math.log(target) - (1 - target) * math.log(1 - target)
    assert result.error.item() == pytest.approx(wanted - entropy, abs=1e-6)
    slope = result.slope[0, 0]
    assert slope[0].tolist() == [0.0, 0.0]
    assert slope[1].tolist() == pytest.approx([0.75 - (1 - target), 0.25 - target])


def test_a_wrong_support_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^v_min must be below v_max"):
        DQNSettings(distributional=True, v_min=1.0, v_max=1.0)
    with pytest.raises(BadInput, match=r"^agent\.atoms must be at least 2, got 1"):
        construct(DQNSettings, {"distributional": True, "atoms": 1}, "agent")


def test_quantile_huber_by_hand() -> None:
    """Differences .5 and 3, and -.5 and 2: Huber losses .125 and 2.5, .125 and 1.5."""
    loss, slope = quantile_huber(numbers(0.0, 1.0), numbers(0.5, 3.0), numbers(0.25, 0.75))
    first = (0.25 * 0.125 + 0.25 * 2.5) / 2
    second = ((1 - 0.75) * 0.125 + 0.75 * 1.5) / 2
    assert loss.item() == pytest.approx(first + second)
    pulls = [(0.25 * 0.5 + 0.25 * 1) / 2, ((1 - 0.75) * -0.5 + 0.75 * 1) / 2]
    assert slope.tolist() == pytest.approx([-pull for pull in pulls])


def test_quantile_huber_is_what_one_pair_at_a_time_gives() -> None:
    rng = np.random.default_rng(2)
    value, target = rng.normal(size=(2, 3, 5)) * 2, rng.normal(size=(2, 3, 7)) * 2
    level = (np.arange(5) + 0.5) / 5
    expected = np.zeros((2, 3))
    for i in np.ndindex(2, 3):
        for tau, quantile in zip(level, value[i], strict=True):
            for sample in target[i]:
                u = sample - quantile
                huber = 0.5 * u * u if abs(u) <= 1 else abs(u) - 0.5
                expected[i] += abs(tau - (u < 0)) * huber / 7
    v, t, tau = (torch.tensor(x, dtype=torch.float32) for x in (value, target, level))
    assert quantile_huber(v, t, tau)[0].numpy() == pytest.approx(expected, rel=1e-5)


def test_the_slope_of_quantiles_is_the_derivative() -> None:
    generator = torch.Generator().manual_seed(3)
    value = (2 * torch.randn(4, 6, generator=generator)).requires_grad_()
    target = 2 * torch.randn(4, 9, generator=generator)
    loss, slope = quantile_huber(value, target, (torch.arange(6) + 0.5) / 6)
    (wanted,) = torch.autograd.grad(loss.sum(), value)
    assert torch.allclose(slope, wanted, atol=1e-6)


@pytest.mark.parametrize("skew", [1, 3])
def test_quantile_regression_finds_the_quantiles_of_samples(skew: int) -> None:
    """On samples that are far apart, so that the quadratic part of the loss matters little."""
    samples = 10_000 * torch.linspace(0, 1, 1001) ** skew
    level = (torch.arange(4) + 0.5) / 4
    value = torch.zeros(4)
    for _ in range(2000):
        value = value - 500 * quantile_huber(value, samples, level)[1]
    assert value == pytest.approx(torch.quantile(samples, level), abs=1.0)


@pytest.mark.parametrize("double", [False, True])
def test_quantiles_judge_the_action_taken(double: bool) -> None:
    """Values are means: the best next action is 1 by itself, 0 by the selector."""
    objective = QuantileObjective(2, CPU)
    out = numbers([[[7.0, 9.0], [1.0, 2.0]]])
    next_out = numbers([[[0.0, 4.0], [2.0, 3.0]]])
    selector = numbers([[[1.0, 1.0], [0.0, 0.0]]]) if double else None
    assert objective.values(out).tolist() == [[[8.0, 1.5]]]
    result = objective(batch([1.0], [0.5], [1]), out, next_out, selector)
    target = numbers(1.0, 3.0) if double else numbers(2.0, 2.5)  # 1 + .5 Z
    loss, slope = quantile_huber(numbers(1.0, 2.0), target, numbers(0.25, 0.75))
    assert result.q.item() == 1.5
    assert result.error.item() == 1.5 - target.mean().item()
    assert result.loss.item() == loss.item()
    assert result.slope.tolist() == [[[[0.0, 0.0], slope.tolist()]]]
