"""Noisy layers: exploration by learnt noise on the weights (Fortunato et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rlrun.core.rng import Normals, Purpose
from rlrun.core.types import State
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.q_network import ValueNet

START = 0.5  # initial sigma, multiplied by 1/√fan_in (section 3.2)


class WeightNoise:
    """Factorised Gaussian noise on the heads' layers of a network.

    A noisy weight is mu + sigma · f(e_in) f(e_out), a bias mu + sigma · f(e_out), with
    f(e) = sign(e) √|e| (eqs. 10 and 11). The mus are the network's own pieces; the sigmas are
    additional pieces after them.

    Args:
        net: the network.
        seeds: the seed numbers; each has its own stream.
        device: the network's device.
    """

    def __init__(self, net: ValueNet, seeds: Sequence[int], device: torch.device) -> None:
        self._heads, self._first, self._device = net.heads, net.first_of_heads, device
        self._streams = Normals(seeds, Purpose.NOISE)
        self.shapes = net.shapes[self._first :]
        """Shapes of the sigmas."""
        self._bounds: list[int] = []  # cumulative count of noise numbers, factor by factor
        for rows, columns in self.shapes[::2]:
            for size in (rows, columns):
                self._bounds.append((self._bounds[-1] if self._bounds else 0) + size)

    def init(self, params: Parameters) -> None:
        """Set the sigmas, the last pieces of ``params``; those of padding stay 0."""
        real = [each for head in self._heads for each in zip(head.real, head.fans, strict=True)]
        sigmas = params.pieces[-len(self.shapes) :]
        for piece, ((rows, columns), fan_in) in zip(sigmas, real, strict=True):
            piece[:, :rows, :columns] = START / math.sqrt(fan_in)

    def draw(self) -> NoisySample:
        """Draw noise for one use of the network, the same for the whole batch."""
        noise = torch.from_numpy(self._streams.normal(self._bounds[-1])).to(torch.float32)
        noise = (noise.sign() * noise.abs().sqrt()).to(self._device)
        factors = torch.tensor_split(noise, self._bounds[:-1], dim=1)
        weights: list[Tensor] = []
        for row, column in zip(factors[::2], factors[1::2], strict=True):
            weights += [row.unsqueeze(2) * column.unsqueeze(1), column.unsqueeze(1)]
        return NoisySample(weights)

    def noisy(self, pieces: Pieces, drawn: NoisySample) -> list[Tensor]:
        """Return the network's pieces with noise; ``pieces`` end with the sigmas."""
        mus, sigmas = pieces[self._first : -len(self.shapes)], pieces[-len(self.shapes) :]
        noisy = [mu + sigma * e for mu, sigma, e in zip(mus, sigmas, drawn.weights, strict=True)]
        return [*pieces[: self._first], *noisy]

    def backward(self, into: Pieces, drawn: NoisySample) -> None:
        """Write the sigmas' gradients: those of their mus, multiplied by the noise."""
        mus, sigmas = into[self._first : -len(self.shapes)], into[-len(self.shapes) :]
        for mu, sigma, e in zip(mus, sigmas, drawn.weights, strict=True):
            sigma.copy_(mu * e)

    def state_dict(self) -> State:
        return self._streams.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)


class NoisySample(NamedTuple):
    """The noise that sigma is multiplied by, for each noisy piece ``[seed, row, column]``."""

    weights: list[Tensor]


def no_noise() -> None:
    """Draw nothing, in place of `WeightNoise.draw`."""


def noisy(noise: WeightNoise | None, params: Parameters, drawn: NoisySample | None) -> Pieces:
    """Return the pieces of ``params``, with the noise that was drawn, if there is any."""
    return params.pieces if noise is None or drawn is None else noise.noisy(params.pieces, drawn)
