"""Normalized layers of actors and critics against torch's own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.nets.actor_critic import ActorNet, CriticNet
from rlrun.nets.layer_norm import LayerNorm
from rlrun.nets.norm import Norm, NormalizedDense
from rlrun.nets.parameters import Parameters
from tests.support.nets import CPU, VECTOR, name_of, normal, observations, started

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("action_layer", [1, 2])
def test_a_critic_by_torchs_own_layers(action_layer: int) -> None:
    net = CriticNet(VECTOR, 2, [7, 6], action_layer=action_layer, norm=Norm("layer"))  # type: ignore[arg-type]
    params = started(net, [4])
    obs, action = observations(VECTOR, 1, 9), normal(1, 9, 2)
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
    net = NormalizedDense([3, 50], rectify=True, norm=LayerNorm())
    params = Parameters.zeros(1, net.shapes, CPU)
    net.init(params.pieces, 0, torch.Generator().manual_seed(0))
    assert params.pieces[2][0, 0].tolist() == [1.0] * 50 + [0.0] * 2  # padding has no gain
    _, saved = net.forward(params.pieces, functional.pad(normal(1, 4, 3), (0, 1)), learning=True)
    standard = saved[1][1][3][..., :50]
    assert standard.mean(-1) == pytest.approx(torch.zeros(1, 4), abs=1e-6)
    assert standard.var(-1, unbiased=False) == pytest.approx(torch.ones(1, 4), abs=1e-3)


def torchs_own(pieces: Sequence[Tensor], how: Norm) -> torch.nn.Sequential:
    """An actor with hidden layers of 7 and 6 and batch normalisation, as torch's modules.

    ``pieces`` are those of one seed.
    """

    def norm(width: int) -> torch.nn.BatchNorm1d:
        module = torch.nn.BatchNorm1d(width)
        gain, shift, _, _ = (next(rest)[0, :width] for _ in range(4))
        module.weight.data, module.bias.data = gain, shift
        return module

    rest = iter(pieces)
    twin = torch.nn.Sequential()
    if how.obs:
        twin.append(norm(3))
    for inputs, width in ((3, 7), (7, 6), (6, 2)):
        weight, bias = next(rest), next(rest)
        dense = torch.nn.Linear(inputs, width)
        dense.weight.data, dense.bias.data = weight[:inputs, :width].mT, bias[0, :width]
        twin.append(dense)
        if width > 2:
            both = [norm(width), torch.nn.ReLU()]
            twin.extend(both if how.place == "before" else reversed(both))
    return twin


@pytest.mark.parametrize(
    "how", [Norm("batch"), Norm("batch", "after"), Norm("batch", "after", obs=True)], ids=name_of
)
def test_batch_normalisation_by_torchs_own_layers(how: Norm) -> None:
    """While learning, after the running statistics have moved, and where a seed is frozen."""
    net = ActorNet(VECTOR, [7, 6], 2, norm=how)
    params, obs = started(net, [4, 5]), observations(VECTOR, 2, 9)
    for first in net.statistics[::2]:  # after gains and shifts
        for piece in params.pieces[first - 2 : first]:
            piece += 0.1 * normal(*piece.shape) * (piece[0] != 0)
    before = params.flat.clone()
    twins = [torchs_own([piece[row] for piece in params.pieces], how) for row in range(2)]
    out, saved = net.forward(params.pieces, obs)
    wanted = torch.stack([twin(x) for twin, x in zip(twins, obs, strict=True)])
    assert torch.allclose(out, wanted, atol=1e-5)
    slope, into = normal(*out.shape), params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    torch.autograd.backward([(wanted * slope).sum()])
    net.track(params, into.flat, frozen={1})
    assert torch.equal(params.flat[1], before[1])
    assert all(into.pieces[n].count_nonzero() == 0 for n in net.statistics)
    norms = [each for each in twins[0] if isinstance(each, torch.nn.BatchNorm1d)]
    for n, norm in zip(net.statistics[::2], norms, strict=True):
        width = norm.num_features
        for piece, parameter in zip(into.pieces[n - 2 : n], norm.parameters(), strict=True):
            assert parameter.grad is not None
            assert torch.allclose(piece[0, 0, :width], parameter.grad, atol=1e-5)
        mean, variance = (params.pieces[n + more][0, 0, :width] for more in (0, 1))
        assert torch.allclose(mean, norm.get_buffer("running_mean"), atol=1e-6)
        # torch adds the unbiased variance, 9/8 of the batch's, with a weight of .1
        theirs = norm.get_buffer("running_var")
        assert torch.allclose(variance, 0.9 + (theirs - 0.9) * 8 / 9, atol=1e-6)
        theirs.copy_(variance)
    twins[0].eval()
    assert torch.allclose(net.infer(params.pieces, obs)[0], twins[0](obs[0]), atol=1e-5)
    one = net.infer(params.pieces, obs[:, :1].contiguous())[0, 0]
    assert torch.allclose(one, net.infer(params.pieces, obs)[0, 0], atol=1e-6)


def test_only_the_layers_of_a_critic_before_the_action_are_normalized() -> None:
    """Obs, weight, bias, norm; then weights and biases alone, also if nothing is before it."""
    trunk = Norm("batch", "after", obs=True, trunk_only=True)
    shapes = CriticNet(VECTOR, 2, [8, 6], action_layer=2, norm=trunk).shapes
    assert shapes[:4] == [(1, 4)] * 4
    assert shapes[4:] == [(4, 8), *[(1, 8)] * 5, (12, 8), (1, 8), (8, 4), (1, 4)]
    none = CriticNet(VECTOR, 2, [8, 6], norm=Norm("batch", trunk_only=True)).shapes
    assert none == CriticNet(VECTOR, 2, [8, 6]).shapes
