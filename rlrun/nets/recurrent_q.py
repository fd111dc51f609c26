"""The network of action values with a memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.encoders import input_for
from rlrun.nets.gru import GRU
from rlrun.nets.parameters import Pieces, padded
from rlrun.nets.style import STYLE, Style


class RecurrentValueNet(Parts):
    """One value for each action, from a memory of the episode's observations.

    A GRU takes the place of the first dense layer (Hausknecht and Stone 2015, section 4); images
    and grids go through convolutions first.

    Args:
        obs: the observation space.
        units: the size of the memory, a multiple of 4.
        hidden: widths of the hidden layers behind the memory.
        actions: number of actions.
        style: the activation of the hidden layers, and the initial weights.
    """

    def __init__(
        self, obs: Space, units: int, hidden: Sequence[int], actions: int, style: Style = STYLE
    ) -> None:
        self.actions = actions
        self._input = input_for(obs)
        self._gru = GRU(self._input.size, units, 1, style=style)
        self._head = Dense((units, *hidden, actions), rectify=False, style=style)
        super().__init__(style, input=self._input, memory=self._gru, head=self._head)

    def remember(self, pieces: Pieces, obs: Tensor, memory: Tensor, first: Tensor) -> Tensor:
        """Return the memories ``[seed, sequence * time, unit]`` after each observation.

        Args:
            pieces: the parameters.
            obs: sequences of observations ``[seed, sequence * time, ...]``; time is the inner axis.
            memory: the memories ``[seed, sequence, unit]`` before the sequences.
            first: ``[seed, sequence * time]``, where an episode begins, without a memory.
        """
        return self._remember(pieces, obs, memory, first)[0]

    def _remember(
        self, pieces: Pieces, obs: Tensor, memory: Tensor, first: Tensor
    ) -> tuple[Tensor, list[Any]]:
        x, input_saved = self._input.forward(pieces[self.bounds[0]], obs)
        x = x.to(pieces[0].dtype)
        after, gru_saved = self._gru.forward(pieces[self.bounds[1]], x, memory, first)
        return after, [input_saved, gru_saved]

    def values(self, pieces: Pieces, memory: Tensor) -> Tensor:
        """Return values ``[seed, batch, action]`` for the memories after observing."""
        return self._values(pieces, memory)[0]

    def _values(self, pieces: Pieces, memory: Tensor) -> tuple[Tensor, list[Tensor]]:
        out, saved = self._head.forward(pieces[self.bounds[2]], memory.to(pieces[0].dtype))
        return out[..., : self.actions].float(), saved

    def forward(
        self, pieces: Pieces, obs: Tensor, memory: Tensor, first: Tensor
    ) -> tuple[Tensor, Tensor, list[Any]]:
        """Return the values and the memories of `remember`, and what `backward` needs."""
        after, saved = self._remember(pieces, obs, memory, first)
        values, head_saved = self._values(pieces, after)
        return values, after, [*saved, head_saved]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters, through time, ``into`` pieces of the same shapes.

        ``grad`` is the gradient of the values that `forward` returned. The memories before the
        sequences have none.
        """
        input_saved, gru_saved, head_saved = saved
        front, memory, head = self.bounds
        grad = padded(grad, self._head.width).to(pieces[0].dtype)
        below = self._head.backward(pieces[head], head_saved, grad, into[head], True).float()
        to_input = bool(self._input.shapes)
        below = self._gru.backward(pieces[memory], gru_saved, below, into[memory], to_input)
        if to_input:
            self._input.backward(pieces[front], input_saved, below, into[front])
