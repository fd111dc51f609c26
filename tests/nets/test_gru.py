"""Gated recurrent units against torch's own, and their gradients against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.nets.gru import GRU
from rlrun.nets.parameters import Parameters
from rlrun.nets.products import PRODUCTS, Engine
from rlrun.nets.style import Style

SEEDS, SEQUENCES, TIME, INPUTS, UNITS, NETWORKS = 3, 2, 5, 3, 8, 2
engines = pytest.mark.parametrize("engine", ["torch", "numpy"])


def started(engine: Engine, seeds: int = SEEDS) -> tuple[GRU, Parameters]:
    gru = GRU(INPUTS, UNITS, NETWORKS, style=Style(products=PRODUCTS[engine]))
    params = Parameters.zeros(seeds, gru.shapes, torch.device("cpu"))
    for row in range(seeds):
        gru.init(params.pieces, row, torch.Generator().manual_seed(row))
    return gru, params


def normal(*shape: int, draw: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def given(seeds: int = SEEDS) -> tuple[Tensor, Tensor, Tensor]:
    """Padded inputs, memories, and which steps begin an episode: the third of one sequence."""
    x = torch.zeros(seeds, SEQUENCES * TIME, 4)
    x[..., :INPUTS] = torch.stack([normal(SEQUENCES * TIME, INPUTS, draw=s) for s in range(seeds)])
    memory = torch.stack([normal(SEQUENCES, NETWORKS * UNITS, draw=10 + s) for s in range(seeds)])
    first = torch.zeros(seeds, SEQUENCES * TIME, dtype=torch.bool)
    first[:, TIME + 2] = True
    return x, memory, first


def by_torch(
    gru: GRU, params: Parameters, seed: int, network: int
) -> tuple[torch.nn.GRU, list[Tensor]]:
    """torch's layer with the weights of one network of a seed, and those weights."""
    twin = torch.nn.GRU(INPUTS, UNITS, batch_first=True)
    width = 3 * UNITS
    own = slice(network * width, (network + 1) * width)
    rows = slice(network * UNITS, (network + 1) * UNITS)
    weights = [
        params.pieces[0][seed, :INPUTS, own].T,
        params.pieces[2][seed, rows].T,
        params.pieces[1][seed, 0, own],
        params.pieces[3][seed, network],
    ]
    for parameter, weight in zip(twin.parameters(), weights, strict=True):
        parameter.data.copy_(weight)
    return twin, weights


def run_by_torch(twin: torch.nn.GRU, x: Tensor, memory: Tensor) -> Tensor:
    """The memories ``[sequence, time, unit]``: the second sequence is two episodes."""
    one, _ = twin(x[:1], memory[None, :1])
    two, _ = twin(x[1:, :2], memory[None, 1:])
    three, _ = twin(x[1:, 2:])  # from nothing
    return torch.cat([one, torch.cat([two, three], 1)])


@engines
def test_memories_and_gradients_are_those_of_torch(engine: Engine) -> None:
    gru, params = started(engine)
    x, memory, first = given()
    found, saved = gru.forward(params.pieces, x, memory, first)
    slope = normal(*found.shape, draw=99)
    into = params.zeros_like()
    below = gru.backward(params.pieces, saved, slope, into.pieces, True)
    for seed in range(SEEDS):
        own_x = x[seed, :, :INPUTS].view(SEQUENCES, TIME, INPUTS).requires_grad_()
        total = torch.zeros(())
        for network in range(NETWORKS):
            twin, _ = by_torch(gru, params, seed, network)
            units = slice(network * UNITS, (network + 1) * UNITS)
            wanted = run_by_torch(twin, own_x, memory[seed, :, units])
            assert torch.allclose(found[seed, :, units].view_as(wanted), wanted, atol=1e-6)
            total = total + (wanted * slope[seed, :, units].view_as(wanted)).sum()
            _, gradients = by_torch(gru, into, seed, network)
            twin.zero_grad()
            total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
            for parameter, gradient in zip(twin.parameters(), gradients, strict=True):
                assert parameter.grad is not None
                assert torch.allclose(gradient, parameter.grad, atol=1e-5)
        (wanted_below,) = torch.autograd.grad(total, own_x)
        assert torch.allclose(
            below[seed, :, :INPUTS].view_as(wanted_below), wanted_below, atol=1e-5
        )


@engines
def test_a_seed_gets_what_it_gets_alone(engine: Engine) -> None:
    gru, params = started(engine)
    x, memory, first = given()
    found, saved = gru.forward(params.pieces, x, memory, first)
    slope = normal(*found.shape, draw=99)
    into = params.zeros_like()
    gru.backward(params.pieces, saved, slope, into.pieces, False)
    for seed in range(SEEDS):
        one = slice(seed, seed + 1)
        alone = Parameters(params.flat[one].clone(), gru.shapes)
        out, kept = gru.forward(alone.pieces, x[one], memory[one], first[one])
        assert torch.equal(out, found[one])
        gradient = alone.zeros_like()
        gru.backward(alone.pieces, kept, slope[one], gradient.pieces, False)
        assert torch.equal(gradient.flat, into.flat[one])


def test_steps_one_by_one_are_a_sequence() -> None:
    gru, params = started("torch")
    x, memory, first = given()
    whole, _ = gru.forward(params.pieces, x, memory, first)
    by_sequence = (t.view(SEEDS, SEQUENCES, TIME, -1) for t in (x, first.unsqueeze(-1), whole))
    inputs, begins, wanted = by_sequence
    for t in range(TIME):
        memory, _ = gru.forward(params.pieces, inputs[:, :, t], memory, begins[:, :, t, 0])
        assert torch.allclose(memory, wanted[:, :, t], atol=1e-6)


def test_by_hand() -> None:
    """One unit counts: with the update gate shut it keeps what it has, open it takes tanh(x)."""
    gru = GRU(1, 4, 1)
    params = Parameters.zeros(1, gru.shapes, torch.device("cpu"))
    weight, bias, _, _ = params.pieces
    weight[0, 0, 2 * 4] = 1.0  # the candidate of the first unit is tanh(x)
    bias[0, 0, 1 * 4] = 2.0  # its update gate: (1 + tanh(1)) / 2 of the old memory stays
    x = torch.tensor([[[0.5, 0, 0, 0], [-1.0, 0, 0, 0]]])
    found, _ = gru.forward(params.pieces, x, torch.zeros(1, 1, 4), torch.zeros(1, 2).bool())
    stays = 1 / (1 + np.exp(-2.0))
    first = (1 - stays) * np.tanh(0.5)
    second = (1 - stays) * np.tanh(-1.0) + stays * first
    assert found[0, :, 0].tolist() == pytest.approx([first, second])
    assert not found[0, :, 1:].any()


@pytest.mark.parametrize("init", ["orthogonal", "xavier"])
def test_matrices_of_gates_are_drawn_one_by_one(init: str) -> None:
    gru = GRU(4, 8, 2, style=Style(init=init, init_bias=0.25))  # type: ignore[arg-type]
    params = Parameters.zeros(1, gru.shapes, torch.device("cpu"))
    gru.init(params.pieces, 0, torch.Generator().manual_seed(0))
    of_memory = params.pieces[2][0].view(2, 8, 3, 8).transpose(1, 2).reshape(6, 8, 8)
    of_inputs = params.pieces[0][0].view(4, 6, 8).transpose(0, 1)
    assert len({each.sum().item() for each in of_memory}) == 6
    if init == "orthogonal":
        identity = torch.eye(8).expand(6, 8, 8)
        assert torch.allclose(of_memory @ of_memory.mT, identity, atol=1e-5)
        assert torch.allclose(of_inputs @ of_inputs.mT, torch.eye(4).expand(6, 4, 4), atol=1e-5)
    else:
        assert of_memory.abs().max() <= np.sqrt(6 / 16)
        assert of_inputs.abs().max() <= np.sqrt(6 / 12)
        assert of_memory.abs().max() > 0.9 * np.sqrt(6 / 16)
    assert (params.pieces[1] == 0.25).all() and (params.pieces[3] == 0.25).all()


def test_units_must_fill_vectors() -> None:
    with pytest.raises(ValueError, match="memory_units must be a multiple of 4, got 6"):
        GRU(3, 6, 1)
