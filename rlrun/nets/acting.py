"""The output of a network for acting, which is asked for few observations at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from rlrun.core.types import Array
from rlrun.nets.dense import Dense
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.products import unchecked
from rlrun.nets.style import Style

Chain: TypeAlias = Sequence[tuple[Dense, slice]]
"""Dense layers one after the other, with the pieces of each; their input is the observation."""
ZERO = np.array(0.0, np.float32)  # numpy is faster with it than with a Python number


class Acting:
    """Computes a network's output with its current parameters.

    Layers with numpy's products are computed by numpy throughout, on views of the weights: on small
    batches its calls cost half of torch's. The numbers are those of ``infer``.

    Args:
        infer: returns the output ``[seed, batch, output]`` for pieces and observations.
        chain: the same function as layers; () if it is not only that.
        params: the parameters, which are updated in place.
        device: their device.
    """

    def __init__(
        self,
        infer: Callable[[Pieces, Tensor], Tensor],
        chain: Chain,
        params: Parameters,
        device: Device,
    ) -> None:
        self._infer, self._params, self._device = infer, params, device
        by_numpy = chain if device.engine == "numpy" else ()
        self._layers: list[tuple[Array, Array, Style | None]] = []
        for dense, bounds in by_numpy:
            self._layers += dense.layers(params.pieces[bounds])
        self._inputs = self._layers[0][0].shape[1] if self._layers else 0  # padded
        self._outputs = by_numpy[-1][0].sizes[-1] if by_numpy else 0

    @unchecked()
    def __call__(self, obs: Array) -> Array:
        """Return the output ``[seed, env, output]`` for observations ``[seed, env, ...]``."""
        return self.output(obs)

    def output(self, obs: Array) -> Array:
        """Return the same, for callers within `unchecked`."""
        return self._by_numpy(obs) if self._layers else self.using(self._params.pieces, obs)

    @unchecked()
    def using(self, pieces: Pieces, obs: Array) -> Array:
        """Return the output with other parameters, such as noisy ones."""
        return self._device.array(self._infer(pieces, self._device.tensor(obs)))

    def _by_numpy(self, obs: Array) -> Array:
        x = obs
        if x.shape[-1] < self._inputs:
            x = np.zeros((*obs.shape[:-1], self._inputs), np.float32)
            x[..., : obs.shape[-1]] = obs
        for weight, bias, style in self._layers:
            x = np.matmul(x, weight)
            x += bias
            if style is None:
                continue
            if style.activation == "relu":
                np.maximum(x, ZERO, out=x)
            elif style.activation == "tanh":
                np.tanh(x, out=x)
            else:
                x = style.activate(torch.from_numpy(x)).numpy()
        return x[..., : self._outputs]
