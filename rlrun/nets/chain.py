"""A network as a sequence of parts, with their parameters in the same order."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.core.rng import Numbers, Purpose
from rlrun.nets.parameters import Parameters
from rlrun.nets.style import Style, initialize

PACE = 0.1  # update rate of running statistics: the weight of the newest batch


class Parts:
    """The named parts of a network, and which pieces belong to each.

    A part has ``shapes`` of its pieces, ``real`` (the shapes without padding), ``fans`` (the fan-in
    of each piece's layer, 0 if the piece is not a weight or bias), ``fans_out`` and ``init``. It
    may have ``statistics``: the indices of the pieces that are running means and variances; and
    ``is_styled``, if its ``init`` draws what the style asks for by itself.
    """

    def __init__(self, style: Style, **parts: Any) -> None:
        self._style, self._parts = style, parts
        self.shapes: list[tuple[int, int]] = []
        self.bounds: list[slice] = []
        """The range of pieces of each part, in order."""
        self.statistics: list[int] = []
        """Indices of the pieces that are running means and variances."""
        for part in parts.values():
            start = len(self.shapes)
            self.statistics += [start + n for n in getattr(part, "statistics", ())]
            self.shapes += part.shapes
            self.bounds.append(slice(start, len(self.shapes)))

    def init(
        self,
        params: Parameters,
        seeds: Sequence[int],
        place: int = 0,
        last: float | None = None,
        purpose: Purpose = Purpose.WEIGHTS,
    ) -> None:
        """Draw the weights and biases of the network's style.

        With torch's uniform ±1/√fan_in the last layer is uniform in ±``last`` if that is given,
        except for biases whose value is given.
        Each network has its own generator: those of a seed and ``purpose`` are numbered from
        ``place``.
        """
        numbers, networks = Numbers(purpose), params.networks
        for row in range(len(seeds) * networks):
            seed, network = divmod(row, networks)
            number = numbers(seeds[seed], place + network, 0)
            generator = torch.Generator().manual_seed(number)
            for part, bounds in zip(self._parts.values(), self.bounds, strict=True):
                part.init(params.pieces[bounds], row, generator)
                if not (self._style.is_torch or getattr(part, "is_styled", False)):
                    initialize(part, params.pieces[bounds], row, self._style, 1.0, generator)
            if last is not None and self._style.init == "torch":
                scale = last * math.sqrt(list(self._parts.values())[-1].fans[-1])
                weight, bias = params.pieces[-2:]
                weight[row] *= scale
                bias[row] *= scale if self._style.init_bias is None else 1.0

    def track(self, params: Parameters, gradient: Tensor, frozen: Collection[int]) -> None:
        """Update the running statistics with those of the batch, except for ``frozen`` seeds.

        `backward` wrote the batch's statistics in place of their gradients; they are set to 0 here.
        """
        if not self.statistics:
            return
        gradients = Parameters(gradient, self.shapes, params.networks)
        moving = [seed for seed in range(len(gradient)) if seed not in frozen]
        rows = [seed * params.networks + n for seed in moving for n in range(params.networks)]
        for n in self.statistics:
            running, batch = params.pieces[n], gradients.pieces[n]
            running[rows] = running[rows].lerp(batch[rows], PACE)
            batch.zero_()

    def named(self, params: Parameters) -> dict[str, Tensor]:
        """Return views ``[network, row, column]`` of all parameters by name, without padding.

        Those that follow the parameters of the parts belong to noise or to a distribution.
        """
        named = {
            f"{name}_{n}": piece[:, :rows, :columns]
            for (name, part), bounds in zip(self._parts.items(), self.bounds, strict=True)
            for n, (piece, (rows, columns)) in enumerate(
                zip(params.pieces[bounds], part.real, strict=True)
            )
        }
        others = params.pieces[len(self.shapes) :]
        return {**named, **{f"other_{n}": piece for n, piece in enumerate(others)}}

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """Return each layer's weights ``[seed, n]`` by name, without biases, gains and padding."""
        weights = {}
        for (name, part), bounds in zip(self._parts.items(), self.bounds, strict=True):
            layers = [n for n in range(0, len(part.fans), 2) if part.fans[n]]
            for number, n in enumerate(layers):
                rows, columns = part.real[n]
                weight = params.pieces[bounds][n][:, :rows, :columns]
                weights[f"{name}_{number}"] = weight.reshape(len(params.flat), -1)
        return weights
