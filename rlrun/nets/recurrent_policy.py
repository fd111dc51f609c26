"""The networks of policy gradients with a memory: a policy, and a separate value of the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.distributions import distribution_for
from rlrun.nets.encoders import input_for
from rlrun.nets.gru import GRU
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.policy_value import HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN
from rlrun.nets.style import Style, initialize

NETWORKS = 2  # the policy and the value, each of which has a memory


class RecurrentPolicyNet:
    """`PolicyNet` with a GRU before the layers of each network: policy and value remember apart.

    Images and grids go through convolutions first, which both share. A memory is
    ``[..., 2 * units]``, the policy's first.

    Args:
        obs, action, hidden, style: as in `PolicyNet`.
        units: the size of each memory.
    """

    def __init__(
        self, obs: Space, action: Space, hidden: Sequence[int], units: int, style: Style
    ) -> None:
        self.distribution = distribution_for(action)
        self.memory_size = NETWORKS * units
        self._input = input_for(obs)
        self._gru = GRU(self._input.size, units, NETWORKS, style=style)
        outputs = (self.distribution.outputs, 1)
        self._heads = [Dense((units, *hidden, o), rectify=False, style=style) for o in outputs]
        self._style, self._units = style, units
        heads = dict(zip(("policy", "value"), self._heads, strict=True))
        self._parts = Parts(style, input=self._input, memory=self._gru, **heads)
        self._bounds = self._parts.bounds
        self._distribution_pieces = slice(len(self._parts.shapes), None)
        self.shapes = [*self._parts.shapes, *self.distribution.shapes]

    def distribution_pieces(self, pieces: Pieces) -> Pieces:
        """Return the parameters of the distribution."""
        return pieces[self._distribution_pieces]

    def init(self, params: Parameters, seeds: Sequence[int]) -> None:
        """Draw the weights and biases of the style, as `PolicyNet.init`.

        With orthogonal weights the matrices of a memory are orthogonal for each gate, with gain 1.
        """
        numbers = Numbers(Purpose.WEIGHTS)
        gains = (HIDDEN_GAIN, None, POLICY_GAIN, VALUE_GAIN)
        parts = (self._input, self._gru, *self._heads)
        for row, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(numbers(seed, 0, 0))
            for part, bounds, gain in zip(parts, self._bounds, gains, strict=True):
                part.init(params.pieces[bounds], row, generator)
                if gain is not None and not self._style.is_torch:
                    pieces = params.pieces[bounds]
                    initialize(part, pieces, row, self._style, gain, generator)

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.weights`."""
        return self._parts.weights(params)

    def named(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.named`."""
        return self._parts.named(params)

    def remember(self, pieces: Pieces, obs: Tensor, memory: Tensor, first: Tensor) -> Tensor:
        """Return the memories ``[seed, batch, 2 * units]`` after one more observation of each.

        ``obs`` is ``[seed, batch, ...]``; ``memory`` is ignored in the mask ``first``.
        """
        x, _ = self._input.forward(pieces[self._bounds[0]], obs)
        return self._gru.forward(pieces[self._bounds[1]], x.to(pieces[0].dtype), memory, first)[0]

    def policy(self, pieces: Pieces, memory: Tensor) -> Tensor:
        """Return the policy's output ``[seed, batch, width]`` for the memories after observing."""
        return self._one(0, pieces, memory)[0]

    def value(self, pieces: Pieces, memory: Tensor) -> Tensor:
        """Return values ``[seed, batch]`` for the memories after observing."""
        return self._one(1, pieces, memory)[0][..., 0]

    def _one(self, head: int, pieces: Pieces, memory: Tensor) -> tuple[Tensor, Any]:
        own = memory[..., head * self._units : (head + 1) * self._units]
        layers = pieces[self._bounds[2 + head]]
        out, saved = self._heads[head].forward(layers, own.to(pieces[0].dtype).contiguous())
        return out.float(), saved

    def forward(
        self, pieces: Pieces, obs: Tensor, memory: Tensor, first: Tensor
    ) -> tuple[list[Tensor], list[Any]]:
        """Return the outputs of both networks, and what `backward` needs; see `PolicyNet.forward`.

        ``obs [seed, sequence * time, ...]`` are sequences, with time as the inner axis, ``memory
        [seed, sequence, 2 * units]`` the memories before them, and ``first`` masks the
        observations that begin an episode.
        """
        x, input_saved = self._input.forward(pieces[self._bounds[0]], obs)
        x = x.to(pieces[0].dtype)
        after, gru_saved = self._gru.forward(pieces[self._bounds[1]], x, memory, first)
        outs, heads_saved = zip(*(self._one(k, pieces, after) for k in range(2)), strict=True)
        return list(outs), [input_saved, gru_saved, *heads_saved]

    def backward(
        self, pieces: Pieces, saved: list[Any], grads: Sequence[Tensor], into: Pieces
    ) -> None:
        """Write the gradients of the networks' parameters; see `PolicyNet.backward`."""
        input_saved, gru_saved, *heads_saved = saved
        front, memory, *heads = self._bounds
        below = torch.cat(
            [
                head.backward(
                    pieces[bounds], head_saved, grad.to(pieces[0].dtype), into[bounds], True
                )
                for head, bounds, head_saved, grad in zip(
                    self._heads, heads, heads_saved, grads, strict=True
                )
            ],
            -1,
        ).float()
        to_input = bool(self._input.shapes)
        back = self._gru.backward(pieces[memory], gru_saved, below, into[memory], to_input)
        if to_input:
            self._input.backward(pieces[front], input_saved, back, into[front])
