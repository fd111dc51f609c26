"""Action values with a memory: against torch's layers and autograd, and seed against seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rlrun.core.types import Space
from rlrun.nets.parameters import Parameters
from rlrun.nets.recurrent_q import RecurrentValueNet
from rlrun.nets.style import Style
from tests.support.nets import GRID, IMAGE, observations

UNITS, SEQUENCES, TIME = 8, 2, 3
VECTOR = Space("vector", (3,))


def started(
    space: Space, hidden: list[int], seeds: list[int]
) -> tuple[RecurrentValueNet, Parameters]:
    net = RecurrentValueNet(space, UNITS, hidden, 3)
    params = Parameters.zeros(len(seeds), net.shapes, torch.device("cpu"))
    net.init(params, seeds)
    return net, params


def given(space: Space, seeds: int) -> tuple[Tensor, Tensor, Tensor]:
    """Observations, memories, and a mask in which an episode begins within the second sequence."""
    obs = observations(space, seeds, SEQUENCES * TIME)
    generator = torch.Generator().manual_seed(1)
    memory = torch.randn(seeds, SEQUENCES, UNITS, generator=generator)
    first = torch.zeros(seeds, SEQUENCES * TIME, dtype=torch.bool)
    first[:, TIME + 1] = True
    return obs, memory, first


def by_torch(params: Parameters, seed: int, obs: Tensor, memory: Tensor, first: Tensor) -> Tensor:
    """Values ``[sequence * time, action]`` of one seed by torch's modules."""
    cell, layers = nn.GRUCell(3, UNITS), [nn.Linear(UNITS, 5), nn.Linear(5, 3)]
    x, bias, h, recurrent, *dense = (piece[seed].detach() for piece in params.pieces)
    with torch.no_grad():
        for ours, theirs in (
            (cell.weight_ih, x[:3].T),
            (cell.bias_ih, bias[0]),
            (cell.weight_hh, h.T),
            (cell.bias_hh, recurrent[0]),
        ):
            ours.copy_(theirs)
        for n, layer in enumerate(layers):
            layer.weight.copy_(dense[2 * n][: layer.in_features, : layer.out_features].T)
            layer.bias.copy_(dense[2 * n + 1][0, : layer.out_features])
    values = []
    for sequence in range(SEQUENCES):
        now = memory[sequence]
        for t in range(sequence * TIME, (sequence + 1) * TIME):
            now = cell(obs[t], torch.zeros_like(now) if first[t] else now)
            values.append(layers[1](torch.relu(layers[0](now))))
    return torch.stack(values)


def test_values_are_those_of_torch() -> None:
    net, params = started(VECTOR, [5], [4, 5])
    obs, memory, first = given(VECTOR, 2)
    values, after, _ = net.forward(params.pieces, obs, memory, first)
    for seed in range(2):
        wanted = by_torch(params, seed, obs[seed], memory[seed], first[seed])
        assert torch.allclose(values[seed], wanted, atol=1e-6)
    assert torch.equal(net.remember(params.pieces, obs, memory, first), after)
    assert torch.equal(net.values(params.pieces, after), values)


@pytest.mark.parametrize("space", [VECTOR, IMAGE, GRID])
@pytest.mark.parametrize("hidden", [[], [6], [9, 5]])
def test_gradients_are_those_of_autograd_and_of_the_seed_alone(
    space: Space, hidden: list[int]
) -> None:
    net, params = started(space, hidden, [1, 2])
    obs, memory, first = given(space, 2)
    leaves = [piece.detach().clone().requires_grad_() for piece in params.pieces]
    out, _, _ = net.forward(leaves, obs, memory, first)
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    wanted = torch.autograd.grad((out * slope).sum(), leaves)

    def gradient(own: Parameters, rows: slice) -> Parameters:
        _, _, saved = net.forward(own.pieces, obs[rows], memory[rows], first[rows])
        into = own.zeros_like()
        net.backward(own.pieces, saved, slope[rows], into.pieces)
        return into

    both = gradient(params, slice(None))
    for ours, theirs in zip(both.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        assert theirs.count_nonzero() > 0
    for seed in range(2):
        alone = Parameters(params.flat[seed : seed + 1].clone(), net.shapes)
        found = gradient(alone, slice(seed, seed + 1))
        assert torch.equal(found.flat[0], both.flat[seed])


@pytest.mark.parametrize("init", ["orthogonal", "xavier"])
def test_weights_of_a_style_are_drawn_once(init: str) -> None:
    """Each matrix of a gate by itself, and the dense layers as elsewhere; biases are given."""
    style = Style(init=init, init_bias=0.5)  # type: ignore[arg-type]
    net = RecurrentValueNet(VECTOR, UNITS, [8], 3, style)
    params = Parameters.zeros(1, net.shapes, torch.device("cpu"))
    net.init(params, [3])
    _, bias, recurrent, other_bias, weight, *_ = (piece[0] for piece in params.pieces)
    gates = recurrent.view(UNITS, 3, UNITS).transpose(0, 1)
    if init == "orthogonal":
        identity = torch.eye(UNITS)
        assert torch.allclose(gates @ gates.mT, identity.expand(3, -1, -1), atol=1e-5)
        assert torch.allclose(weight @ weight.T, 2 * identity, atol=1e-5)  # its gain is √2
    else:
        assert gates.abs().max() <= (6 / (2 * UNITS)) ** 0.5
    assert (bias == 0.5).all() and (other_bias == 0.5).all()
