"""Activations and initial weights: against torch's own, and by their laws."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from rlrun.core.types import Space
from rlrun.nets.actor_critic import ActorNet, CriticNet
from rlrun.nets.norm import Norm
from rlrun.nets.parameters import Parameters
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.products import PRODUCTS
from rlrun.nets.q_network import ValueNet
from rlrun.nets.style import Style
from tests.support.nets import CPU

VECTOR, IMAGE = Space("vector", (40,)), Space("image", (4, 40, 40))
THEIRS = {"relu": torch.relu, "tanh": torch.tanh, "elu": functional.elu}


STYLES = [
    Style("relu"),
    Style("elu"),
    *(Style("tanh", products=products) for products in PRODUCTS.values()),
]


@pytest.mark.parametrize("style", STYLES)
def test_activations_and_their_slopes_are_those_of_torch(style: Style) -> None:
    x = torch.linspace(-20, 20, 401, requires_grad=True)
    theirs = THEIRS[style.activation](x)
    (slope,) = torch.autograd.grad(theirs.sum(), x)
    ours = style.activate(x.detach().clone())
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert torch.allclose(style.through(torch.ones(401), ours), slope, atol=1e-6)


@pytest.mark.parametrize("style", STYLES)
def test_an_activation_does_not_depend_on_a_numbers_place(style: Style) -> None:
    x = torch.randn(3, 7, 13, generator=torch.Generator().manual_seed(0))
    whole = style.activate(x.clone())
    for row in range(3):
        assert torch.equal(style.activate(x[row].clone()), whole[row])
        assert torch.equal(style.through(x[row], whole[row]), style.through(x, whole)[row])


def params_of(net: ValueNet | ActorNet | CriticNet | PolicyNet, seeds: list[int]) -> Parameters:
    params = Parameters.zeros(len(seeds), net.shapes, CPU)
    net.init(params, seeds)
    return params


@pytest.mark.parametrize("obs", [VECTOR, IMAGE], ids=lambda space: space.kind)
def test_xavier_weights_fill_their_bounds_and_biases_are_given(obs: Space) -> None:
    net = ValueNet(obs, [64, 48], 3, style=Style("elu", "xavier", 0.1))
    params = params_of(net, [3, 4])
    sides = {"vector": [(40, 64), (64, 48), (48, 3)]}.get(
        obs.kind,
        # kernels of 8, 4 and 3; two of the four layers of convolutions' outputs are 1 x 1
        [(4 * 64, 32 * 64), (32 * 16, 64 * 16), (64 * 9, 64 * 9), (64, 64), (64, 48), (48, 3)],
    )
    for n, (fan_in, fan_out) in enumerate(sides):
        weight, bias = params.pieces[2 * n], params.pieces[2 * n + 1]
        bound = math.sqrt(6 / (fan_in + fan_out))
        largest = weight.abs().amax((1, 2))
        assert (largest <= bound).all()
        assert (largest > 0.97 * bound).all()
        real = bias[:, 0, : [*zip(*sides, strict=True)][1][n] if n >= len(sides) - 3 else None]
        assert (real[real != 0] == 0.1).all()
        assert (real != 0).sum() > 0
    assert not torch.equal(params.flat[0], params.flat[1])
    assert torch.equal(params_of(net, [4]).flat[0], params.flat[1])


def test_orthogonal_weights_of_a_value_network() -> None:
    params = params_of(ValueNet(VECTOR, [24, 16], 3, style=Style(init="orthogonal")), [3])
    for n, (rows, columns, gain) in enumerate([(40, 24, 2.0), (24, 16, 2.0), (16, 3, 1.0)]):
        weight = params.pieces[2 * n][0, :rows, :columns]
        assert torch.allclose(weight.T @ weight, gain * torch.eye(columns), atol=1e-5)
        assert not params.pieces[2 * n + 1].any()


def test_only_the_biases_differ_from_those_of_torch_if_only_they_are_given() -> None:
    usual = params_of(ActorNet(VECTOR, [24], 2), [3])
    given = params_of(ActorNet(VECTOR, [24], 2, style=Style(init_bias=0.5)), [3])
    for n in range(2):
        assert torch.equal(usual.pieces[2 * n], given.pieces[2 * n])
        width = (24, 2)[n]
        assert (given.pieces[2 * n + 1][0, 0, :width] == 0.5).all()
        assert not given.pieces[2 * n + 1][0, 0, width:].any()


def test_a_small_last_layer_stays_small_if_its_biases_are_given() -> None:
    nets = [ActorNet(VECTOR, [24], 2, style=Style(init_bias=bias)) for bias in (None, 0.5)]
    usual, given = (Parameters.zeros(1, net.shapes, CPU) for net in nets)
    for net, params in zip(nets, (usual, given), strict=True):
        net.init(params, [3], last=3e-3)
    assert 2e-3 < usual.pieces[2].abs().max() <= 3e-3
    assert torch.equal(usual.pieces[2], given.pieces[2])
    assert (given.pieces[3][0, 0, :2] == 0.5).all()


def test_normalized_layers_keep_their_gains() -> None:
    net = CriticNet(VECTOR, 2, [24], norm=Norm("batch"), style=Style("tanh", "xavier", 0.1))
    params = params_of(net, [3])
    weight, bias, gain, shift, mean, variance, *_ = params.pieces
    assert (weight[0, :42, :24].abs() <= math.sqrt(6 / (42 + 24))).all()
    assert (bias[0, 0, :24] == 0.1).all()
    assert (gain[0, 0, :24] == 1).all()
    assert not shift.any()
    assert not mean.any()
    assert (variance[0, 0, :24] == 1).all()


def test_policies_can_start_as_other_networks_do() -> None:
    net = PolicyNet(VECTOR, Space("discrete", (), (3,)), (24,), Style("relu", "torch"))
    params = params_of(net, [3])
    for n, (rows, columns) in enumerate([(40, 24), (24, 3), (40, 24), (24, 1)]):
        weight = params.pieces[2 * n][0, :rows, :columns]
        bound = 1 / math.sqrt(rows)
        assert 0.8 * bound < weight.abs().max() <= bound
