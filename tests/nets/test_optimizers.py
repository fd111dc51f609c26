"""Every optimizer beside torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, cut
from tests.support.nets import CPU, parameters

Theirs = Callable[[list[Tensor]], torch.optim.Optimizer]
CASES: dict[str, tuple[Method, Theirs]] = {
    "adam": (Method("adam"), lambda p: torch.optim.Adam(p)),
    "amsgrad": (Method("adam", amsgrad=True), lambda p: torch.optim.Adam(p, amsgrad=True)),
    "adam, decay": (Method(weight_decay=0.3), lambda p: torch.optim.Adam(p, weight_decay=0.3)),
    "adamw": (
        Method("adamw", weight_decay=0.3, amsgrad=True),
        lambda p: torch.optim.AdamW(p, weight_decay=0.3, amsgrad=True),
    ),
    "nadam": (Method("nadam", epsilon=1e-5), lambda p: torch.optim.NAdam(p, eps=1e-5)),
    "nadam, decay": (
        Method("nadam", weight_decay=0.3),
        lambda p: torch.optim.NAdam(p, weight_decay=0.3),
    ),
    "sgd": (Method("sgd", weight_decay=0.3), lambda p: torch.optim.SGD(p, weight_decay=0.3)),
    "rmsprop": (
        Method("rmsprop", epsilon=1e-4, weight_decay=0.1),
        lambda p: torch.optim.RMSprop(p, eps=1e-4, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_step_is_that_of_torch(case: str) -> None:
    method, theirs = CASES[case]
    params = parameters(2)
    twins = [row.clone().requires_grad_() for row in params.flat]
    optimizers = [theirs([twin]) for twin in twins]
    ours, generator = Optimizer(params, method), torch.Generator().manual_seed(0)
    for step in range(30):
        gradient = torch.randn(params.flat.shape, generator=generator)
        for row, (twin, optimizer) in enumerate(zip(twins, optimizers, strict=True)):
            twin.grad = gradient[row].clone()
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            optimizer.step()
        ours.step(gradient, 0.01 / (1 + step))
        assert torch.allclose(params.flat, torch.stack(twins), atol=1e-6, rtol=1e-6)


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


def test_gradients_are_clipped_by_value_and_then_by_norm() -> None:
    params = parameters(2)
    twins = [row.clone().requires_grad_() for row in params.flat]
    ours = Optimizer(params, Method("sgd", max_grad_value=0.5, max_grad_norm=1.0))
    gradient = torch.randn(params.flat.shape, generator=torch.Generator().manual_seed(1))
    for row, twin in enumerate(twins):
        twin.grad = gradient[row].clone()
        nn.utils.clip_grad_value_(twin, 0.5)
        nn.utils.clip_grad_norm_(twin, 1.0)
        torch.optim.SGD([twin], lr=0.1).step()
    ours.step(gradient, 0.1)
    assert torch.allclose(params.flat, torch.stack(twins), atol=1e-6)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_running_statistics_are_not_decayed(name: Any) -> None:
    params = parameters(2)
    params.pieces[0].fill_(2.0)
    params.pieces[1].fill_(3.0)
    optimizer = Optimizer(params, Method(name, weight_decay=0.5), statistics=[1])
    optimizer.step(torch.zeros_like(params.flat), 0.1)
    assert (params.pieces[1] == 3.0).all()
    assert (params.pieces[0] < 2.0).all()
