"""The networks of policy gradients: a policy, and a separate value of the state."""

from __future__ import annotations

import math
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
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.style import Style, initialize

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0


class PolicyNet:
    """A policy network and a separate network for the state's value.

    They share only the convolutions for images and grids. ``distribution`` interprets the policy's
    output; its parameters are the last pieces.

    Args:
        obs: the observation space.
        action: the action space.
        hidden: widths of the hidden layers of each network.
        style: the activation of the hidden layers, and the initial weights.
        value: whether there is a value network.
        values: its outputs, the values of so many kinds of reward, which share its hidden layers.
    """

    def __init__(
        self,
        obs: Space,
        action: Space,
        hidden: Sequence[int],
        style: Style,
        *,
        value: bool = True,
        values: int = 1,
    ) -> None:
        self.distribution = distribution_for(action)
        self._input = input_for(obs)
        outputs = (self.distribution.outputs, values) if value else (self.distribution.outputs,)
        self._heads = [
            Dense((self._input.size, *hidden, out), rectify=False, style=style) for out in outputs
        ]
        self._style = style
        heads = dict(zip(("policy", "value"), self._heads, strict=False))
        self._parts = Parts(style, input=self._input, **heads)
        self._bounds = self._parts.bounds
        self._distribution_pieces = slice(len(self._parts.shapes), None)
        self.shapes = [*self._parts.shapes, *self.distribution.shapes]

    def distribution_pieces(self, pieces: Pieces) -> Pieces:
        """Return the parameters of the distribution."""
        return pieces[self._distribution_pieces]

    def init(self, params: Parameters, seeds: Sequence[int]) -> None:
        """Draw the weights and biases of the style; each seed has its own generator.

        Orthogonal weights, which common implementations of PPO have, get the gains √2 for hidden
        layers and convolutions, 0.01 for the policy's last layer, so that all actions are about
        equally likely at first, and 1 for the value's.
        """
        if self._style.init != "orthogonal":
            self._parts.init(params, seeds)
            return
        numbers = Numbers(Purpose.WEIGHTS)
        parts = [self._input, *self._heads]
        last_gains = [HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN][: len(parts)]
        for row, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(numbers(seed, 0, 0))
            for part, bounds, last_gain in zip(parts, self._bounds, last_gains, strict=True):
                initialize(part, params.pieces[bounds], row, self._style, last_gain, generator)

    def weights(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.weights`."""
        return self._parts.weights(params)

    def named(self, params: Parameters) -> dict[str, Tensor]:
        """See `Parts.named`."""
        return self._parts.named(params)

    @property
    def policy_chain(self) -> list[tuple[Dense, slice]]:
        """The policy network as layers; empty if there is more to it."""
        return [(self._heads[0], self._bounds[1])] if self._input.is_identity else []

    def policy(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return the policy's output ``[seed, batch, width]`` for ``obs [seed, batch, ...]``."""
        return self._one(0, pieces, obs)

    def value(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return values ``[seed, batch]`` for ``obs [seed, batch, ...]``, the first ones."""
        return self.values(pieces, obs)[..., 0]

    def values(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return the values of each kind of reward, ``[seed, batch, width]``, which is padded."""
        return self._one(1, pieces, obs)

    def _one(self, head: int, pieces: Pieces, obs: Tensor) -> Tensor:
        x, _ = self._input.forward(pieces[self._bounds[0]], obs)
        out, _ = self._heads[head].forward(pieces[self._bounds[1 + head]], x.to(pieces[0].dtype))
        return out.float()

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[list[Tensor], list[Any]]:
        """Return the outputs of both, each ``[seed, batch, width]``, and what `backward` needs.

        Outputs are float32, computed in the dtype of the pieces. The values are the first numbers
        of the second output.
        """
        x, input_saved = self._input.forward(pieces[self._bounds[0]], obs)
        x = x.to(pieces[0].dtype)
        outs: list[Tensor] = []
        saved: list[Any] = [input_saved]
        for head, bounds in zip(self._heads, self._bounds[1:], strict=True):
            out, head_saved = head.forward(pieces[bounds], x)
            outs.append(out.float())
            saved.append(head_saved)
        return outs, saved

    def backward(
        self, pieces: Pieces, saved: list[Any], grads: Sequence[Tensor], into: Pieces
    ) -> None:
        """Write the gradients of the networks' parameters ``into`` pieces of the same shapes.

        Args:
            saved: from `forward`, with the same pieces.
            grads: gradients of the outputs of `forward`; may be overwritten.
        """
        input_saved, *heads_saved = saved
        to_input = bool(self._input.shapes)
        below: Tensor | None = None
        for head, bounds, head_saved, grad in zip(
            self._heads, self._bounds[1:], heads_saved, grads, strict=True
        ):
            grad = grad.to(pieces[0].dtype)
            part = head.backward(pieces[bounds], head_saved, grad, into[bounds], to_input)
            if to_input:
                below = part if below is None else below + part
        if below is not None:
            front = self._bounds[0]
            self._input.backward(pieces[front], input_saved, below, into[front])
