"""Policies and values against torch's own layers, distributions and autograd."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.types import Space
from rlrun.nets.distributions import Categorical, Gaussian
from rlrun.nets.parameters import Parameters
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.style import Activation, Style
from tests.support.nets import CPU, GRID, IMAGE, observations

distributions: Any = torch.distributions  # not typed
CHOICES = [(5,), (2,), (3, 2, 4), (2, 2)]


def logits_and_actions(choices: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    out = torch.from_numpy(rng.normal(size=(3, 7, sum(choices) + 3)).astype(np.float32))
    action = np.stack([rng.integers(0, n, (3, 7)) for n in choices], -1)
    return 2 * out, torch.from_numpy(action)


@pytest.mark.parametrize("choices", CHOICES)
def test_choices_are_as_likely_as_torch_says(choices: tuple[int, ...]) -> None:
    out, action = logits_and_actions(choices)
    told = Categorical(choices).of(out, (), action)
    bounds = list(pairwise(accumulate(choices, initial=0)))
    theirs = [distributions.Categorical(logits=out[..., a:b]) for a, b in bounds]
    wanted = sum(d.log_prob(action[..., n]) for n, d in enumerate(theirs))
    assert torch.allclose(told.log_prob, wanted, atol=1e-5)
    entropy = sum(d.entropy() for d in theirs)
    assert torch.allclose(told.entropy, entropy, atol=1e-5)
    for n, (a, b) in enumerate(bounds):
        mode = Categorical(choices).mode(out.numpy())
        assert np.array_equal(mode[..., n], out[..., a:b].argmax(-1))


@pytest.mark.parametrize("choices", CHOICES)
def test_slopes_of_choices_are_those_of_autograd(choices: tuple[int, ...]) -> None:
    out, action = logits_and_actions(choices)
    out.requires_grad_()
    one = Categorical(choices)
    told = one.of(out, (), action)
    a, b = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0)).unbind()
    (wanted,) = torch.autograd.grad((a * told.log_prob + b * told.entropy).sum(), out)
    assert torch.allclose(one.backward(told.saved, a, b, ()), wanted, atol=1e-5)


def test_a_choice_is_where_the_probabilities_pass_the_draw() -> None:
    out = np.log(np.array([[[0.2, 0.3, 0.5, 0.9, 0.1]]], np.float32))
    one = Categorical((3, 2))
    for draw, wanted in (((0.19, 0.89), [0, 0]), ((0.21, 0.91), [1, 1]), ((0.51, 0.0), [2, 0])):
        found = one.sample(out, (), np.array([[draw]]))
        assert found.flatten().tolist() == wanted
    most = one.sample(out, (), np.full((1, 1, 2), 1 - 2**-53))
    assert most.flatten().tolist() == [2, 1]


def gaussian(size: int) -> tuple[Gaussian, Parameters, Tensor, Tensor]:
    one = Gaussian(size)
    params = Parameters.zeros(3, one.shapes, CPU)
    rng = np.random.default_rng(1)
    params.pieces[0][:, :, :size] = torch.from_numpy(rng.normal(size=(3, 1, size)))
    out = torch.from_numpy(rng.normal(size=(3, 7, params.shapes[0][1])).astype(np.float32))
    return one, params, out, torch.from_numpy(rng.normal(size=(3, 7, size)).astype(np.float32))


@pytest.mark.parametrize("size", [1, 3, 4, 6])
def test_numbers_are_as_likely_as_torch_says(size: int) -> None:
    one, params, out, action = gaussian(size)
    told = one.of(out, params.pieces, action)
    scale = params.pieces[0][..., :size].exp().expand(3, 7, size)
    theirs = distributions.Normal(out[..., :size], scale)
    assert torch.allclose(told.log_prob, theirs.log_prob(action).sum(-1), rtol=1e-4, atol=1e-4)
    assert torch.allclose(told.entropy, theirs.entropy().sum(-1), atol=1e-5)
    draw = torch.randn(3, 7, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = out[..., :size] + scale * draw.float()
    found = one.sample(out.numpy(), params.pieces, draw.numpy())
    assert np.array_equal(found, wanted)
    assert np.array_equal(one.mode(out.numpy()), out[..., :size])


@pytest.mark.parametrize("size", [1, 3, 4])
def test_slopes_of_numbers_are_those_of_autograd(size: int) -> None:
    one, params, out, action = gaussian(size)
    out.requires_grad_()
    own = params.pieces[0].clone().requires_grad_()
    told = one.of(out, [own], action)
    a, b = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0)).unbind()
    wanted = torch.autograd.grad((a * told.log_prob + b * told.entropy).sum(), (out, own))
    into = params.zeros_like()
    found = one.backward(told.saved, a, b, into.pieces)
    assert torch.allclose(found, wanted[0], rtol=1e-4, atol=1e-4)
    assert torch.allclose(into.pieces[0], wanted[1], rtol=1e-4, atol=1e-4)
    assert into.flat.count_nonzero() == 3 * size  # padding has no gradient


ACTIONS = [
    Space("discrete", (), (3,)),
    Space("vector", (2,)),
    Space("multi_discrete", (2,), (3, 4)),
]
TANH = Style("tanh", "orthogonal")
networks = pytest.mark.parametrize("action", ACTIONS, ids=lambda space: str(space.kind))


def started(net: PolicyNet, seeds: int) -> Parameters:
    params = Parameters.zeros(seeds, net.shapes, CPU)
    net.init(params, range(seeds))
    return params


@networks
@pytest.mark.parametrize(
    "space", [Space("vector", (3,)), IMAGE, GRID], ids=lambda space: space.kind
)
@pytest.mark.parametrize("hidden", [(), (6,), (9, 5)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
@pytest.mark.parametrize("value", [True, False])
def test_gradients_of_both_networks_are_those_of_autograd(
    action: Space, space: Space, hidden: tuple[int, ...], activation: Activation, value: bool
) -> None:
    net = PolicyNet(space, action, hidden, Style(activation, "orthogonal"), value=value)
    params = started(net, 2)
    obs = observations(space, 2, 5)
    leaves = [piece.detach().clone().requires_grad_() for piece in params.pieces]
    outs, _ = net.forward(leaves, obs)
    generator = torch.Generator().manual_seed(0)
    real = [net.distribution.outputs, 1][: len(outs)]
    slopes = [torch.randn(out.shape, generator=generator) for out in outs]
    for slope, width in zip(slopes, real, strict=True):
        slope[..., width:] = 0  # nobody reads the padding
    total = sum((out * slope).sum() for out, slope in zip(outs, slopes, strict=True))
    wanted = torch.autograd.grad(total, leaves, allow_unused=True)  # type: ignore[arg-type]
    into = params.zeros_like()
    _, saved = net.forward(params.pieces, obs)
    net.backward(params.pieces, saved, [slope.clone() for slope in slopes], into.pieces)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        own = torch.zeros_like(ours) if theirs is None else theirs
        assert torch.allclose(ours, own, rtol=1e-3, atol=1e-4)
    assert len(net.distribution_pieces(params.pieces)) == (action.kind == "vector")


def test_the_layers_are_those_of_torch() -> None:
    net = PolicyNet(Space("vector", (3,)), ACTIONS[0], (8, 4), TANH)
    params = started(net, 2)
    obs = observations(Space("vector", (3,)), 2, 6)
    policy, value = net.policy(params.pieces, obs), net.value(params.pieces, obs)
    both, _ = net.forward(params.pieces, obs)
    assert torch.equal(both[0], policy)
    assert torch.equal(both[1][..., 0], value)
    for first, outputs, found in ((0, 3, policy[..., :3]), (6, 1, value.unsqueeze(-1))):
        x = obs
        for layer in range(3):
            weight, bias = params.pieces[first + 2 * layer : first + 2 * layer + 2]
            x = torch.stack(
                [functional.linear(x[s], weight[s, : x.shape[-1]].T, bias[s, 0]) for s in range(2)]
            )
            x = x.tanh() if layer < 2 else x
        assert torch.allclose(x[..., :outputs], found, atol=1e-6)


def test_weights_begin_orthogonal_with_the_gains_of_the_papers_code() -> None:
    net = PolicyNet(Space("vector", (6,)), ACTIONS[0], (8, 5), TANH)
    params = started(net, 2)
    shapes = [(6, 8), (8, 5), (5, 3), (6, 8), (8, 5), (5, 1)]
    gains = [2**0.5, 2**0.5, 0.01, 2**0.5, 2**0.5, 1.0]
    for n, ((rows, columns), gain) in enumerate(zip(shapes, gains, strict=True)):
        weight, bias = params.pieces[2 * n], params.pieces[2 * n + 1]
        assert bias.count_nonzero() == 0
        assert weight.count_nonzero() == 2 * rows * columns  # and padding is 0
        for seed in range(2):
            real = weight[seed, :rows, :columns]
            small = real.T @ real if rows >= columns else real @ real.T
            assert torch.allclose(small, gain**2 * torch.eye(min(rows, columns)), atol=1e-5)
    assert not torch.equal(params.flat[0], params.flat[1])
    alone = Parameters.zeros(1, net.shapes, CPU)
    net.init(alone, [1])
    assert torch.equal(alone.flat[0], params.flat[1])
