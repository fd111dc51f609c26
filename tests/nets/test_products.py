"""The products of dense layers, by torch in both orientations and by numpy."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
import torch

from rlrun.nets import products as module
from rlrun.nets.device import Device, DeviceSettings
from rlrun.nets.parameters import Parameters, up
from rlrun.nets.products import BATCH, NARROW, PRODUCTS, TORCH, Engine, fastest

ENGINES: tuple[Engine, ...] = ("torch", "numpy")


def random_case(draw: int, most: int) -> list[torch.Tensor]:
    """Observations, weight, bias and the output's gradient of a layer, of 2 to 7 seeds.

    The weight is a piece of a larger buffer, as in networks. The batch is of one observation, or
    of one of the sizes around `BATCH`.
    """
    rng, generator = random.Random(draw), torch.Generator().manual_seed(draw)
    seeds, size = rng.choice([2, 3, 7]), rng.choice([1, BATCH, BATCH + 1, BATCH + 5, 2 * BATCH])
    inputs, width = 4 * rng.randint(1, 80), up(rng.randint(1, most), 4)
    params = Parameters.zeros(seeds, [(4, 8), (inputs, width), (1, width)], torch.device("cpu"))
    params.flat.copy_(torch.randn(params.flat.shape, generator=generator))
    x, grad = (torch.randn(seeds, size, n, generator=generator) for n in (inputs, width))
    return [x, *params.pieces[1:], grad]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("most", [NARROW, 130])
@pytest.mark.parametrize("draw", range(20))
def test_products_are_the_same_in_every_stack(draw: int, most: int, engine: Engine) -> None:
    products = PRODUCTS[engine]
    x, weight, bias, grad = random_case(draw, most)
    into = Parameters.zeros(len(x), [weight.shape[1:]], torch.device("cpu")).pieces[0]  # type: ignore[list-item]
    out, below = products.affine(x, weight, bias), products.times_transposed(grad, weight)
    products.weight_gradient(x, grad, into)
    assert out.is_contiguous()
    assert below.is_contiguous()
    assert torch.allclose(out, x @ weight + bias, atol=1e-3, rtol=1e-5)
    assert torch.allclose(into, x.mT @ grad, atol=1e-3, rtol=1e-5)
    assert torch.allclose(below, grad @ weight.mT, atol=1e-3, rtol=1e-5)
    for row in range(len(x)):
        one = [each[row : row + 1].clone() for each in (x, weight, bias, grad)]
        alone = torch.empty_like(one[1])
        products.weight_gradient(one[0], one[3], alone)
        assert torch.equal(products.affine(*one[:3])[0], out[row])
        assert torch.equal(products.times_transposed(one[3], one[1])[0], below[row])
        assert torch.equal(alone[0], into[row])


def test_small_batches_and_other_types_are_not_transposed(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[torch.Tensor] = []
    baddbmm = torch.baddbmm

    def count(*args: torch.Tensor) -> torch.Tensor:
        used.append(args[0])
        return baddbmm(*args)

    monkeypatch.setattr(torch, "baddbmm", count)
    generator = torch.Generator().manual_seed(0)
    shapes = (2, BATCH, 12), (2, 12, NARROW), (2, 1, NARROW)
    x, weight, bias = (torch.randn(*shape, generator=generator) for shape in shapes)
    TORCH.affine(x, weight, bias)
    assert not used
    TORCH.affine(x[:, : BATCH - 1], weight, bias)
    TORCH.affine(x.bfloat16(), weight.bfloat16(), bias.bfloat16())
    wide = torch.zeros(2, 12, NARROW + 4), torch.zeros(2, 1, NARROW + 4)
    TORCH.affine(x, *wide)
    assert len(used) == 3


@pytest.mark.parametrize(
    ("maker", "mkl", "wanted"),
    [
        ("AuthenticAMD", True, "numpy"),
        ("AuthenticAMD", False, "torch"),
        ("GenuineIntel", True, "torch"),
        ("", True, "torch"),
    ],
)
def test_numpy_is_chosen_where_mkl_meets_a_processor_of_amd(
    maker: str, mkl: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: mkl)
    assert fastest() == wanted
    assert DeviceSettings(products="auto").engine == wanted
    assert DeviceSettings(products="torch").engine == "torch"
    for others in ({"precision": "bfloat16"}, {"compile": True}):
        assert DeviceSettings(products="auto", **others).engine == "torch"


def test_auto_is_not_clearly_slower_on_this_machine() -> None:
    """Where one of the two takes less than two thirds of the other's time, it is chosen."""
    shapes = (10, 128, 120), (10, 120, 84), (10, 1, 84)
    arguments = [torch.ones(*shape) for shape in shapes]
    DeviceSettings(products="numpy").prepare()

    def seconds(function: Callable[..., object]) -> float:
        start = time.process_time()
        for _ in range(20):
            function(*arguments)
        return time.process_time() - start

    times = {engine: min(seconds(PRODUCTS[engine].affine) for _ in range(10)) for engine in ENGINES}
    best = min(times, key=times.__getitem__)
    assert times[fastest()] < 1.5 * times[best], times


def test_the_products_in_use_are_those_of_the_settings() -> None:
    for engine in ENGINES:
        assert Device(DeviceSettings(products=engine)).products is PRODUCTS[engine]


@pytest.mark.parametrize("others", [{"precision": "bfloat16"}, {"compile": True}])
def test_numpy_alone_is_refused_where_it_cannot_multiply(others: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="products=numpy needs the CPU"):
        DeviceSettings(products="numpy", **others)  # type: ignore[arg-type]
