"""Actors, critics and normalized layers against torch's own autograd and layers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.actor_critic import ActorNet, CriticNet
from rlrun.nets.norm import Norm
from rlrun.nets.parameters import Parameters
from tests.support.nets import GRID, IMAGE, VECTOR, name_of, normal, observations, started

pytestmark = pytest.mark.slow

NUMBERS = Space("discrete", (), (5,))
nets = pytest.mark.parametrize(
    "space", [VECTOR, IMAGE, GRID, NUMBERS], ids=lambda space: space.kind
)
NORMS = [
    None,
    Norm("layer"),
    Norm("batch"),
    Norm("layer", "after", obs=True),
    Norm("batch", "after", obs=True, trunk_only=True),
    Norm("batch", "before", obs=True),
]
norms = pytest.mark.parametrize("norm", NORMS, ids=name_of)


def fitting(norm: Norm | None, space: Space) -> Norm | None:
    """Only vectors are normalized themselves."""
    return replace(norm, obs=norm.obs and space.kind == "vector") if norm else None


def seen(space: Space, *lead: int, draw: int = 1) -> Tensor:
    if space.kind != "discrete":
        return observations(space, *lead, draw=draw)
    return torch.randint(space.choices[0], lead, generator=torch.Generator().manual_seed(draw))


def leaves_of(params: Parameters) -> list[Tensor]:
    return [piece.detach().clone().requires_grad_() for piece in params.pieces]


def same(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    """Whether they differ by rounding only, which is that of the largest of them."""
    pairs = zip(ours, theirs, strict=True)
    rounding = 1e-5 * max([1.0, *(float(b.abs().max()) for b in theirs)])
    return all(torch.allclose(a, b, rtol=1e-4, atol=rounding) for a, b in pairs)


@nets
@pytest.mark.parametrize(
    ("hidden", "norm"),
    [([], None), *itertools.product([[6], [9, 5]], NORMS)],
    ids=name_of,
)
def test_the_actors_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], norm: Norm | None
) -> None:
    net = ActorNet(space, hidden, 3, norm=fitting(norm, space))
    params, obs = started(net, [1, 2]), seen(space, 2, 5)
    leaves = leaves_of(params)
    out = net.forward(leaves, obs)[0]
    assert out.shape == (2, 5, 3)
    slope = normal(*out.shape)
    with_gradient = [n for n in range(len(leaves)) if n not in net.statistics]
    wanted = torch.autograd.grad((out * slope).sum(), [leaves[n] for n in with_gradient])
    again, saved = net.forward(params.pieces, obs)
    assert torch.equal(out, again)
    into = params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    assert same([into.pieces[n] for n in with_gradient], wanted)
    assert into.flat.count_nonzero() > 0


@nets
@norms
@pytest.mark.parametrize(
    ("hidden", "action_layer"), [([], 1), ([6], 1), ([9, 5], 1), ([6], 2), ([9, 5], 2)]
)
def test_the_critics_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], action_layer: int, norm: Norm | None
) -> None:
    norm = fitting(norm, space)
    net = CriticNet(space, 2, hidden, action_layer=action_layer, norm=norm)  # type: ignore[arg-type]
    params, obs = started(net, [1, 2]), seen(space, 2, 5)
    action = normal(2, 5, 2, draw=3).requires_grad_()
    leaves = leaves_of(params)
    slope = normal(2, 5)
    with_gradient = [n for n in range(len(leaves)) if n not in net.statistics]
    sources = [leaves[n] for n in with_gradient]
    for learning in (True, False):
        q = net.forward(leaves, obs, action, learning=learning)[0]
        assert q.shape == (2, 5)
        *wanted, by_action = torch.autograd.grad((q * slope).sum(), [*sources, action])
        again, saved = net.forward(params.pieces, obs, action.detach(), learning=learning)
        assert torch.equal(q, again)
        into = params.zeros_like()
        net.backward(params.pieces, saved, slope, into.pieces)
        assert same([into.pieces[n] for n in with_gradient], wanted)
        _, saved = net.forward(params.pieces, obs, action.detach(), learning=learning)
        ours = net.action_gradient(params.pieces, saved, slope)
        assert same([ours], [by_action])
        assert ours.count_nonzero() > 0.8 * ours.numel()  # 0 where no unit is active


@norms
def test_last_layers_start_small(norm: Norm | None) -> None:
    net = ActorNet(VECTOR, [40], 30, norm=norm)
    params, usual = (started(net, [3], last=last) for last in (3e-3, None))
    for piece, usually in zip(params.pieces[-2:], usual.pieces[-2:], strict=True):
        assert 2.5e-3 < piece.abs().max() <= 3e-3
        assert 0.12 < usually.abs().max() <= 40**-0.5
    for piece, usually in zip(params.pieces[:-2], usual.pieces[:-2], strict=True):
        assert torch.equal(piece, usually)


def test_twins_are_two_networks_of_their_seed() -> None:
    net = CriticNet(VECTOR, 2, [5])
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


@norms
@pytest.mark.parametrize("draw", range(10))
def test_a_seed_computes_the_same_in_every_stack(draw: int, norm: Norm | None) -> None:
    rng = random.Random(draw)
    space = Space("vector", (rng.choice([1, 2, 3, 8, 17, 33, 100]),))
    hidden = [rng.choice([1, 3, 5, 17, 32, 64, 130]) for _ in range(rng.randint(1, 3))]
    size, seeds, batch = rng.randint(1, 7), rng.choice([2, 3, 7]), rng.choice([1, 5, 32, 256])
    layer = rng.choice([1, 2])
    critic = CriticNet(space, size, hidden, action_layer=layer, norm=norm)  # type: ignore[arg-type]
    actor = ActorNet(space, hidden, size, norm=norm)
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
