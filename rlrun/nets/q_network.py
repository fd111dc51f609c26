"""The network of action values: plain or dueling, of numbers or of pixels, values or atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.encoders import input_for
from rlrun.nets.parameters import Pieces, padded


class ValueNet(Parts):
    """A value, or several atoms of one, for each action.

    Observations, then the hidden layers but the last one, are shared by the heads; a head is the
    last hidden layer and the output. A plain network has one head. A dueling one (Wang et al.
    2016, eq. 9) has one for the state's value V and one for the actions' advantages A, and gives
    V + A - mean(A).

    Args:
        obs: what goes in.
        hidden: widths of the hidden layers, all positive; images and grids go through
            convolutions first.
        actions: how many.
        dueling: two heads instead of one.
        atoms: outputs for each action.
    """

    def __init__(
        self,
        obs: Space,
        hidden: Sequence[int],
        actions: int,
        *,
        dueling: bool = False,
        atoms: int = 1,
    ) -> None:
        self._shape = (actions, atoms) if atoms > 1 else (actions,)
        self._atoms, self._dueling = atoms, dueling
        self._input = input_for(obs)
        self._trunk = Dense((self._input.size, *hidden[:-1]), rectify=True)
        outputs = (actions * atoms, atoms) if dueling else (actions * atoms,)
        entry = self._trunk.sizes[-1]
        self._heads = [Dense((entry, *hidden[-1:], out), rectify=False) for out in outputs]
        names = ("head", "value_head")
        heads = dict(zip(names, self._heads, strict=False))
        super().__init__(input=self._input, shared=self._trunk, **heads)
        self.first_of_heads = self.bounds[2].start
        """The first piece of the heads, whose layers can be noisy."""

    @property
    def heads(self) -> list[Dense]:
        """The advantages' or the values' head, and that of the state's value, if there is one."""
        return self._heads

    def infer(self, pieces: Pieces, obs: Tensor) -> Tensor:
        """``[seed, batch, action]``, or ``[seed, batch, action, atom]`` where there are several.

        ``obs`` is ``[seed, batch, ...]``. Computed in the type of the pieces, given as float32.
        """
        return self.forward(pieces, obs)[0]

    def forward(self, pieces: Pieces, obs: Tensor) -> tuple[Tensor, list[Any]]:
        """The same, and what `backward` needs."""
        x, seen = self._input.forward(pieces[self.bounds[0]], obs)
        x, shared = self._trunk.forward(pieces[self.bounds[1]], x.to(pieces[0].dtype))
        saved: list[Any] = [seen, shared]
        outs = []
        for head, bounds in zip(self._heads, self.bounds[2:], strict=True):
            out, kept = head.forward(pieces[bounds], x)
            saved.append(kept)
            outs.append(out[..., : head.sizes[-1]].float())
        return self._combined(outs), saved

    def _combined(self, outs: Sequence[Tensor]) -> Tensor:
        values = outs[0].view(*outs[0].shape[:-1], *self._shape) if self._atoms > 1 else outs[0]
        if not self._dueling:
            return values
        axis = 2  # of the actions
        advantage = values - values.mean(axis, keepdim=True)
        return advantage + (outs[1].unsqueeze(axis) if self._atoms > 1 else outs[1])

    def _divided(self, grad: Tensor) -> list[Tensor]:
        """The gradients of the heads' outputs, from that of what `_combined` makes of them."""
        if not self._dueling:
            return [grad.flatten(2)]
        total = grad.sum(2, keepdim=True)
        advantage = grad - total / grad.shape[2]
        return [advantage.flatten(2), total.flatten(2)]

    def backward(self, pieces: Pieces, saved: list[Any], grad: Tensor, into: Pieces) -> None:
        """Write the gradients of the parameters ``into`` pieces like these.

        Args:
            saved: from `forward`, with the same pieces.
            grad: of the values, as `forward` gives them.
        """
        seen, shared, *kept = saved
        wanted = bool(self._trunk.shapes or self._input.shapes)
        below: Tensor | None = None
        for head, bounds, each, part in zip(
            self._heads, self.bounds[2:], kept, self._divided(grad), strict=True
        ):
            whole = padded(part, head.width).to(pieces[0].dtype)
            out = head.backward(pieces[bounds], each, whole, into[bounds], wanted)
            if wanted:
                below = out if below is None else below + out
        if below is not None:
            trunk, front = self.bounds[1], self.bounds[0]
            more = bool(self._input.shapes)
            below = self._trunk.backward(pieces[trunk], shared, below, into[trunk], more)
            self._input.backward(pieces[front], seen, below, into[front])
