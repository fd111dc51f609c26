"""Noisy layers by hand and beside autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlrun.core.types import Space
from rlrun.nets.noisy import WeightNoise
from rlrun.nets.parameters import Parameters
from rlrun.nets.q_network import ValueNet
from tests.support.nets import CPU, observations


def test_noisy_layers_by_hand() -> None:
    net = ValueNet(Space("vector", (2,)), [3, 4], 2)
    noise = WeightNoise(net, [5], CPU)
    params = Parameters.zeros(1, [*net.shapes, *noise.shapes], CPU)
    net.init(params, [5])
    noise.init(params)
    plain, sigma = params.pieces[:6], params.pieces[6:]
    # the trunk has none; of the head's layers 3 -> 4 -> 2 sigma is 1 / (2 sqrt(inputs))
    assert sigma[0][0, :3] == pytest.approx(0.5 / 3**0.5)
    assert sigma[0][0, 3:].count_nonzero() == 0
    assert sigma[2][0, :4, :2] == pytest.approx(0.25)
    assert sigma[2][0, :, 2:].count_nonzero() == 0
    drawn = noise.draw()
    noisy = noise.noisy(params.pieces, drawn)
    assert all(torch.equal(a, b) for a, b in zip(noisy[:2], plain[:2], strict=True))
    weight, bias = drawn.weights[0][0], drawn.weights[1][0, 0]
    assert torch.allclose(noisy[2][0], plain[2][0] + sigma[0][0] * weight)
    assert torch.allclose(noisy[3][0, 0], plain[3][0, 0] + sigma[1][0, 0] * bias)
    assert np.linalg.matrix_rank(weight.numpy()) == 1  # factorised
    assert torch.allclose(weight / weight[:, :1], (bias / bias[0]).expand(4, 4), rtol=1e-4)


def test_noise_is_sign_root_of_normal() -> None:
    net = ValueNet(Space("vector", (2,)), [400], 8)
    noise = WeightNoise(net, [1, 2], CPU)
    e = torch.cat([noise.draw().weights[1].flatten(1) for _ in range(50)], 1)
    normal = e.sign() * e.square()
    assert normal.mean(1) == pytest.approx(torch.zeros(2), abs=0.03)
    assert normal.std(1) == pytest.approx(torch.ones(2), abs=0.03)
    assert not torch.equal(e[0], e[1])


def test_the_gradient_of_sigma_is_that_of_mu_times_the_noise() -> None:
    net = ValueNet(Space("vector", (3,)), [5, 6], 2, dueling=True)
    noise = WeightNoise(net, [1, 2], CPU)
    params = Parameters.zeros(2, [*net.shapes, *noise.shapes], CPU)
    net.init(params, [1, 2])
    noise.init(params)
    drawn = noise.draw()
    obs = observations(Space("vector", (3,)), 2, 4)
    leaves = [piece.detach().clone().requires_grad_() for piece in params.pieces]
    out, _ = net.forward(noise.noisy(leaves, drawn), obs)
    wanted = torch.autograd.grad(out.square().sum(), leaves)
    noisy = noise.noisy(params.pieces, drawn)
    out, saved = net.forward(noisy, obs)
    into = params.zeros_like()
    net.backward(noisy, saved, 2 * out, into.pieces)
    noise.backward(into.pieces, drawn)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)
