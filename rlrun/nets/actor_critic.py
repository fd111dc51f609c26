"""Actor and critic networks for continuous control."""

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
from rlrun.nets.norm import Norm, NormalizedDense
from rlrun.nets.parameters import Pieces, padded, up
from rlrun.nets.style import STYLE, Style

ActionLayer: TypeAlias = Literal[1, 2]
Layers: TypeAlias = Dense | NormalizedDense


def dense(
    sizes: Sequence[int],
    *,
    rectify: bool,
    norm: Norm | None,
    style: Style,
    from_obs: bool = True,
) -> Layers:
    """A chain of dense layers, normalized or not; ``from_obs``: its input is the observation."""
    if norm is None:
        return Dense(sizes, rectify=rectify, style=style)
    return NormalizedDense(
        sizes,
        rectify=rectify,
        norm=LayerNorm() if norm.kind == "layer" else BatchNorm(),
        style=style,
        place=norm.place,
        on_input=from_obs and norm.obs,
    )


def run_layers(
    layers: Layers, pieces: Pieces, x: Tensor, learning: bool
) -> tuple[Tensor, list[Any]]:
    """Return the layers' output and what their backward pass needs."""
    if isinstance(layers, NormalizedDense):
        return layers.forward(pieces, x, learning=learning)
    return layers.forward(pieces, x)


class ActorNet(Parts):
    """The actor: maps observations to the parameters of an action, such as its mean.

    Args:
        obs: the observation space; images and grids go through convolutions first.
        hidden: widths of the hidden layers.
        outputs: number of outputs.
        norm: the normalisation of the hidden layers (None: none).
        style: the activation of the hidden layers, and the initial weights.
    """

    def __init__(
        self,
        obs: Space,
        hidden: Sequence[int],
        outputs: int,
        *,
        norm: Norm | None = None,
        style: Style = STYLE,
    ) -> None:
        self._input = input_for(obs)
        sizes = (self._input.size, *hidden, outputs)
        self._body = dense(sizes, rectify=False, norm=norm, style=style)
        super().__init__(style, actor_input=self._input, actor=self._body)

    @property
    def chain(self) -> list[tuple[Dense, slice]]:
        """The network as layers; empty if there is more to it."""
        if isinstance(self._body, NormalizedDense) or not self._input.is_identity:
            return []
        return [(self._body, self.bounds[1])]

    def infer(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return ``[seed, batch, output]`` as float32, computed in the dtype of the pieces."""
        return self.forward(pieces, obs, learning=False)[0]

    def forward(
        self, pieces: Pieces, obs: Tensor, *, learning: bool = True
    ) -> tuple[Tensor, list[Any]]:
        """Return the output as `infer` does, and what `backward` needs.

        With ``learning``, batch normalisation uses the statistics of this batch.
        """
        front, body = self.bounds
        x, input_saved = self._input.forward(pieces[front], obs)
        x = x.to(pieces[0].dtype)
        out, body_saved = run_layers(self._body, pieces[body], x, learning)
        return out[..., : self._body.sizes[-1]].float(), [input_saved, body_saved]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters; ``grad`` is the gradient of the output."""
        (front, body), (input_saved, body_saved) = self.bounds, saved
        grad = padded(grad, self._body.width).to(pieces[0].dtype)
        to_input = bool(self._input.shapes)
        below = self._body.backward(pieces[body], body_saved, grad, into[body], to_input)
        self._input.backward(pieces[front], input_saved, below, into[front])


class CriticNet(Parts):
    """The critic: the value of an action. Rows are seeds, or the networks of each seed.

    Args:
        obs: the observation space; images and grids go through convolutions first.
        action: number of action dimensions.
        hidden: widths of the hidden layers.
        action_layer: the layer that takes the action: 1, or 2 as in Lillicrap et al. 2016.
        norm: the normalisation of the hidden layers (None: none).
        style: the activation of the hidden layers, and the initial weights.
    """

    def __init__(
        self,
        obs: Space,
        action: int,
        hidden: Sequence[int],
        *,
        action_layer: ActionLayer = 1,
        norm: Norm | None = None,
        style: Style = STYLE,
    ) -> None:
        trunk_sizes, head_sizes = hidden[: action_layer - 1], hidden[action_layer - 1 :]
        self._input = input_for(obs)
        entry = (self._input.size, *trunk_sizes)
        self._trunk = dense(entry, rectify=True, norm=norm, style=style)
        self._entry = self._trunk.sizes[-1]
        self._joined = self._entry + action
        joined = (self._joined, *head_sizes, 1)
        head_norm = None if norm and norm.trunk_only else norm
        self._head = dense(joined, rectify=False, norm=head_norm, style=style, from_obs=False)
        parts = {"critic_input": self._input, "critic_shared": self._trunk, "critic": self._head}
        super().__init__(style, **parts)
        self._begins_before_head = self.bounds[2].start > 0 or not self._input.is_identity
        """Whether the observations are not simply joined with the actions."""

    def infer(self, pieces: Pieces, obs: Tensor, action: Tensor) -> Tensor:
        """Return values ``[row, batch]`` as float32, computed in the dtype of the pieces."""
        return self.forward(pieces, obs, action, learning=False)[0]

    def forward(
        self, pieces: Pieces, obs: Tensor, action: Tensor, *, learning: bool = True
    ) -> tuple[Tensor, list[Any]]:
        """Return the values as `infer` does, and what the backward passes need.

        ``obs`` and ``action [seed, batch, number]`` are those of all networks of a seed. With
        ``learning``, batch normalisation uses the statistics of this batch.
        """
        front, trunk, head = self.bounds
        networks, input_saved, trunk_saved = len(pieces[0]) // len(obs), None, None
        x, dtype = obs, pieces[0].dtype
        if self._begins_before_head:
            x, action, networks = repeated(x, networks), repeated(action, networks), 1
            x, input_saved = self._input.forward(pieces[front], x)
            x, trunk_saved = run_layers(self._trunk, pieces[trunk], x.to(dtype), learning)
        parts = [x[..., : self._entry].to(dtype), action.to(dtype)]
        if padding := up(self._joined, 4) - self._joined:
            parts.append(x.new_zeros(*x.shape[:2], padding, dtype=dtype))
        joined = repeated(torch.cat(parts, -1), networks)
        out, head_saved = run_layers(self._head, pieces[head], joined, learning)
        return out[..., 0].float(), [input_saved, trunk_saved, head_saved]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the parameters' gradients; ``grad [row, batch]`` is the gradient of the values."""
        (front, trunk, head), (input_saved, trunk_saved, head_saved) = self.bounds, saved
        grad = padded(grad.unsqueeze(-1), self._head.width).to(pieces[0].dtype)
        to_input = bool(self._input.shapes)
        to_trunk = to_input or bool(self._trunk.shapes)
        below = self._head.backward(pieces[head], head_saved, grad, into[head], to_trunk)
        if to_trunk:
            below = padded(below[..., : self._entry], self._trunk.width)
            below = self._trunk.backward(pieces[trunk], trunk_saved, below, into[trunk], to_input)
            self._input.backward(pieces[front], input_saved, below, into[front])

    def action_gradient(self, pieces: Pieces, saved: list[Any], grad: Tensor) -> Tensor:
        """Return the gradient of the action ``[row, batch, number]``, given that of the values."""
        grad = padded(grad.unsqueeze(-1), self._head.width).to(pieces[0].dtype)
        below = self._head.backward(pieces[self.bounds[2]], saved[2], grad, None, True)
        return below[..., self._entry : self._joined].float()


def repeated(x: Tensor, networks: int) -> Tensor:
    """Repeat ``x [seed, ...]`` for each network of a seed: ``[seed * networks, ...]``."""
    return x if networks == 1 else x.repeat_interleave(networks, 0)
