"""Gated recurrent units (Cho et al. 2014): a memory of what a network has observed."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from rlrun.nets.parameters import Pieces, draw_uniform, up
from rlrun.nets.products import sum_over_batch
from rlrun.nets.style import STYLE, Style

GATES = 3  # reset, update, candidate


class Saved(NamedTuple):
    """What the backward pass needs; with networks as rows: ``[time, row, sequence, ...]``."""

    x: Tensor
    """The input ``[seed, sequence * time, in]``."""
    before: Tensor
    """The memories before each step."""
    keep: Tensor
    """1 where the memory of the step before was used, 0 where an episode began."""
    reset: Tensor
    update: Tensor
    candidate: Tensor
    recurrent: Tensor
    """The memory's contribution to the candidate, which the reset gate scales."""


class GRU:
    """Several memories of one seed, ``networks``, which see the same inputs.

    In torch's form, with x an input, h the memory and σ the logistic function::

        r = σ(x W_r + b_r + h U_r + c_r)
        z = σ(x W_z + b_z + h U_z + c_z)
        n = tanh(x W_n + b_n + r (h U_n + c_n))
        h' = (1 - z) n + z h

    σ(x) is computed as (1 + tanh(x / 2)) / 2, whose results do not depend on a number's place.
    Forward and backward passes are written out, the latter through time.

    Args:
        inputs: the size of the input.
        units: the size of each memory, a multiple of 4.
        networks: the number of memories of a seed.
        style: the initial weights, and the products.

    Raises ValueError if units is not a multiple of 4.
    """

    is_output = False
    is_styled = True
    """Whether `init` draws the style's weights and biases."""

    def __init__(self, inputs: int, units: int, networks: int, *, style: Style = STYLE) -> None:
        if units % 4:
            raise ValueError(f"memory_units must be a multiple of 4, got {units}")
        self._products, self._style = style.products, style
        self.units, self.networks = units, networks
        width = GATES * units
        # weights and biases of the inputs of all networks, then of the memory of each
        self.shapes = [
            (up(inputs, 4), networks * width),
            (1, networks * width),
            (networks * units, width),
            (networks, width),
        ]
        self.real = [(inputs, networks * width), *self.shapes[1:]]
        self.fans = [units] * 4  # as in torch
        self.fans_out = [width] * 4

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """Draw one seed's weights and biases: torch's, or each gate's matrices by the style."""
        for piece, real, fan_in in zip(pieces, self.real, self.fans, strict=True):
            draw_uniform(piece, row, real, fan_in, generator)
        if self._style.init != "torch":
            of_inputs = [pieces[0][row, : self.real[0][0]]]
            for block in (*of_inputs, *pieces[2][row].chunk(self.networks)):
                for gate in block.chunk(block.shape[1] // self.units, 1):
                    self._draw(gate, generator)
        if not self._style.is_torch:
            for bias in (pieces[1], pieces[3]):
                bias[row] = self._style.init_bias or 0.0

    def _draw(self, gate: Tensor, generator: torch.Generator) -> None:
        """Overwrite one gate's matrix with an orthogonal one, or one of Xavier's."""
        if self._style.init == "orthogonal":
            gate.copy_(orthogonal_(torch.empty(gate.shape), 1.0, generator))
            return
        bound = math.sqrt(6 / sum(gate.shape))
        gate.copy_((torch.rand(gate.shape, generator=generator) * 2 - 1) * bound)

    def forward(
        self, pieces: Pieces, x: Tensor, memory: Tensor, first: Tensor
    ) -> tuple[Tensor, Saved]:
        """Return the memories after each step, and what `backward` needs.

        Args:
            pieces: the parameters.
            x: inputs ``[seed, sequence * time, in]``, padded; time is the inner axis.
            memory: memories ``[seed, sequence, networks * units]`` before the sequences.
            first: ``[seed, sequence * time]``, where an episode begins, without a memory.

        Returned are ``[seed, sequence * time, networks * units]``.
        """
        sequences = memory.shape[1]
        keep = (~first).view(len(x), sequences, -1).permute(2, 0, 1).to(memory.dtype)
        keep = keep.repeat_interleave(self.networks, 1).unsqueeze(-1)  # [time, row, sequence, 1]
        inputs = self._by_time(self._products.affine(x, *pieces[:2]).float(), sequences)
        weight, bias = self._recurrent(pieces)
        now = self._by_time(memory, sequences)[0]
        steps = []
        for entering, kept in zip(inputs, keep, strict=True):
            before = now * kept
            by_memory = self._products.affine(before.to(weight.dtype), weight, bias).float()
            gates = torch.tanh((entering + by_memory)[..., : 2 * self.units] / 2) / 2 + 0.5
            reset, update = gates.chunk(2, -1)
            recurrent = by_memory[..., 2 * self.units :]
            candidate = torch.tanh(entering[..., 2 * self.units :] + reset * recurrent)
            now = candidate + update * (before - candidate)
            steps.append((before, reset, update, candidate, recurrent, now))
        before, reset, update, candidate, recurrent, after = map(
            torch.stack, zip(*steps, strict=True)
        )
        saved = Saved(x, before, keep, reset, update, candidate, recurrent)
        return self._by_seed(after), saved

    def backward(
        self, pieces: Pieces, saved: Saved, grad: Tensor, into: Pieces, to_input: bool
    ) -> Tensor:
        """Write the gradients of the parameters; return that of the input if requested.

        ``grad`` is the gradient of the memories that `forward` returned. That of the memories
        before the sequences is not computed.
        """
        reset, update, candidate = saved.reset, saved.update, saved.candidate
        of_update = (saved.before - candidate) * update * (1 - update)
        of_candidate = (1 - update) * (1 - candidate * candidate)
        of_reset = saved.recurrent * reset * (1 - reset)
        weight, _ = self._recurrent(pieces)
        by_step = self._by_time(grad, saved.before.shape[2])
        carry = torch.zeros_like(by_step[0])
        slopes: list[Tensor] = []  # of the gates' inputs, with the candidate's before the reset
        for t in reversed(range(len(by_step))):
            slope = by_step[t] + carry
            inner = slope * of_candidate[t]
            gates = [inner * of_reset[t], slope * of_update[t]]
            by_memory = torch.cat([*gates, inner * reset[t]], -1)
            back = self._products.times_transposed(by_memory.to(weight.dtype), weight).float()
            carry = (slope * update[t] + back) * saved.keep[t]
            slopes.append(torch.cat([by_memory, inner], -1))
        all_slopes = torch.stack(slopes[::-1])
        width = GATES * self.units
        self._write_recurrent(saved.before, all_slopes[..., :width], pieces[0].dtype, into)
        entering = torch.cat([all_slopes[..., : 2 * self.units], all_slopes[..., width:]], -1)
        below = self._by_seed(entering).to(pieces[0].dtype)
        self._products.weight_gradient(saved.x, below, into[0])
        sum_over_batch(below, into[1])
        return self._products.times_transposed(below, pieces[0]) if to_input else below

    def _write_recurrent(
        self, before: Tensor, slopes: Tensor, dtype: torch.dtype, into: Pieces
    ) -> None:
        """Write the gradients of the weights and biases of the memory."""
        h, slope = (_joined(each).to(dtype) for each in (before, slopes))
        weight = torch.empty(len(h), self.units, slope.shape[-1], dtype=into[2].dtype).to(h.device)
        self._products.weight_gradient(h, slope, weight)
        into[2].copy_(weight.view(into[2].shape))
        into[3].copy_(slope.sum(1, dtype=into[3].dtype).view(into[3].shape))

    def _recurrent(self, pieces: Pieces) -> tuple[Tensor, Tensor]:
        """Return weights ``[row, units, 3 * units]`` and biases ``[row, 1, 3 * units]``."""
        width = GATES * self.units
        return pieces[2].reshape(-1, self.units, width), pieces[3].reshape(-1, 1, width)

    def _by_time(self, x: Tensor, sequences: int) -> Tensor:
        """Return ``x [seed, sequence * time, network * n]`` as ``[time, row, sequence, n]``."""
        split = x.view(len(x), sequences, -1, self.networks, x.shape[-1] // self.networks)
        return split.permute(2, 0, 3, 1, 4).flatten(1, 2).contiguous()

    def _by_seed(self, x: Tensor) -> Tensor:
        """Return the inverse of `_by_time`."""
        time, rows, sequences, n = x.shape
        split = x.view(time, rows // self.networks, self.networks, sequences, n)
        joined = split.permute(1, 3, 0, 2, 4).reshape(split.shape[1], sequences * time, -1)
        return joined.contiguous()  # the order of a sum depends on how memory is laid out


def _joined(x: Tensor) -> Tensor:
    """Return ``x [time, row, sequence, n]`` as ``[row, time * sequence, n]``."""
    return x.transpose(0, 1).flatten(1, 2).contiguous()
