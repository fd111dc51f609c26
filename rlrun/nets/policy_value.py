"""The networks of policy gradients: a policy, and beside it a value of the state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Activation, Dense
from rlrun.nets.distributions import distribution_for
from rlrun.nets.encoders import input_for
from rlrun.nets.parameters import Parameters, Pieces

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0


class PolicyNet:
    """A network for the policy and one for the state's value, with nothing in common.

    Only the convolutions that images and grids go through first are shared. The policy's output is
    read by ``distribution``, whose parameters are the last pieces.

    Args:
        obs: what goes in.
        action: what is chosen.
        hidden: widths of the hidden layers of both networks.
        activation: after each of them.
        value: whether there is a value.
    """

    def __init__(
        self,
        obs: Space,
        action: Space,
        hidden: Sequence[int],
        activation: Activation,
        *,
        value: bool = True,
    ) -> None:
        self.distribution = distribution_for(action)
        self._input = input_for(obs)
        outputs = (self.distribution.outputs, 1) if value else (self.distribution.outputs,)
        self._heads = [
            Dense((self._input.size, *hidden, out), rectify=False, activation=activation)
            for out in outputs
        ]
        self._parts = Parts(
            input=self._input, **dict(zip(("policy", "value"), self._heads, strict=False))
        )
        self._bounds = self._parts.bounds
        self._own = slice(len(self._parts.shapes), None)
        self.shapes = [*self._parts.shapes, *self.distribution.shapes]

    def own(self, pieces: Pieces) -> Pieces:
        """The parameters of the distribution."""
        return pieces[self._own]

    def init(self, params: Parameters, seeds: Sequence[int]) -> None:
        """Orthogonal weights, biases of 0, as in the implementations of PPO that are used.

        The gains are √2 for hidden layers and convolutions, 0.01 for the policy's last layer, so
        that all actions begin about as likely, and 1 for the value's. Each seed's numbers come
        from a generator of its own.
        """
        numbers = Numbers(Purpose.WEIGHTS)
        parts = [self._input, *self._heads]
        last = [HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN][: len(parts)]
        for row, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(numbers(seed, 0, 0))
            for part, bounds, final in zip(parts, self._bounds, last, strict=True):
                weights = list(zip(params.pieces[bounds], part.real, strict=True))[::2]
                for number, (piece, (rows, columns)) in enumerate(weights):
                    gain = final if number == len(weights) - 1 else HIDDEN_GAIN
                    drawn = orthogonal_(torch.empty(rows, columns), gain, generator)
                    piece[row, :rows, :columns] = drawn

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.weights`."""
        return self._parts.weights(params)

    def policy(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """The policy's output ``[seed, batch, width]`` for ``obs [seed, batch, ...]``."""
        return self._one(0, pieces, obs)

    def value(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Values ``[seed, batch]`` for ``obs [seed, batch, ...]``."""
        return self._one(1, pieces, obs)[..., 0]

    def _one(self, head: int, pieces: Pieces, obs: Tensor) -> Tensor:
        x, _ = self._input.forward(pieces[self._bounds[0]], obs)
        out, _ = self._heads[head].forward(pieces[self._bounds[1 + head]], x.to(pieces[0].dtype))
        return out.float()

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[list[Tensor], list[Any]]:
        """The outputs of both, each ``[seed, batch, width]``, and what `backward` needs.

        Computed in the type of the pieces, given as float32. The value is the first number of the
        second output.
        """
        x, seen = self._input.forward(pieces[self._bounds[0]], obs)
        x = x.to(pieces[0].dtype)
        outs: list[Tensor] = []
        saved: list[Any] = [seen]
        for head, bounds in zip(self._heads, self._bounds[1:], strict=True):
            out, kept = head.forward(pieces[bounds], x)
            outs.append(out.float())
            saved.append(kept)
        return outs, saved

    def backward(
        self, pieces: Pieces, saved: list[Any], grads: Sequence[Tensor], into: Pieces
    ) -> None:
        """Write the gradients of the networks' parameters ``into`` pieces like these.

        Args:
            saved: from `forward`, with the same pieces.
            grads: of the outputs, as `forward` gives them; may be changed here.
        """
        seen, *kept = saved
        wanted = bool(self._input.shapes)
        below: Tensor | None = None
        for head, bounds, each, grad in zip(
            self._heads, self._bounds[1:], kept, grads, strict=True
        ):
            grad = grad.to(pieces[0].dtype)
            part = head.backward(pieces[bounds], each, grad, into[bounds], wanted)
            if wanted:
                below = part if below is None else below + part
        if below is not None:
            front = self._bounds[0]
            self._input.backward(pieces[front], seen, below, into[front])
