"""Encoders in front of the dense layers: from observations to vectors ``[seed, batch, n]``."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.types import IMAGE_SIDE, Space
from rlrun.nets.parameters import Pieces, draw_uniform, padded, up
from rlrun.nets.style import through_relu

# channels, kernel, stride of each layer
LARGE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # of Mnih et al. 2015
SMALL = ((16, 3, 1),)  # of Young and Tian 2019, for MinAtar
GRID_SIDE = 3  # the smallest side for the small ones; smaller grids are padded with zeros


class Vectors:
    """The encoder of vectors (padded, otherwise unchanged) and discrete numbers (one-hot).

    Args:
        obs: the space of vectors ``[seed, batch, n]``, or of the numbers of discrete observations,
            ``[seed, batch]`` or several ``[seed, batch, n]``.
    """

    shapes: tuple[tuple[int, int], ...] = ()
    real: tuple[tuple[int, int], ...] = ()
    fans: tuple[int, ...] = ()
    fans_out: tuple[int, ...] = ()
    is_output = False

    def __init__(self, obs: Space) -> None:
        self._choices = obs.choices
        self.is_identity = not obs.choices
        """Whether the output is the observation, apart from padding."""
        self.size = sum(obs.choices) if obs.choices else obs.shape[0]
        self._width = up(self.size, 4)

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """There are no parameters."""

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[Tensor, None]:
        """Return vectors ``[seed, batch, width]``."""
        if len(self._choices) == 1:
            numbers = obs.squeeze(-1) if obs.ndim == 3 else obs
            return functional.one_hot(numbers, self._width).to(torch.float32), None
        if self._choices:
            offsets = [0, *accumulate(self._choices[:-1])]
            ones = obs.new_zeros(*obs.shape[:-1], self._width, dtype=torch.float32)
            return ones.scatter_(-1, obs + obs.new_tensor(offsets), 1.0), None
        return padded(obs, self._width), None

    def backward(self, pieces: Pieces, saved: None, grad: Tensor, into: Pieces) -> None:
        """There are no parameters."""


class Convolutions:
    """Convolutional layers for bytes, which are scaled to [0, 1] first.

    Images are divided by 255, grids by the largest number in each channel. Images, and grids with a
    side of 36 or more, use the layers of Mnih et al. 2015: 32 filters of 8x8 with stride 4, 64 of
    4x4 with stride 2, 64 of 3x3. Smaller grids use one layer of 16 filters of 3x3.

    Args:
        obs: the space of images or grids ``[seed, batch, channels, height, width]``.
    """

    is_output = False
    is_identity = False

    def __init__(self, obs: Space) -> None:
        channels, *sides = obs.shape
        small = obs.kind == "grid" and max(sides) < IMAGE_SIDE
        least = GRID_SIDE if small else IMAGE_SIDE
        self._padding = [max(0, least - side) for side in sides]
        sides = [max(least, side) for side in sides]
        # a constant channel is all 0: do not divide by that
        top = torch.tensor([max(1, most) for most in obs.top], dtype=torch.float32)
        self._scale = (1 / top).view(-1, 1, 1) if obs.kind == "grid" else 1 / 255
        self._kernels, self.shapes = [], []
        self.fans: list[int] = []
        self.fans_out: list[int] = []
        for out, kernel, stride in SMALL if small else LARGE:
            self._kernels.append(((out, channels, kernel, kernel), stride))
            fan_in = channels * kernel**2
            self.shapes += [(out, fan_in), (1, out)]
            self.fans += [fan_in, fan_in]
            self.fans_out += [out * kernel**2] * 2
            channels, sides = out, [(side - kernel) // stride + 1 for side in sides]
        self.real = self.shapes  # no padding
        self.size = channels * sides[0] * sides[1]

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """Draw one seed's parameters uniformly from ±1/√fan_in."""
        for piece, shape, fan_in in zip(pieces, self.shapes, self.fans, strict=True):
            draw_uniform(piece, row, shape, fan_in, generator)

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """Return features ``[seed, batch, size]``, and each layer's input and output, by seed."""
        saved = []
        scale = self._scale.to(obs.device) if isinstance(self._scale, Tensor) else self._scale
        for seed, images in enumerate(obs):
            x = images.to(torch.float32, memory_format=torch.channels_last).mul_(scale)
            x = x.to(pieces[0].dtype)
            if any(self._padding):
                x = functional.pad(x, (0, self._padding[1], 0, self._padding[0]))
            layers = [x]
            for layer, (shape, stride) in enumerate(self._kernels):
                bias = pieces[2 * layer + 1][seed, 0]
                x = torch.relu_(torch.conv2d(x, _kernel(pieces, layer, seed, shape), bias, stride))
                layers.append(x)
            saved.append(layers)
        return torch.stack([layers[-1].flatten(1) for layers in saved]), saved

    def backward(self, pieces: Pieces, saved: Any, grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters; ``grad`` is the gradient of the features."""
        for seed, layers in enumerate(saved):
            slope = grad[seed].view_as(layers[-1])
            for layer in reversed(range(len(self._kernels))):
                shape, stride = self._kernels[layer]
                slope, weight, bias = torch.ops.aten.convolution_backward(
                    through_relu(slope, layers[layer + 1]),
                    layers[layer],
                    _kernel(pieces, layer, seed, shape),
                    [shape[0]],
                    [stride, stride],
                    [0, 0],
                    [1, 1],
                    False,
                    [0, 0],
                    1,
                    [layer > 0, True, True],
                )
                into[2 * layer][seed].copy_(weight.reshape(shape[0], -1))
                into[2 * layer + 1][seed, 0].copy_(bias)


def _kernel(pieces: Pieces, layer: int, seed: int, shape: tuple[int, ...]) -> Tensor:
    """Return a seed's weight ``[out, in, height, width]`` of one layer.

    Channels are contiguous in memory, as in the images: the backward pass takes a third of the
    time.
    """
    weight = pieces[2 * layer][seed].view(shape)
    return weight.contiguous(memory_format=torch.channels_last)


def input_for(obs: Space) -> Vectors | Convolutions:
    """Return the encoder for the observations of a space."""
    return Convolutions(obs) if obs.has_frames else Vectors(obs)
