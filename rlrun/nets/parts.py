"""A network's parts one behind the other, whose parameters are too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.nets.parameters import Parameters
from rlrun.rng import Numbers, Purpose


class Parts:
    """Which pieces belong to which part, by the parts' names.

    A part has ``shapes`` of its pieces, ``real`` (what of them is not padding), ``fans`` (the
    inputs of each one's layer, 0 for what is no weight or bias) and ``init``.
    """

    def __init__(self, **parts: Any) -> None:
        self._parts = parts
        self.shapes: list[tuple[int, int]] = []
        self.bounds: list[slice] = []
        """Of each part, in order."""
        for part in parts.values():
            start = len(self.shapes)
            self.shapes += part.shapes
            self.bounds.append(slice(start, len(self.shapes)))

    def init(
        self, params: Parameters, seeds: Sequence[int], place: int = 0, last: float | None = None
    ) -> None:
        """Draw uniformly from ±1/√fan_in, the last layer from ±``last`` where that is given.

        Each network has a generator of its own: those of a seed follow each other from ``place``.
        """
        numbers, networks = Numbers(Purpose.WEIGHTS), params.networks
        for row in range(len(seeds) * networks):
            seed, network = divmod(row, networks)
            number = numbers(seeds[seed], place + network, 0)
            generator = torch.Generator().manual_seed(number)
            for part, bounds in zip(self._parts.values(), self.bounds, strict=True):
                part.init(params.pieces[bounds], row, generator)
            if last is not None:
                fan_in = list(self._parts.values())[-1].fans[-1]
                for piece in params.pieces[-2:]:
                    piece[row] *= last * math.sqrt(fan_in)

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """The weights ``[seed, n]`` of each layer by name, without biases, gains and padding."""
        found = {}
        for (name, part), bounds in zip(self._parts.items(), self.bounds, strict=True):
            layers = [n for n in range(0, len(part.fans), 2) if part.fans[n]]
            for number, n in enumerate(layers):
                rows, columns = part.real[n]
                weight = params.pieces[bounds][n][:, :rows, :columns]
                found[f"{name}_{number}"] = weight.reshape(len(params.flat), -1)
        return found
