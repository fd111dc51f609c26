"""A network's parts one behind the other, whose parameters are too."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.core.rng import Numbers, Purpose
from rlrun.nets.parameters import Parameters

PACE = 0.1  # how far running statistics move to those of a batch


class Parts:
    """Which pieces belong to which part, by the parts' names.

    A part has ``shapes`` of its pieces, ``real`` (what of them is not padding), ``fans`` (the
    inputs of each one's layer, 0 for what is no weight or bias) and ``init``. It may have
    ``statistics``: which pieces are running means and variances.
    """

    def __init__(self, **parts: Any) -> None:
        self._parts = parts
        self.shapes: list[tuple[int, int]] = []
        self.bounds: list[slice] = []
        """Of each part, in order."""
        self.statistics: list[int] = []
        """Which pieces are running means and variances."""
        for part in parts.values():
            start = len(self.shapes)
            self.statistics += [start + n for n in getattr(part, "statistics", ())]
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

    def track(self, params: Parameters, gradient: Tensor, frozen: Collection[int]) -> None:
        """Move running statistics to those of the batch, except the ``frozen`` seeds'.

        `backward` left the batch's in the places of their gradients; there is 0 then.
        """
        if not self.statistics:
            return
        found = Parameters(gradient, self.shapes, params.networks)
        moving = [seed for seed in range(len(gradient)) if seed not in frozen]
        rows = [seed * params.networks + n for seed in moving for n in range(params.networks)]
        for n in self.statistics:
            running, batch = params.pieces[n], found.pieces[n]
            running[rows] = running[rows].lerp(batch[rows], PACE)
            batch.zero_()

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
