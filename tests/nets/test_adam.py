"""The optimizer of stacks beside torch's own, and row against row."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.adam import adam

from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, cut
from tests.support.nets import CPU
from tests.support.work import calls


def test_adam_and_clipping_are_those_of_torch_for_each_seed() -> None:
    shapes = [(4, 4), (1, 4)]
    params = Parameters.zeros(2, shapes, CPU)
    twins = [torch.zeros(20, requires_grad=True) for _ in range(2)]
    ours = Optimizer(params, Method(max_grad_norm=1.0, epsilon=1e-3))
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
    together, apart = (
        Optimizer(stack, Method(max_grad_norm=1.0)),
        [Optimizer(params, Method(max_grad_norm=1.0)) for params in alone],
    )
    generator = torch.Generator().manual_seed(0)
    for step, frozen in enumerate([(), {1}, {0, 1}, {0, 1, 2}, {2}, ()]):
        slope = torch.randn(stack.flat.shape, generator=generator)
        slope[list(frozen)] = torch.nan
        for k in set(range(3)) - set(frozen):
            apart[k].step(slope[k : k + 1].clone(), 0.1)
        together.step(slope, 0.1, frozen)
        if step == 3:
            again = Optimizer(stack, Method(max_grad_norm=1.0))
            again.load_state_dict(together.state_dict())
            together = again
        for k in range(3):
            assert torch.equal(stack.flat[k], alone[k].flat[0])


def test_rows_are_bit_for_bit_those_of_the_fused_adam_of_torch_alone() -> None:
    """While all rows move, while some are frozen, and after that, with uneven counts of steps."""
    params = Parameters.zeros(4, [(8, 16), (1, 16)], CPU)
    twins = [[torch.zeros(params.flat.shape[1]) for _ in range(3)] for _ in range(4)]
    steps = [torch.zeros(()) for _ in range(4)]
    ours, generator = Optimizer(params, Method()), torch.Generator().manual_seed(0)
    for step, frozen in enumerate([(), (), {2}, {0, 2}, (), {3}, (), ()]):
        gradient = torch.randn(params.flat.shape, generator=generator)
        for row in {0, 1, 2, 3} - set(frozen):
            flat, mean, square = twins[row]
            adam(
                [flat],
                [gradient[row].clone()],
                [mean],
                [square],
                [],
                [steps[row]],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=0.1 / (1 + step),
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )
        gradient[list(frozen)] = torch.nan
        ours.step(gradient, 0.1 / (1 + step), frozen)
        state = ours.state_dict()
        assert state["steps"].tolist() == [float(each) for each in steps]
        for row, twin in enumerate(twins):
            found = (params.flat[row], state["mean"][row], state["square"][row])
            assert all(map(torch.equal, found, twin)), (step, row)


def test_uneven_rows_are_one_call_however_many_they_are() -> None:
    """One seed that sat a step out must not make every later step of the stack slower."""
    counts = []
    for seeds in (3, 30):
        params = Parameters.zeros(seeds, [(4, 4)], CPU)
        optimizer, gradient = (
            Optimizer(params, Method(max_grad_norm=1.0)),
            torch.ones_like(params.flat),
        )
        even = calls(lambda: optimizer.step(gradient, 0.1))  # noqa: B023
        optimizer.step(gradient, 0.1, {0})
        uneven = calls(lambda: optimizer.step(gradient, 0.1))  # noqa: B023
        counts.append((even, uneven))
    assert counts[0] == counts[1]
    assert counts[0][1] <= counts[0][0]
