"""The parameters of a stack of networks: every seed's are one row of one buffer.

What makes seed k of a stack equal seed k alone, bit for bit:

- the parameters of a seed are one row of one buffer ``[seed, parameter]``; rows, and the pieces
  of a row, start at multiples of 64 bytes wherever the seed stands in the stack;
- the in and out sizes of each dense layer are padded to multiples of 4 floats, because the matrix
  library takes another path for odd sizes that depends on the number of products; what is
  padded is zero, gets no gradient, and is cut from the output;
- products write into tensors of their own: into a piece of the buffer, torch would take another
  path for one seed than for several;
- convolutions are done seed by seed;
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
    """The next multiple."""
    return -(-size // multiple) * multiple


def padded(x: Tensor, width: int) -> Tensor:
    """``x [..., n]`` with zeros up to ``width``; itself where nothing is missing."""
    missing = width - x.shape[-1]
    return functional.pad(x, (0, missing)) if missing else x


class Parameters:
    """Rows ``flat [seed, P]`` of one buffer, and its ``pieces [seed, row, column]``.

    ``flat`` is what is optimized; the pieces are what a network reads. They are views, so what is
    written into ``flat`` is seen by the network.

    A seed can have several networks of the same shapes (twin critics): they stand behind each
    other in its row, and the pieces are ``[seed * networks, row, column]``.
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
        """Parameters that are all 0."""
        width = networks * row_width(shapes)
        return cls(torch.zeros(num_seeds, width, device=device), shapes, networks)

    def copy(self) -> Parameters:
        """A copy that changes on its own: a target network."""
        return Parameters(self.flat.clone(), self.shapes, self.networks)

    def zeros_like(self) -> Parameters:
        """Room for a gradient."""
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
            f"hidden must be smaller, or the seeds fewer: the weights take {in_words(size)}, "
            f"and {in_words(free)} of memory are free"
        )


def cut(flat: Tensor, shapes: Shapes) -> list[Tensor]:
    """Views ``[seed, row, column]`` of consecutive pieces of the rows of ``flat [seed, P]``."""
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
    """Fill the first ``shape`` of a seed's piece uniformly from ±1/√fan_in."""
    rows, columns = shape
    drawn = torch.rand(rows, columns, generator=generator) * 2 - 1
    piece[row, :rows, :columns] = drawn / math.sqrt(fan_in)
