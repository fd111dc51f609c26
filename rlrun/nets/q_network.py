"""The network of action values: plain or dueling, from vectors or pixels, values or atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.encoders import input_for
from rlrun.nets.parameters import Pieces, padded
from rlrun.nets.style import STYLE, Style


class ValueNet(Parts):
    """A network with one value, or the atoms of a value distribution, for each action.

    The heads share the encoder and all hidden layers but the last; a head is the last hidden layer
    and the output. A plain network has one head. A dueling one (Wang et al. 2016, eq. 9) has one
    for the state's value V and one for the actions' advantages A, and returns V + A - mean(A).

    Args:
        obs: the observation space; images and grids go through convolutions first.
        hidden: widths of the hidden layers, all positive.
        actions: number of actions.
        dueling: two heads instead of one.
        atoms: outputs per action.
        style: the activation of the hidden layers, and the initial weights.
    """

    def __init__(
        self,
        obs: Space,
        hidden: Sequence[int],
        actions: int,
        *,
        dueling: bool = False,
        atoms: int = 1,
        style: Style = STYLE,
    ) -> None:
        self._shape = (actions, atoms) if atoms > 1 else (actions,)
        self._atoms, self._dueling = atoms, dueling
        self._input = input_for(obs)
        self._trunk = Dense((self._input.size, *hidden[:-1]), rectify=True, style=style)
        outputs = (actions * atoms, atoms) if dueling else (actions * atoms,)
        entry = self._trunk.sizes[-1]
        self._heads = [
            Dense((entry, *hidden[-1:], out), rectify=False, style=style) for out in outputs
        ]
        names = ("head", "value_head")
        heads = dict(zip(names, self._heads, strict=False))
        super().__init__(style, input=self._input, shared=self._trunk, **heads)
        self.first_of_heads = self.bounds[2].start
        """Index of the heads' first piece; the heads' layers can be noisy."""

    @property
    def heads(self) -> list[Dense]:
        """The head of the action values or advantages, then that of the state's value, if any."""
        return self._heads

    @property
    def chain(self) -> list[tuple[Dense, slice]]:
        """The network as layers; empty if there is more to it."""
        if self._dueling or self._atoms > 1 or not self._input.is_identity:
            return []
        return [(self._trunk, self.bounds[1]), (self._heads[0], self.bounds[2])]

    def infer(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """Return ``[seed, batch, action]``, or with several atoms ``[seed, batch, action, atom]``.

        ``obs`` is ``[seed, batch, ...]``. The result is float32, computed in the dtype of the
        pieces.
        """
        return self.forward(pieces, obs)[0]

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the values as `infer` does, and what `backward` needs."""
        x, input_saved = self._input.forward(pieces[self.bounds[0]], obs)
        x, trunk_saved = self._trunk.forward(pieces[self.bounds[1]], x.to(pieces[0].dtype))
        saved: list[Any] = [input_saved, trunk_saved]
        outs = []
        for head, bounds in zip(self._heads, self.bounds[2:], strict=True):
            out, head_saved = head.forward(pieces[bounds], x)
            saved.append(head_saved)
            outs.append(out[..., : head.sizes[-1]].float())
        return self._combine(outs), saved

    def _combine(self, outs: Sequence[Tensor]) -> Tensor:
        values = outs[0].view(*outs[0].shape[:-1], *self._shape) if self._atoms > 1 else outs[0]
        if not self._dueling:
            return values
        axis = 2  # of the actions
        advantage = values - values.mean(axis, keepdim=True)
        return advantage + (outs[1].unsqueeze(axis) if self._atoms > 1 else outs[1])

    def _head_gradients(self, grad: Tensor) -> list[Tensor]:
        """Return the gradients of the heads' outputs, given that of `_combine`'s result."""
        if not self._dueling:
            return [grad.flatten(2)]
        total = grad.sum(2, keepdim=True)
        advantage = grad - total / grad.shape[2]
        return [advantage.flatten(2), total.flatten(2)]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters ``into`` pieces of the same shapes.

        Args:
            saved: from `forward`, with the same pieces.
            grad: gradient of the values that `forward` returned.
        """
        input_saved, trunk_saved, *heads_saved = saved
        to_trunk = bool(self._trunk.shapes or self._input.shapes)
        below: Tensor | None = None
        for head, bounds, head_saved, part in zip(
            self._heads, self.bounds[2:], heads_saved, self._head_gradients(grad), strict=True
        ):
            part = padded(part, head.width).to(pieces[0].dtype)
            out = head.backward(pieces[bounds], head_saved, part, into[bounds], to_trunk)
            if to_trunk:
                below = out if below is None else below + out
        if below is not None:
            trunk, front = self.bounds[1], self.bounds[0]
            to_input = bool(self._input.shapes)
            below = self._trunk.backward(pieces[trunk], trunk_saved, below, into[trunk], to_input)
            self._input.backward(pieces[front], input_saved, below, into[front])
