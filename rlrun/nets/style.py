"""What the layers of a network have in common: activation, initial weights and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from rlrun.nets.parameters import Pieces, Shapes
from rlrun.nets.products import TORCH, Products

Activation: TypeAlias = Literal["relu", "tanh", "elu"]
Init: TypeAlias = Literal["torch", "xavier", "orthogonal"]


@dataclass(frozen=True)
class Style:
    """The activation of hidden layers, how weights and biases start, and what multiplies.

    ``torch``: uniform in ±1/√fan_in, biases too. ``xavier``: uniform in ±√(6 / (fan_in + fan_out))
    (Glorot and Bengio 2010). ``orthogonal``: orthogonal, with gain √2, in output layers 1 (Saxe et
    al. 2014). Biases start at ``init_bias``; None is 0, or torch's with ``torch``.
    """

    activation: Activation = "relu"
    init: Init = "torch"
    init_bias: float | None = None
    products: Products = TORCH

    @property
    def is_torch(self) -> bool:
        """Whether all weights and biases start as in torch."""
        return self.init == "torch" and self.init_bias is None

    def activate(self, x: Tensor) -> Tensor:
        """Apply the activation; ``x`` may be overwritten.

        ELU in a form whose result does not depend on a number's place in an array.
        """
        if self.activation == "relu":
            return torch.relu_(x)
        if self.activation == "tanh":
            return self.products.tanh_(x)
        return torch.where(x > 0, x, torch.exp(x.clamp(max=0)) - 1)

    def through(self, grad: Tensor, output: Tensor) -> Tensor:
        """Return the gradient of the activation's input, given ``grad``, that of its ``output``."""
        if self.activation == "relu":
            return through_relu(grad, output)
        if self.activation == "tanh":
            return torch.ops.aten.tanh_backward(grad, output)  # type: ignore[no-any-return]
        return grad * torch.where(output > 0, 1.0, output + 1)


STYLE = Style()
"""The default style."""


class Part(Protocol):
    """A part of a network, as far as its initial weights are concerned."""

    @property
    def real(self) -> Shapes:
        """The shape of each piece without padding."""
        ...

    @property
    def fans(self) -> Sequence[int]:
        """The fan-in of each piece's layer; 0 if the piece is not a weight or bias."""
        ...

    @property
    def is_output(self) -> bool:
        """Whether its last layer is an output, which no activation follows."""
        ...

    @property
    def fans_out(self) -> Sequence[int]:
        """The fan-out of each piece's layer."""
        ...


def initialize(
    part: Part, pieces: Pieces, row: int, style: Style, last_gain: float, generator: torch.Generator
) -> None:
    """Overwrite one row's weights and biases, as drawn by torch, with those of the ``style``.

    ``last_gain`` is the gain of an orthogonal output layer.
    """
    layers = [n for n in range(0, len(part.fans), 2) if part.fans[n]]
    for n in layers:
        (rows, columns), bias = part.real[n], pieces[n + 1]
        weight = pieces[n][row, :rows, :columns]
        if style.init == "orthogonal":
            gain = last_gain if part.is_output and n == layers[-1] else math.sqrt(2)
            weight.copy_(orthogonal_(torch.empty(rows, columns), gain, generator))
        elif style.init == "xavier":
            bound = math.sqrt(6 / (part.fans[n] + part.fans_out[n]))
            weight.copy_((torch.rand(rows, columns, generator=generator) * 2 - 1) * bound)
        if style.init_bias is not None or style.init != "torch":
            bias[row, :, : part.real[n + 1][1]] = style.init_bias or 0.0


def through_relu(grad: Tensor, output: Tensor) -> Tensor:
    """Return the gradient of a ReLU's input, given ``grad``, that of its ``output``."""
    return torch.ops.aten.threshold_backward(grad, output, 0)  # type: ignore[no-any-return]
