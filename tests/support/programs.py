"""The networks of course programs as torch's modules, read from rlrun's parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

Read = Callable[[Iterator[Tensor]], nn.Module]


def dense(pieces: Iterator[Tensor], inputs: int, outputs: int) -> nn.Linear:
    """The next layer of one seed, without the padding of its weights."""
    layer = nn.Linear(inputs, outputs)
    weight, bias = next(pieces), next(pieces)
    layer.weight.data, layer.bias.data = weight[:inputs, :outputs].mT.clone(), bias[0, :outputs]
    layer.bias.data = layer.bias.data.clone()
    return layer


def chain(pieces: Iterator[Tensor], sizes: Sequence[int], active: type[nn.Module]) -> nn.Sequential:
    layers = [[dense(pieces, i, o), active()] for i, o in pairwise(sizes)]
    return nn.Sequential(*[module for pair in layers for module in pair][:-1])


def of_seed(params: Any, seed: int) -> Iterator[Tensor]:
    return iter([piece[seed] for piece in params.pieces])


class Compared:
    """A network of torch's modules beside the parameters of our seed 0, of which it is a copy.

    Numbers with a gradient near 0 are left out: adaptive optimizers scale its rounding up. A target
    network leaves out those of its ``online`` one.
    """

    def __init__(self, read: Read, params: Any, online: Compared | None = None) -> None:
        self._read, self._params = read, params
        self.net = read(of_seed(params, 0))
        new = [torch.ones_like(p, dtype=torch.bool) for p in self.net.parameters()]
        self._clear: list[Tensor] = online._clear if online else new

    def is_the_same(self) -> bool:
        """Compare them after a step, and go on from our numbers."""
        ours, theirs = self._read(of_seed(self._params, 0)).parameters(), self.net.parameters()
        same = []
        for a, b, clear in zip(ours, theirs, self._clear, strict=True):
            if b.grad is not None:
                clear &= (b.grad.abs() > 1e-5) | (b.grad == 0)
            assert clear.float().mean() > 0.3
            same.append(torch.allclose(a[clear], b[clear], atol=1e-6, rtol=0.0))
            b.data.copy_(a.data)
        return all(same)


class DuelingPixels(nn.Module):
    """Convolutions of 32, 64 and 64 filters, then 128 units for advantages and for the value."""

    def __init__(self, pieces: Iterator[Tensor], actions: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential()
        for inputs, outputs, size, stride in ((4, 32, 8, 4), (32, 64, 4, 2), (64, 64, 3, 1)):
            layer = nn.Conv2d(inputs, outputs, size, stride)
            layer.weight.data = next(pieces).view(layer.weight.shape).clone()
            layer.bias = nn.Parameter(next(pieces)[0].clone())
            self.convolutions.extend([layer, nn.ReLU()])
        self.advantage = chain(pieces, (3136, 128, actions), nn.ReLU)
        self.state = chain(pieces, (3136, 128, 1), nn.ReLU)

    def forward(self, obs: Tensor) -> Tensor:
        x = self.convolutions(obs / 255).flatten(1)
        advantage = self.advantage(x)
        return self.state(x) + advantage - advantage.mean(-1, keepdim=True)  # type: ignore[no-any-return]


class Actor(nn.Module):
    """Batch normalisation of the observation and behind both hidden layers."""

    def __init__(self, pieces: Iterator[Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(norm(pieces, 3), *layer(pieces, 3), *layer(pieces, 128))
        self.layers.extend([dense(pieces, 128, 1), nn.Tanh()])

    def forward(self, obs: Tensor) -> Tensor:
        return self.layers(obs)  # type: ignore[no-any-return]


class Critic(nn.Module):
    """The same for its observation and first hidden layer; the action joins the second one."""

    def __init__(self, pieces: Iterator[Tensor]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(norm(pieces, 3), *layer(pieces, 3))
        self.head = chain(pieces, (128 + 1, 128, 1), nn.ReLU)

    def forward(self, obs: Tensor, action: Tensor) -> Tensor:
        return self.head(torch.cat([self.trunk(obs), action], -1))[:, 0]  # type: ignore[no-any-return]


def norm(pieces: Iterator[Tensor], width: int) -> nn.BatchNorm1d:
    module = nn.BatchNorm1d(width)
    module.weight.data, module.bias.data = (next(pieces)[0, :width].clone() for _ in range(2))
    for name in ("running_mean", "running_var"):
        module.get_buffer(name).copy_(next(pieces)[0, :width])
    return module


def layer(pieces: Iterator[Tensor], inputs: int) -> list[nn.Module]:
    return [dense(pieces, inputs, 128), nn.ReLU(), norm(pieces, 128)]


def follow(target: nn.Module, net: nn.Module, tau: float) -> None:
    both = zip(target.state_dict().values(), net.state_dict().values(), strict=True)
    for old, new in both:
        if old.is_floating_point():
            old.lerp_(new, tau)


def unbiased(net: nn.Module, before: nn.Module, size: int) -> None:
    """Replace the batch's unbiased variance in running ones, as torch has it, by its variance."""
    for name, new in net.named_buffers():
        if name.endswith("running_var"):
            old = before.get_buffer(name)
            new.copy_(0.9 * old + (new - 0.9 * old) * (size - 1) / size)
