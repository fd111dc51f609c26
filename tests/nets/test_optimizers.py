"""Every optimizer beside torch's own, and row against row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from tests.support.nets import CPU

SHAPES = [(8, 16), (1, 16)]
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


def parameters(seeds: int) -> Parameters:
    generator = torch.Generator().manual_seed(7)
    params = Parameters.zeros(seeds, SHAPES, CPU)
    params.flat.copy_(torch.randn(3, params.flat.shape[1], generator=generator)[:seeds])
    return params


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


ROWS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "decay": {"weight_decay": np.array([0.0, 0.1, 0.4])},
    "clipping": {
        "max_grad_value": np.array([0.3, 1.0, 9.0]),
        "max_grad_norm": np.array([0.5, 2.0, 3.0]),
    },
}


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "sgd", "rmsprop"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("lr", [0.1, np.array([0.1, 0.03, 0.2])])
def test_a_row_is_bit_for_bit_what_it_is_alone(name: Any, rows: str, lr: Any) -> None:
    """With other numbers, steps left out, gradients that are not finite, and resumed."""
    numbers = {"amsgrad": name == "adamw", **ROWS[rows]}
    stack, alone = parameters(3), [parameters(3) for _ in range(3)]
    for k, each in enumerate(alone):
        alone[k] = Parameters(each.flat[k : k + 1].clone(), SHAPES)
    together = Optimizer(stack, Method(name, **numbers))
    apart = [
        Optimizer(
            params,
            Method(
                name, **{n: v[k] if isinstance(v, np.ndarray) else v for n, v in numbers.items()}
            ),
        )
        for k, params in enumerate(alone)
    ]
    generator = torch.Generator().manual_seed(0)
    for step, frozen in enumerate([{0}, (), {1}, {0, 1}, {0, 1, 2}, {2}, ()]):
        gradient = torch.randn(stack.flat.shape, generator=generator)
        gradient[list(frozen)] = torch.nan
        for k in set(range(3)) - set(frozen):
            own = float(lr[k]) if isinstance(lr, np.ndarray) else lr
            apart[k].step(gradient[k : k + 1].clone(), own)
        together.step(gradient, lr, frozen)
        if step == 3:
            again = Optimizer(stack, Method(name, **numbers))
            again.load_state_dict(together.state_dict())
            together = again
        for k in range(3):
            assert torch.equal(stack.flat[k], alone[k].flat[0]), (step, k)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_running_statistics_are_not_decayed(name: Any) -> None:
    params = parameters(2)
    params.pieces[0].fill_(2.0)
    params.pieces[1].fill_(3.0)
    optimizer = Optimizer(params, Method(name, weight_decay=0.5), statistics=[1])
    optimizer.step(torch.zeros_like(params.flat), 0.1)
    assert (params.pieces[1] == 3.0).all()
    assert (params.pieces[0] < 2.0).all()
