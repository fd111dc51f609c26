"""Stacked networks and their optimizer against torch's own, and seed against seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rlrun.nets.noise import Noise
from rlrun.nets.parameters import Parameters, cut
from rlrun.nets.values import ValueNet
from rlrun.optim import Adam
from rlrun.types import Space

CPU = torch.device("cpu")
IMAGE = Space("image", (2, 40, 44))


def started(net: ValueNet, seeds: Sequence[int]) -> Parameters:
    params = Parameters.zeros(len(seeds), net.shapes, CPU)
    net.init(params, seeds)
    return params


def gradient(net: ValueNet, params: Parameters, obs: Tensor, slope: Tensor) -> Parameters:
    _, saved = net.forward(params.pieces, obs)
    into = params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    return into


def observations(space: Space, *lead: int, draw: int = 1) -> Tensor:
    rng = np.random.default_rng(draw)
    if space.kind == "image":
        return torch.from_numpy(rng.integers(0, 256, (*lead, *space.shape), np.uint8))
    return torch.from_numpy(rng.standard_normal((*lead, *space.shape)).astype(np.float32))


class Twin(nn.Module):
    """Torch's own layers with the weights of one seed."""

    def __init__(self, pieces: Sequence[Tensor], row: int, space: Space, sizes: list[int]) -> None:
        super().__init__()
        self.layers: list[nn.Conv2d | nn.Linear] = []
        if space.kind == "image":
            self.layers = [
                nn.Conv2d(space.shape[0], 32, 8, 4),
                nn.Conv2d(32, 64, 4, 2),
                nn.Conv2d(64, 64, 3, 1),
            ]
            sizes = [self.convolved(torch.zeros(1, *space.shape)).shape[1], *sizes]
        self.sizes = sizes
        self.layers += [nn.Linear(i, o) for i, o in pairwise(sizes)]
        self._take(pieces, row)

    def _take(self, pieces: Sequence[Tensor], row: int) -> None:
        for n, layer in enumerate(self.layers):
            weight, bias = pieces[2 * n][row], pieces[2 * n + 1][row, 0]
            with torch.no_grad():
                if isinstance(layer, nn.Conv2d):
                    layer.weight.copy_(weight.view_as(layer.weight))
                else:
                    o, i = layer.weight.shape
                    layer.weight.copy_(weight[:i, :o].T)
                assert layer.bias is not None
                layer.bias.copy_(bias[: len(layer.weight)])

    def convolved(self, x: Tensor) -> Tensor:
        for layer in self.layers[:3]:
            x = functional.relu(layer(x))
        return x.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.uint8:
            x = self.convolved(x / 255)
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        for layer in linear[:-1]:
            x = functional.relu(layer(x))
        return linear[-1](x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("sizes", [[3, 7, 2], [4, 8, 8, 4], [5, 1], [1, 33, 17, 5, 3], "image"])
def test_values_and_gradients_are_those_of_torch(sizes: list[int] | str) -> None:
    space = IMAGE if isinstance(sizes, str) else Space("vector", (sizes[0],))
    hidden, actions = ([20], 5) if isinstance(sizes, str) else (sizes[1:-1], sizes[-1])
    net = ValueNet(space, hidden, actions)
    params = started(net, [4, 5, 6])
    obs = observations(space, 3, 6)
    values, _ = net.forward(params.pieces, obs)
    assert torch.equal(values, net.infer(params.pieces, obs))
    into = gradient(net, params, obs, 2 * values)  # of the squares' sum
    for row in range(3):
        front = [] if space.kind == "image" else [space.shape[0]]
        twin = Twin(params.pieces, row, space, [*front, *hidden, actions])
        assert torch.allclose(values[row], twin(obs[row]), atol=1e-6)
        twin(obs[row]).pow(2).sum().backward()
        other = Twin(
            into.pieces, row, space, [*front, *hidden, actions]
        )  # the gradient as its weights
        for ours, theirs in zip(other.layers, twin.layers, strict=True):
            for name in ("weight", "bias"):
                wanted = getattr(theirs, name).grad
                assert wanted is not None
                assert torch.allclose(getattr(ours, name), wanted, rtol=1e-4, atol=1e-5)
                assert wanted.count_nonzero() > 0
        real = sum(p.count_nonzero() for layer in other.layers for p in layer.parameters())
        assert into.flat[row].count_nonzero() == real  # padding has no gradient


@pytest.mark.parametrize("space", [Space("vector", (3,)), IMAGE])
@pytest.mark.parametrize("hidden", [[], [6], [9, 5], [8, 8, 8]])
@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("atoms", [1, 7])
def test_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], dueling: bool, atoms: int
) -> None:
    net = ValueNet(space, hidden, 3, dueling=dueling, atoms=atoms)
    params = started(net, [1, 2])
    obs = observations(space, 2, 5)
    leaves = [piece.detach().clone().requires_grad_() for piece in params.pieces]
    out, _ = net.forward(leaves, obs)
    assert out.shape == ((2, 5, 3, 7) if atoms > 1 else (2, 5, 3))
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    wanted = torch.autograd.grad((out * slope).sum(), leaves)
    into = gradient(net, params, obs, slope)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("atoms", [1, 4])
def test_dueling_is_value_plus_advantage_less_its_mean(atoms: int) -> None:
    """Wang et al. 2016, eq. 9, with torch's own layers."""
    space = Space("vector", (4,))
    net = ValueNet(space, [6, 5], 3, dueling=True, atoms=atoms)
    params = started(net, [0])
    obs = observations(space, 1, 8)
    trunk = Twin(params.pieces, 0, space, [4, 6])
    shared = functional.relu(trunk(obs[0]))
    heads = []
    for first, outputs in ((2, 3 * atoms), (6, atoms)):
        heads.append(Twin(params.pieces[first:], 0, space, [6, 5, outputs])(shared))
    advantage, value = heads[0].view(8, 3, atoms), heads[1].view(8, 1, atoms)
    wanted = value + advantage - advantage.mean(1, keepdim=True)
    assert torch.allclose(net.infer(params.pieces, obs)[0].view(8, 3, atoms), wanted, atol=1e-6)


def test_noisy_layers_by_hand() -> None:
    net = ValueNet(Space("vector", (2,)), [3, 4], 2)
    noise = Noise(net, [5], CPU)
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
    noise = Noise(net, [1, 2], CPU)
    e = torch.cat([noise.draw().weights[1].flatten(1) for _ in range(50)], 1)
    normal = e.sign() * e.square()
    assert normal.mean(1) == pytest.approx(torch.zeros(2), abs=0.03)
    assert normal.std(1) == pytest.approx(torch.ones(2), abs=0.03)
    assert not torch.equal(e[0], e[1])


def test_the_gradient_of_sigma_is_that_of_mu_times_the_noise() -> None:
    net = ValueNet(Space("vector", (3,)), [5, 6], 2, dueling=True)
    noise = Noise(net, [1, 2], CPU)
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


def test_small_images_are_padded() -> None:
    net = ValueNet(Space("image", (3, 7, 50)), [4], 2)
    params = started(net, [0])
    obs = observations(Space("image", (3, 7, 50)), 1, 2)
    larger = ValueNet(Space("image", (3, 36, 50)), [4], 2)
    padded = functional.pad(obs, (0, 0, 0, 29))
    assert torch.equal(net.infer(params.pieces, obs), larger.infer(params.pieces, padded))


def test_discrete_observations_are_one_hot() -> None:
    net = ValueNet(Space("discrete", (), (3,)), [], 2)
    params = started(net, [0])
    values = net.infer(params.pieces, torch.tensor([[0, 2]]))[0]
    weight, bias = params.pieces[0][0, :, :2], params.pieces[1][0, 0, :2]
    assert torch.allclose(values, weight[[0, 2]] + bias)


def test_weights_start_within_their_bound_and_belong_to_the_seed() -> None:
    net = ValueNet(Space("vector", (9,)), [50], 3)
    params, alone = started(net, [3, 8]), started(net, [8])
    assert torch.equal(params.flat[1], alone.flat[0])
    assert not torch.equal(params.flat[0], params.flat[1])
    first = params.pieces[0][:, :9, :50]
    assert 0.3 < first.abs().max() <= 1 / 3
    assert first.std() == pytest.approx(1 / 3 / 3**0.5, rel=0.05)  # of a uniform distribution
    assert params.pieces[0][:, 9:].abs().max() == 0
    assert params.pieces[0][:, :, 50:].abs().max() == 0


def test_adam_and_clipping_are_those_of_torch_for_each_seed() -> None:
    shapes = [(4, 4), (1, 4)]
    params = Parameters.zeros(2, shapes, CPU)
    twins = [torch.zeros(20, requires_grad=True) for _ in range(2)]
    ours = Adam(params, 1.0, epsilon=1e-3)
    theirs = [torch.optim.Adam([twin], eps=1e-3) for twin in twins]
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        size = torch.tensor([0.05, 5.0])  # one seed below the norm, one above
        aim = torch.randn(2, 20, generator=generator) * size[:, None]
        lr = 0.1 / (1 + step)
        slope = torch.zeros_like(params.flat)
        for piece, part in zip(cut(slope, shapes), (aim[:, :16], aim[:, 16:]), strict=True):
            piece.copy_(part.view(piece.shape))
        ours.step(slope, lr)
        for row, twin in enumerate(twins):
            twin.grad = aim[row].clone()
            nn.utils.clip_grad_norm_(twin, 1.0)
            theirs[row].param_groups[0]["lr"] = lr
            theirs[row].step()
    flat = torch.cat([piece.flatten(1) for piece in cut(params.flat, shapes)], 1)
    assert torch.allclose(flat, torch.stack(twins), atol=1e-6)


def learn(net: ValueNet, params: Parameters, adam: Adam, obs: Tensor, target: Tensor) -> None:
    values = net.infer(params.pieces, obs)
    slope = (values - target).clamp(-1, 1) / target[0].numel()
    adam.step(gradient(net, params, obs, slope).flat, 1e-2)


@pytest.mark.parametrize("draw", range(20))
def test_a_seed_learns_the_same_in_every_stack(draw: int) -> None:
    """Bit for bit, for random shapes: the contract that makes a stack a set of single runs."""
    rng = random.Random(draw)
    width = rng.choice([1, 2, 3, 4, 5, 8, 17, 33, 100, 173, 400])
    image = Space("image", (rng.choice([1, 3, 4]), rng.randint(7, 60), rng.randint(30, 60)))
    space = image if draw % 4 == 3 else Space("vector", (width,))
    actions, atoms = rng.randint(1, 18), rng.choice([1, 1, 2, 11, 51])
    hidden = [rng.choice([1, 3, 5, 7, 17, 32, 64, 84, 128]) for _ in range(rng.randint(0, 3))]
    seeds, batch = rng.choice([2, 3, 7]), rng.choice([1, 5, 10, 32, 64, 128])
    net = ValueNet(space, hidden, actions, dueling=rng.random() < 0.5, atoms=atoms)
    stack = started(net, range(seeds))
    alone = [started(net, [seed]) for seed in range(seeds)]
    together, apart = Adam(stack, 1.0), [Adam(params, 1.0) for params in alone]
    generator = torch.Generator().manual_seed(draw)
    for count in range(3):
        obs = observations(space, seeds, batch, draw=100 * draw + count)
        target = torch.randn(net.infer(stack.pieces, obs).shape, generator=generator)
        learn(net, stack, together, obs, target)
        for k in range(seeds):
            one = slice(k, k + 1)
            learn(net, alone[k], apart[k], obs[one].clone(), target[one].clone())
            assert torch.equal(stack.flat[k], alone[k].flat[0]), (space, hidden, actions, k)
            a = net.infer(stack.pieces, obs)[k]
            assert torch.equal(a, net.infer(alone[k].pieces, obs[one].clone())[0])


def test_a_row_that_sits_steps_out_is_as_if_alone() -> None:
    """Also in what corrects Adam's bias, which depends on how many steps a row has gone."""
    shapes = [(4, 4), (1, 4)]
    stack = Parameters.zeros(3, shapes, CPU)
    alone = [Parameters.zeros(1, shapes, CPU) for _ in range(3)]
    together, apart = Adam(stack, 1.0), [Adam(params, 1.0) for params in alone]
    generator = torch.Generator().manual_seed(0)
    for step, frozen in enumerate([(), {1}, {0, 1}, {0, 1, 2}, {2}, ()]):
        slope = torch.randn(stack.flat.shape, generator=generator)
        slope[list(frozen)] = torch.nan
        for k in set(range(3)) - set(frozen):
            apart[k].step(slope[k : k + 1].clone(), 0.1)
        together.step(slope, 0.1, frozen)
        if step == 3:
            again = Adam(stack, 1.0)
            again.load_state_dict(together.state_dict())
            together = again
        for k in range(3):
            assert torch.equal(stack.flat[k], alone[k].flat[0])


def test_a_copy_stays() -> None:
    net = ValueNet(Space("vector", (4,)), [8], 2)
    online = started(net, [0, 1])
    target = online.copy()
    obs = torch.ones(2, 3, 4)
    before, values = target.flat.clone(), net.infer(target.pieces, obs)
    learn(net, online, Adam(online, None), obs, torch.ones(2, 3, 2))
    assert torch.equal(target.flat, before)
    assert torch.equal(net.infer(target.pieces, obs), values)
    assert not torch.equal(online.flat, before)
    assert not torch.equal(net.infer(online.pieces, obs), values)
