"""The networks of continuous control: what acts, and what judges an action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.batch_norm import BatchNorm
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.encoders import input_for
from rlrun.nets.layer_norm import LayerNorm
from rlrun.nets.norm import NormalizedDense
from rlrun.nets.parameters import Pieces, padded, up

ActionLayer: TypeAlias = Literal[1, 2]
Norm: TypeAlias = Literal["layer", "batch"]
Layers: TypeAlias = Dense | NormalizedDense


def dense(sizes: Sequence[int], *, rectify: bool, norm: Norm | None) -> Layers:
    """A chain of dense layers, normalized or not."""
    if norm is None:
        return Dense(sizes, rectify=rectify)
    kind = LayerNorm() if norm == "layer" else BatchNorm()
    return NormalizedDense(sizes, rectify=rectify, norm=kind)


def through(layers: Layers, pieces: Pieces, x: Tensor, learning: bool) -> tuple[Tensor, list[Any]]:
    """The layers' output, and what their backward pass needs."""
    if isinstance(layers, NormalizedDense):
        return layers.forward(pieces, x, learning=learning)
    return layers.forward(pieces, x)


class ActorNet(Parts):
    """From observations to numbers for each action: its mean, or more than that.

    Args:
        obs: what goes in; images and grids go through convolutions first.
        hidden: widths of the hidden layers.
        outputs: how many numbers.
        norm: normalize the hidden layers, for each observation ("layer") or each unit ("batch").
    """

    def __init__(
        self, obs: Space, hidden: Sequence[int], outputs: int, *, norm: Norm | None = None
    ) -> None:
        self._input = input_for(obs)
        self._body = dense((self._input.size, *hidden, outputs), rectify=False, norm=norm)
        super().__init__(actor_input=self._input, actor=self._body)

    def infer(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """``[seed, batch, output]``; computed in the type of the pieces, given as float32."""
        return self.forward(pieces, obs, learning=False)[0]

    def forward(
        self, pieces: Pieces, obs: Tensor, *, learning: bool = True
    ) -> tuple[Tensor, list[Any]]:
        """The same, and what `backward` needs; while learning, of a batch that is normalized."""
        front, body = self.bounds
        x, seen = self._input.forward(pieces[front], obs)
        out, kept = through(self._body, pieces[body], x.to(pieces[0].dtype), learning)
        return out[..., : self._body.sizes[-1]].float(), [seen, kept]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters; ``grad`` is that of the output."""
        (front, body), (seen, kept) = self.bounds, saved
        whole = padded(grad, self._body.width).to(pieces[0].dtype)
        more = bool(self._input.shapes)
        below = self._body.backward(pieces[body], kept, whole, into[body], more)
        self._input.backward(pieces[front], seen, below, into[front])


class CriticNet(Parts):
    """The value of an action in an observation. Rows are seeds, or the networks of each seed.

    Args:
        obs: what goes in; images and grids go through convolutions first.
        action: how many numbers an action has.
        hidden: widths of the hidden layers.
        action_layer: the layer that the action goes into: 1, or 2 as in Lillicrap et al. 2016.
        norm: normalize the hidden layers, for each observation ("layer") or each unit ("batch").
    """

    def __init__(
        self,
        obs: Space,
        action: int,
        hidden: Sequence[int],
        *,
        action_layer: ActionLayer = 1,
        norm: Norm | None = None,
    ) -> None:
        before, behind = hidden[: action_layer - 1], hidden[action_layer - 1 :]
        self._input = input_for(obs)
        self._trunk = dense((self._input.size, *before), rectify=True, norm=norm)
        self._entry = self._trunk.sizes[-1]
        self._joined = self._entry + action
        self._head = dense((self._joined, *behind, 1), rectify=False, norm=norm)
        super().__init__(critic_input=self._input, critic_shared=self._trunk, critic=self._head)

    def infer(self, pieces: Pieces, obs: Tensor, action: Tensor) -> Tensor:
        """``[row, batch]``; computed in the type of the pieces, given as float32."""
        return self.forward(pieces, obs, action, learning=False)[0]

    def forward(
        self, pieces: Pieces, obs: Tensor, action: Tensor, *, learning: bool = True
    ) -> tuple[Tensor, list[Any]]:
        """The same, and what the backward passes need; ``action`` is ``[row, batch, number]``.

        While learning, the batch is what a batch normalisation normalizes.
        """
        front, trunk, head = self.bounds
        x, seen = self._input.forward(pieces[front], obs)
        x, shared = through(self._trunk, pieces[trunk], x.to(pieces[0].dtype), learning)
        parts = [x[..., : self._entry], action.to(x.dtype)]
        if missing := up(self._joined, 4) - self._joined:
            parts.append(x.new_zeros(*x.shape[:2], missing))
        out, kept = through(self._head, pieces[head], torch.cat(parts, -1), learning)
        return out[..., 0].float(), [seen, shared, kept]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters; ``grad [row, batch]`` is that of the values."""
        (front, trunk, head), (seen, shared, kept) = self.bounds, saved
        whole = padded(grad.unsqueeze(-1), self._head.width).to(pieces[0].dtype)
        more = bool(self._input.shapes)
        wanted = more or bool(self._trunk.shapes)
        below = self._head.backward(pieces[head], kept, whole, into[head], wanted)
        if wanted:
            below = padded(below[..., : self._entry], self._trunk.width)
            below = self._trunk.backward(pieces[trunk], shared, below, into[trunk], more)
            self._input.backward(pieces[front], seen, below, into[front])

    def action_gradient(self, pieces: Pieces, saved: list[Any], grad: Tensor) -> Tensor:
        """The gradient of the action, ``[row, batch, number]``, from that of the values."""
        whole = padded(grad.unsqueeze(-1), self._head.width).to(pieces[0].dtype)
        below = self._head.backward(pieces[self.bounds[2]], saved[2], whole, None, True)
        return below[..., self._entry : self._joined].float()
