"""The optimizer of stacks beside torch's own, and row against row."""

from __future__ import annotations

import torch
from torch import nn

from rlrun.nets.adam import Adam
from rlrun.nets.parameters import Parameters, cut
from tests.support.nets import CPU


def test_adam_and_clipping_are_those_of_torch_for_each_seed() -> None:
    shapes = [(4, 4), (1, 4)]
    params = Parameters.zeros(2, shapes, CPU)
    twins = [torch.zeros(20, requires_grad=True) for _ in range(2)]
    ours = Adam(params, 1.0, epsilon=1e-3)
    theirs = [torch.optim.Adam([twin], eps=1e-3) for twin in twins]
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        size = torch.tensor([0.05, 5.0])  # one seed below the norm, one above
        aim = torch.randn(2, 20, generator=generator) * size[:, None]
        lr = 0.1 / (1 + step)
        slope = torch.zeros_like(params.flat)
        for piece, part in zip(cut(slope, shapes), (aim[:, :16], aim[:, 16:]), strict=True):
            piece.copy_(part.view(piece.shape))
        ours.step(slope, lr)
        for row, twin in enumerate(twins):
            twin.grad = aim[row].clone()
            nn.utils.clip_grad_norm_(twin, 1.0)
            theirs[row].param_groups[0]["lr"] = lr
            theirs[row].step()
    flat = torch.cat([piece.flatten(1) for piece in cut(params.flat, shapes)], 1)
    assert torch.allclose(flat, torch.stack(twins), atol=1e-6)


def test_a_row_that_sits_steps_out_is_as_if_alone() -> None:
    """Also in what corrects Adam's bias, which depends on how many steps a row has gone."""
    shapes = [(4, 4), (1, 4)]
    stack = Parameters.zeros(3, shapes, CPU)
    alone = [Parameters.zeros(1, shapes, CPU) for _ in range(3)]
    together, apart = Adam(stack, 1.0), [Adam(params, 1.0) for params in alone]
    generator = torch.Generator().manual_seed(0)
    for step, frozen in enumerate([(), {1}, {0, 1}, {0, 1, 2}, {2}, ()]):
        slope = torch.randn(stack.flat.shape, generator=generator)
        slope[list(frozen)] = torch.nan
        for k in set(range(3)) - set(frozen):
            apart[k].step(slope[k : k + 1].clone(), 0.1)
        together.step(slope, 0.1, frozen)
        if step == 3:
            again = Adam(stack, 1.0)
            again.load_state_dict(together.state_dict())
            together = again
        for k in range(3):
            assert torch.equal(stack.flat[k], alone[k].flat[0])
