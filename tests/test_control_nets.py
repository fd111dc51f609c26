"""Actors, critics and normalized layers against torch's own autograd and layers."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.nets.control import Actor, Critic
from rlrun.nets.norm import NormalizedDense
from rlrun.nets.parameters import Parameters
from rlrun.types import Space
from tests.net_helpers import CPU, IMAGE, observations

VECTOR = Space("vector", (3,))
NUMBERS = Space("discrete", (), (5,))
nets = pytest.mark.parametrize("space", [VECTOR, IMAGE, NUMBERS], ids=lambda space: space.kind)
norms = pytest.mark.parametrize("layer_norm", [False, True], ids=["plain", "normalized"])


def started(
    net: Actor | Critic, seeds: Sequence[int], networks: int = 1, last: float | None = None
) -> Parameters:
    params = Parameters.zeros(len(seeds), net.shapes, CPU, networks)
    net.init(params, seeds, 0, last)
    return params


def seen(space: Space, *lead: int, draw: int = 1) -> Tensor:
    if space.kind != "discrete":
        return observations(space, *lead, draw=draw)
    return torch.randint(space.choices[0], lead, generator=torch.Generator().manual_seed(draw))


def normal(*shape: int, draw: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def leaves_of(params: Parameters) -> list[Tensor]:
    return [piece.detach().clone().requires_grad_() for piece in params.pieces]


def same(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    pairs = zip(ours, theirs, strict=True)
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in pairs)


@nets
@norms
@pytest.mark.parametrize("hidden", [[], [6], [9, 5]])
def test_the_actors_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], layer_norm: bool
) -> None:
    net = Actor(space, hidden, 3, layer_norm=layer_norm)
    params, obs = started(net, [1, 2]), seen(space, 2, 5)
    leaves = leaves_of(params)
    out = net.infer(leaves, obs)
    assert out.shape == (2, 5, 3)
    slope = normal(*out.shape)
    # of an image a small number of convolutions is never reached by ReLU: unused is None
    wanted = torch.autograd.grad((out * slope).sum(), leaves)
    again, saved = net.forward(params.pieces, obs)
    assert torch.equal(out, again)
    into = params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    assert same(into.pieces, wanted)
    assert into.flat.count_nonzero() > 0


@nets
@norms
@pytest.mark.parametrize(
    ("hidden", "action_layer"), [([], 1), ([6], 1), ([9, 5], 1), ([6], 2), ([9, 5], 2)]
)
def test_the_critics_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], action_layer: int, layer_norm: bool
) -> None:
    net = Critic(space, 2, hidden, action_layer=action_layer, layer_norm=layer_norm)  # type: ignore[arg-type]
    params, obs = started(net, [1, 2]), seen(space, 2, 5)
    action = normal(2, 5, 2, draw=3).requires_grad_()
    leaves = leaves_of(params)
    q = net.infer(leaves, obs, action)
    assert q.shape == (2, 5)
    slope = normal(2, 5)
    *wanted, by_action = torch.autograd.grad((q * slope).sum(), [*leaves, action])
    again, saved = net.forward(params.pieces, obs, action.detach())
    assert torch.equal(q, again)
    into = params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    assert same(into.pieces, wanted)
    _, saved = net.forward(params.pieces, obs, action.detach())
    ours = net.action_gradient(params.pieces, saved, slope)
    assert same([ours], [by_action])
    assert ours.count_nonzero() == ours.numel()


@pytest.mark.parametrize("action_layer", [1, 2])
def test_a_critic_by_torchs_own_layers(action_layer: int) -> None:
    net = Critic(VECTOR, 2, [7, 6], action_layer=action_layer, layer_norm=True)  # type: ignore[arg-type]
    params = started(net, [4])
    obs, action = seen(VECTOR, 1, 9), normal(1, 9, 2)
    for piece in (*params.pieces[2:4], *params.pieces[6:8]):  # gains and shifts
        piece += 0.1 * normal(*piece.shape) * (piece.shape[-1] == 8)
    x = obs[0]
    for layer, (first, width) in enumerate(((0, 7), (4, 6))):
        if layer + 1 == action_layer:
            x = torch.cat([x, action[0]], -1)
        weight, bias, gain, shift = (piece[0] for piece in params.pieces[first : first + 4])
        x = x @ weight[: x.shape[-1], :width] + bias[0, :width]
        x = functional.layer_norm(x, (width,), gain[0, :width], shift[0, :width]).relu()
    weight, bias = (piece[0] for piece in params.pieces[8:])
    wanted = x @ weight[:6, :1] + bias[:, :1]
    assert torch.allclose(net.infer(params.pieces, obs, action)[0], wanted[:, 0], atol=1e-6)


def test_normalized_layers_start_as_standard_ones() -> None:
    """Before the ReLU an observation's numbers have mean 0 and variance 1."""
    net = NormalizedDense([3, 50], rectify=True)
    params = Parameters.zeros(1, net.shapes, CPU)
    net.init(params.pieces, 0, torch.Generator().manual_seed(0))
    assert params.pieces[2][0, 0].tolist() == [1.0] * 50 + [0.0] * 2  # padding has no gain
    _, saved = net.forward(params.pieces, functional.pad(normal(1, 4, 3), (0, 1)))
    standard = saved[0][4][..., :50]
    assert standard.mean(-1) == pytest.approx(torch.zeros(1, 4), abs=1e-6)
    assert standard.var(-1, unbiased=False) == pytest.approx(torch.ones(1, 4), abs=1e-3)


@norms
def test_last_layers_start_small(layer_norm: bool) -> None:
    net = Actor(VECTOR, [40], 30, layer_norm=layer_norm)
    params, usual = (started(net, [3], last=last) for last in (3e-3, None))
    for piece, usually in zip(params.pieces[-2:], usual.pieces[-2:], strict=True):
        assert 2.5e-3 < piece.abs().max() <= 3e-3
        assert 0.12 < usually.abs().max() <= 40**-0.5
    for piece, usually in zip(params.pieces[:-2], usual.pieces[:-2], strict=True):
        assert torch.equal(piece, usually)


def test_twins_are_two_networks_of_their_seed() -> None:
    net = Critic(VECTOR, 2, [5])
    both, other = started(net, [3, 8], networks=2), started(net, [8], networks=2)
    assert both.flat.shape == (2, 2 * started(net, [3]).flat.shape[1])
    assert torch.equal(both.flat[1], other.flat[0])
    assert len({tuple(piece.flatten().tolist()) for piece in both.pieces[0]}) == 4
    obs, action = seen(VECTOR, 4, 6), normal(4, 6, 2)
    q = net.infer(both.pieces, obs, action)
    half = both.flat.shape[1] // 2
    for row in range(4):
        seed, twin = divmod(row, 2)
        alone = Parameters(both.flat[[seed], half * twin : half * (twin + 1)].clone(), net.shapes)
        one = slice(row, row + 1)
        assert torch.equal(
            net.infer(alone.pieces, obs[one].clone(), action[one].clone())[0], q[row]
        )
    assert both.copy().networks == both.zeros_like().networks == 2


def test_a_second_layer_needs_a_first() -> None:
    with pytest.raises(ValueError, match=r"^action_layer is 2, but there is no hidden layer"):
        Critic(VECTOR, 1, [], action_layer=2)


@norms
@pytest.mark.parametrize("draw", range(10))
def test_a_seed_computes_the_same_in_every_stack(draw: int, layer_norm: bool) -> None:
    rng = random.Random(draw)
    space = Space("vector", (rng.choice([1, 2, 3, 8, 17, 33, 100]),))
    hidden = [rng.choice([1, 3, 5, 17, 32, 64, 130]) for _ in range(rng.randint(1, 3))]
    size, seeds, batch = rng.randint(1, 7), rng.choice([2, 3, 7]), rng.choice([1, 5, 32, 256])
    layer = rng.choice([1, 2])
    critic = Critic(space, size, hidden, action_layer=layer, layer_norm=layer_norm)  # type: ignore[arg-type]
    actor = Actor(space, hidden, size, layer_norm=layer_norm)
    found = []
    for rows in [range(seeds), *([k] for k in range(seeds))]:
        obs = observations(space, seeds, batch)[list(rows)]
        q_params, a_params = started(critic, rows, networks=2), started(actor, rows)
        out, saved = actor.forward(a_params.pieces, obs)
        by_actor, by_critic = a_params.zeros_like(), q_params.zeros_like()
        actor.backward(a_params.pieces, saved, out.clone(), by_actor.pieces)
        twice = obs.repeat_interleave(2, 0), torch.tanh(out).repeat_interleave(2, 0)
        q, kept = critic.forward(q_params.pieces, *twice)
        slope = critic.action_gradient(q_params.pieces, kept, q.clone())
        critic.backward(q_params.pieces, kept, q.clone(), by_critic.pieces)
        parts = (
            out,
            q.view(len(obs), -1),
            slope.reshape(len(obs), -1),
            by_actor.flat,
            by_critic.flat,
        )
        found.append(torch.cat([part.reshape(len(obs), -1) for part in parts], 1))
    assert torch.equal(found[0], torch.cat(found[1:]))
