"""Stacked dense layers with a normalisation in front of each activation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from rlrun.nets.dense import sum_over_batch, times_transposed
from rlrun.nets.parameters import Pieces, draw_uniform, up
from rlrun.nets.style import Activation, activate, through

EPSILON = 1e-5  # added to the variance


class Normalisation(Protocol):
    """A normalisation of a layer's outputs to mean 0 and variance 1, then scaled and shifted.

    ``rows`` are its parameters in one layer, each ``[seed, 1, width]``: gain, shift, and possibly
    others.
    """

    count: int
    """Number of rows."""
    ones: Sequence[int]
    """Indices of the rows that start at 1; the others start at 0."""
    statistics: Sequence[int]
    """Indices of the rows that are running means and variances."""

    def forward(self, rows: Pieces, y: Tensor, size: int, learning: bool) -> tuple[Tensor, Any]:
        """Return ``y [seed, batch, width]`` normalized, and what `backward` needs.

        The first ``size`` units are real, the others padding.
        """
        ...

    def backward(
        self, rows: Pieces, saved: Any, grad: Tensor, into: Pieces | None
    ) -> tuple[Tensor, bool]:
        """Return the gradient of y, and whether the layer's bias has one.

        The gradients of the rows are written ``into`` pieces of the same shapes; the rows of
        running statistics get the batch's statistics, for `rlrun.nets.chain.Parts.track`.
        """
        ...


class NormalizedDense:
    """`rlrun.nets.dense.Dense` with a normalisation in front of each activation."""

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        rectify: bool,
        norm: Normalisation,
        activation: Activation = "relu",
    ) -> None:
        self.sizes = tuple(sizes)
        self._norm, self._activation = norm, activation
        self.is_output = not rectify
        """Whether the last layer is an output, which no activation follows."""
        self.width = up(sizes[-1], 4)
        self._normalized = [rectify or n < len(sizes) - 2 for n in range(len(sizes) - 1)]
        """Whether each layer has a normalisation and an activation."""
        # weight, bias, the normalisation's rows, weight, bias, ...
        self.shapes: list[tuple[int, int]] = []
        self.real: list[tuple[int, int]] = []
        self.fans: list[int] = []
        self.fans_out: list[int] = []
        self._firsts: list[int] = []
        """The first piece of each layer."""
        self._ones: list[int] = []
        self.statistics: list[int] = []
        """Indices of the pieces that are running means and variances."""
        for normalized, (i, o) in zip(self._normalized, pairwise(self.sizes), strict=True):
            first, rows = len(self.shapes), norm.count if normalized else 0
            self._firsts.append(first)
            if normalized:
                self._ones += [first + 2 + row for row in norm.ones]
                self.statistics += [first + 2 + row for row in norm.statistics]
            self.shapes += [(up(i, 4), up(o, 4)), *[(1, up(o, 4))] * (1 + rows)]
            self.real += [(i, o), *[(1, o)] * (1 + rows)]
            self.fans += [i, i, *[0] * rows]
            self.fans_out += [o, o, *[0] * rows]

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """Draw one seed's weights and biases uniformly from ±1/√fan_in."""
        for n, (piece, real, fan_in) in enumerate(zip(pieces, self.real, self.fans, strict=True)):
            if fan_in:
                draw_uniform(piece, row, real, fan_in, generator)
            elif n in self._ones:
                piece[row, :, : real[1]] = 1.0

    def forward(self, pieces: Pieces, x: Tensor, *, learning: bool) -> tuple[Tensor, list[Any]]:
        """Return the output ``[seed, batch, width]``, and what `backward` needs.

        ``x`` is ``[seed, batch, in]``, padded. Without ``learning`` an output does not depend on
        the rest of its batch.
        """
        saved: list[Any] = []
        for layer, first in enumerate(self._firsts):
            y, norm_saved = torch.baddbmm(pieces[first + 1], x, pieces[first]), None
            if self._normalized[layer]:
                rows = self._rows(pieces, first)
                y, norm_saved = self._norm.forward(rows, y, self.sizes[layer + 1], learning)
                y = activate(y, self._activation)
            saved.append((x, norm_saved, y))
            x = y
        return x, saved

    def backward(
        self,
        pieces: Pieces,
        saved: Sequence[Any],
        grad: Tensor,
        into: Pieces | None,
        to_input: bool,
    ) -> Tensor:
        """Write the parameters' gradients and return the input's, as `Dense.backward` does."""
        for layer, first in reversed(list(enumerate(self._firsts))):
            (x, norm_saved, y), biased = saved[layer], True
            if self._normalized[layer]:
                rows = self._rows(pieces, first)
                into_rows = None if into is None else self._rows(into, first)
                grad = through(grad, y, self._activation)
                grad, biased = self._norm.backward(rows, norm_saved, grad, into_rows)
            if into is not None:
                into[first].copy_(torch.bmm(x.mT, grad))
                if biased:  # otherwise it is rounding noise, which Adam would scale up
                    sum_over_batch(grad, into[first + 1])
            if layer or to_input:
                grad = times_transposed(grad, pieces[first])
        return grad

    def _rows(self, pieces: Pieces, first: int) -> Pieces:
        return pieces[first + 2 : first + 2 + self._norm.count]
