"""Policy networks whose weights a search proposes as vectors: no distribution, no gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rlrun.core.types import Array, Mask, Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.distributions import ILLEGAL, distribution_for
from rlrun.nets.parameters import ALIGN, Parameters, Pieces, padded, up
from rlrun.nets.style import Style


class DirectActions:
    """The actions that outputs stand for: the choices of the largest outputs, or numbers.

    Args:
        action: the action space.
    """

    def __init__(self, action: Space) -> None:
        self._distribution = distribution_for(action)
        self._continuous = action.kind == "vector"
        self.outputs = self._distribution.outputs
        """The number of outputs."""

    def __call__(self, out: Array, legal: Mask) -> Array:
        """Return actions ``[seed, batch, n]``: first maxima, or numbers from -1 to 1."""
        if legal is not None:
            out = np.where(legal, out[..., : legal.shape[-1]], ILLEGAL)
        actions = self._distribution.mode(out)
        return actions.clip(-1, 1) if self._continuous else actions


class DirectPolicy:
    """A network from observation vectors to actions: the choice of the largest output, or numbers.

    A search sees its weights and biases as a vector ``[n]``, without the padding.

    Args:
        obs: the space of observations, which are vectors.
        action: the action space.
        hidden: widths of the hidden layers; () is a linear policy.
        style: the activation of the hidden layers, the initial weights and the products.
        bias: whether the layers have biases; without, these stay 0 and are not in the vector.
    """

    def __init__(
        self, obs: Space, action: Space, hidden: Sequence[int], style: Style, *, bias: bool
    ) -> None:
        self.actions = DirectActions(action)
        sizes = (obs.shape[0], *hidden, self.actions.outputs)
        self._dense = Dense(sizes, rectify=False, style=style)
        self._parts = Parts(style, policy=self._dense)
        self.shapes = self._parts.shapes
        self.chain = [(self._dense, slice(len(self.shapes)))]
        """The network as layers, for `Acting`."""
        self.index, self.unit = self._vector(bias)
        """Of each number of the vector: its place in a row of parameters, and its unit."""

    def _vector(self, bias: bool) -> tuple[Array, Array]:
        places, units, start, unit = [], [], 0, 0
        for piece, (shape, real) in enumerate(zip(self.shapes, self._dense.real, strict=True)):
            is_bias = piece % 2
            if bias or not is_bias:
                row, column = np.indices(real)
                places.append((start + row * shape[1] + column).ravel())
                units.append((unit + column).ravel())
            start += up(shape[0] * shape[1], ALIGN)
            unit += real[1] if is_bias else 0
        return np.concatenate(places), np.concatenate(units)

    def init(self, params: Parameters, seeds: Sequence[int]) -> None:
        """Draw the weights and biases of the style; those of the last layer are 0.

        So at first a search compares its own noise, not noise beside larger weights. Each seed has
        its own generator.
        """
        self._parts.init(params, seeds)
        for piece in params.pieces[-2:]:
            piece.zero_()
        others = np.ones(params.flat.shape[1], np.bool_)
        others[self.index] = False
        params.flat[:, torch.from_numpy(others)] = 0.0

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.weights`."""
        return self._parts.weights(params)

    def infer(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return the output ``[seed, batch, width]`` for ``obs [seed, batch, n]``."""
        return self._dense.forward(pieces, padded(obs, self.shapes[0][0]))[0]
