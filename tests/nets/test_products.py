"""The products of dense layers, whichever orientation computes them."""

from __future__ import annotations

import random

import pytest
import torch

from rlrun.nets.parameters import up
from rlrun.nets.products import BATCH, NARROW, is_narrow, narrow_affine, weight_gradient


def random_case(draw: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Observations, weight, bias and the output's gradient of a narrow layer, of 2 to 7 seeds."""
    rng, generator = random.Random(draw), torch.Generator().manual_seed(draw)
    seeds, size = rng.choice([2, 3, 7]), rng.choice([BATCH, BATCH + 1, BATCH + 5, 2 * BATCH])
    inputs, width = 4 * rng.randint(1, 80), up(rng.randint(1, NARROW), 4)
    shapes = (seeds, size, inputs), (seeds, inputs, width), (seeds, 1, width), (seeds, size, width)
    x, weight, bias, grad = (torch.randn(*shape, generator=generator) for shape in shapes)
    return x, weight, bias, grad


@pytest.mark.parametrize("draw", range(40))
def test_transposed_products_are_the_same_product_in_every_stack(draw: int) -> None:
    x, weight, bias, grad = random_case(draw)
    out, into = narrow_affine(x, weight, bias), torch.empty_like(weight)
    weight_gradient(x, grad, into, narrow=True)
    assert out.is_contiguous()
    assert torch.allclose(out, x @ weight + bias, atol=1e-3, rtol=1e-5)
    assert torch.allclose(into, x.mT @ grad, atol=1e-3, rtol=1e-5)
    for row in range(len(x)):
        one = [each[row : row + 1].clone() for each in (x, weight, bias, grad)]
        alone = torch.empty_like(one[1])
        weight_gradient(one[0], one[3], alone, narrow=True)
        assert torch.equal(narrow_affine(*one[:3])[0], out[row])
        assert torch.equal(alone[0], into[row])


def test_small_batches_and_other_types_are_not_transposed(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[torch.Tensor] = []
    baddbmm = torch.baddbmm

    def count(*args: torch.Tensor) -> torch.Tensor:
        used.append(args[0])
        return baddbmm(*args)

    monkeypatch.setattr(torch, "baddbmm", count)
    x, weight, bias, _ = random_case(0)
    narrow_affine(x, weight, bias)
    assert not used
    narrow_affine(x[:, : BATCH - 1], weight, bias)
    narrow_affine(x.bfloat16(), weight.bfloat16(), bias.bfloat16())
    assert len(used) == 2
    assert [is_narrow(width) for width in (1, 4, 8, 9)] == [True, True, True, False]
