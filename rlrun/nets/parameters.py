"""The parameters of a stack of networks: one row of one buffer per seed.

Why seed k of a stack equals seed k alone, bit for bit:

- the parameters of a seed are one row of one buffer ``[seed, parameter]``; rows, and the pieces
  of a row, start at multiples of 64 bytes, independent of the seed's position in the stack;
- the in and out sizes of each dense layer are padded to multiples of 4 floats, because for odd
  sizes the matrix library takes a path that depends on the number of products; the padding is
  zero, gets no gradient, and is cut from the output;
- products write into separate tensors: when writing into a piece of the buffer, torch would take
  another path for one seed than for several;
- convolutions are computed seed by seed;
- nothing is reduced over the seed axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.memory import in_words, shortage

ALIGN = 16  # floats in 64 bytes
Shapes: TypeAlias = Sequence[tuple[int, int]]
Pieces: TypeAlias = Sequence[Tensor]
"""The parameters of consecutive layers: weight, bias, weight, bias, ..., each
``[seed, row, column]``."""


def up(size: int, multiple: int) -> int:
    """Return ``size`` rounded up to a multiple of ``multiple``."""
    return -(-size // multiple) * multiple


def padded(x: Tensor, width: int) -> Tensor:
    """Return ``x [..., n]`` padded with zeros to ``width``; ``x`` itself if it is that wide."""
    padding = width - x.shape[-1]
    return functional.pad(x, (0, padding)) if padding else x


class Parameters:
    """One buffer ``flat [seed, P]`` of parameters, and its ``pieces [seed, row, column]``.

    The optimizer updates ``flat``; a network reads the pieces, which are views of it.

    A seed can have several networks of the same shapes (twin critics): their parameters are next to
    each other in its row, and the pieces are ``[seed * networks, row, column]``.
    """

    def __init__(self, flat: Tensor, shapes: Shapes, networks: int = 1) -> None:
        self.flat = flat
        self.shapes = shapes
        self.networks = networks
        self.pieces = cut(flat.view(len(flat) * networks, -1), shapes)

    @classmethod
    def zeros(
        cls, num_seeds: int, shapes: Shapes, device: torch.device, networks: int = 1
    ) -> Parameters:
        """Return parameters that are 0."""
        width = networks * row_width(shapes)
        return cls(torch.zeros(num_seeds, width, device=device), shapes, networks)

    def copy(self) -> Parameters:
        """Return an independent copy, such as a target network."""
        return Parameters(self.flat.clone(), self.shapes, self.networks)

    def move_towards(self, other: Parameters, fraction: float | Tensor) -> None:
        """Move by a fraction of the way to other parameters; the fraction may be ``[row, 1]``."""
        self.flat.lerp_(other.flat, fraction)

    def zeros_like(self) -> Parameters:
        """Return zeros of the same shapes, such as for a gradient."""
        return Parameters(torch.zeros_like(self.flat), self.shapes, self.networks)


def row_width(shapes: Shapes) -> int:
    """The floats in a row of parameters with these shapes."""
    return sum(up(math.prod(shape), ALIGN) for shape in shapes)


def check_memory(num_seeds: int, *networks: Shapes) -> None:
    """Raise ValueError if the weights of these networks do not fit into the memory."""
    size = num_seeds * sum(map(row_width, networks)) * torch.float32.itemsize
    free = shortage(size)
    if free is not None:
        raise ValueError(
            "hidden or the number of seeds must be smaller: the weights take "
            f"{in_words(size)}, but only {in_words(free)} of memory is free"
        )


def cut(flat: Tensor, shapes: Shapes) -> list[Tensor]:
    """Return views ``[seed, row, column]`` of the consecutive pieces of ``flat [seed, P]``."""
    seeds, width = flat.shape
    pieces, start = [], flat.storage_offset()
    for rows, columns in shapes:
        strides = (width, columns, 1)
        pieces.append(flat.as_strided((seeds, rows, columns), strides, start))
        start += up(rows * columns, ALIGN)
    return pieces


def draw_uniform(
    piece: Tensor, row: int, shape: tuple[int, int], fan_in: int, generator: torch.Generator
) -> None:
    """Fill the first ``shape`` entries of a seed's piece uniformly from ±1/√fan_in."""
    rows, columns = shape
    uniform = torch.rand(rows, columns, generator=generator) * 2 - 1
    piece[row, :rows, :columns] = uniform / math.sqrt(fan_in)
