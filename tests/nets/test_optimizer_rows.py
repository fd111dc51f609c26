"""Every optimizer, row against row: each is, bit for bit, what it is alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.adam import adam

from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from tests.support.nets import CPU, SHAPES, parameters
from tests.support.work import calls

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
