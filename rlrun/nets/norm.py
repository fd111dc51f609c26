"""Stacked dense layers with normalisations before or after their activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol, TypeAlias

import torch
from torch import Tensor

from rlrun.nets.parameters import Pieces, draw_uniform, up
from rlrun.nets.products import sum_over_batch
from rlrun.nets.style import STYLE, Style

EPSILON = 1e-5  # added to the variance

NormKind: TypeAlias = Literal["layer", "batch"]
Place: TypeAlias = Literal["before", "after"]


@dataclass(frozen=True)
class Norm:
    """How the layers of an actor or a critic are normalized."""

    kind: NormKind
    """Per observation ("layer") or per unit ("batch")."""
    place: Place = "before"
    """Before or after the activation."""
    obs: bool = False
    """Whether observations are normalized too."""
    trunk_only: bool = False
    """Whether the layers of a critic that see the action are not normalized."""


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
    """`rlrun.nets.dense.Dense` with a normalisation of each activation's input or output.

    Args:
        sizes: as in `Dense`.
        rectify: as in `Dense`.
        norm: the normalisation.
        style: the activation, and the products.
        place: whether the normalisation comes before or after the activation.
        on_input: whether the input of the first layer is normalized too.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        rectify: bool,
        norm: Normalisation,
        style: Style = STYLE,
        place: Place = "before",
        on_input: bool = False,
    ) -> None:
        self.sizes = tuple(sizes)
        self._norm, self._style, self._place = norm, style, place
        self._products = style.products
        self._on_input = on_input
        self.is_output = not rectify
        """Whether the last layer is an output, which no activation follows."""
        self.width = up(sizes[-1], 4)
        self._normalized = [rectify or n < len(sizes) - 2 for n in range(len(sizes) - 1)]
        """Whether each layer has a normalisation and an activation."""
        # rows of the input's normalisation, weight, bias, rows, weight, bias, ...
        self.shapes: list[tuple[int, int]] = []
        self.real: list[tuple[int, int]] = []
        self.fans: list[int] = []
        self.fans_out: list[int] = []
        self._firsts: list[int] = []
        """The first piece of each layer."""
        self._ones: list[int] = []
        self.statistics: list[int] = []
        """Indices of the pieces that are running means and variances."""
        if on_input:
            self._add_norm(self.sizes[0])
        for normalized, (i, o) in zip(self._normalized, pairwise(self.sizes), strict=True):
            self._firsts.append(len(self.shapes))
            self.shapes += [(up(i, 4), up(o, 4)), (1, up(o, 4))]
            self.real += [(i, o), (1, o)]
            self.fans += [i, i]
            self.fans_out += [o, o]
            if normalized:
                self._add_norm(o)

    def _add_norm(self, size: int) -> None:
        first, rows = len(self.shapes), self._norm.count
        self._ones += [first + row for row in self._norm.ones]
        self.statistics += [first + row for row in self._norm.statistics]
        self.shapes += [(1, up(size, 4))] * rows
        self.real += [(1, size)] * rows
        self.fans += [0] * rows
        self.fans_out += [0] * rows

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
        saved: list[Any] = [None]
        if self._on_input:
            x, saved[0] = self._norm.forward(self._rows(pieces, 0), x, self.sizes[0], learning)
        for layer, first in enumerate(self._firsts):
            y = self._products.affine(x, pieces[first], pieces[first + 1])
            norm_saved = active = None
            if self._normalized[layer]:
                rows, size = self._rows(pieces, first + 2), self.sizes[layer + 1]
                if self._place == "before":
                    y, norm_saved = self._norm.forward(rows, y, size, learning)
                    y = active = self._style.activate(y)
                else:
                    active = self._style.activate(y)
                    y, norm_saved = self._norm.forward(rows, active, size, learning)
            saved.append((x, norm_saved, active))
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
            (x, norm_saved, active), biased = saved[layer + 1], True
            if self._normalized[layer]:
                rows = self._rows(pieces, first + 2)
                into_rows = None if into is None else self._rows(into, first + 2)
                if self._place == "before":
                    grad = self._style.through(grad, active)
                    grad, biased = self._norm.backward(rows, norm_saved, grad, into_rows)
                else:
                    grad = self._norm.backward(rows, norm_saved, grad, into_rows)[0]
                    grad = self._style.through(grad, active)
            if into is not None:
                self._products.weight_gradient(x, grad, into[first])
                if biased:  # otherwise it is rounding noise, which Adam would scale up
                    sum_over_batch(grad, into[first + 1])
            if layer or to_input or self._on_input:
                grad = self._products.times_transposed(grad, pieces[first])
        if self._on_input:
            into_rows = None if into is None else self._rows(into, 0)
            grad = self._norm.backward(self._rows(pieces, 0), saved[0], grad, into_rows)[0]
        return grad

    def _rows(self, pieces: Pieces, first: int) -> Pieces:
        return pieces[first : first + self._norm.count]
