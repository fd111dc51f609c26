"""The matrix products of dense layers, computed by torch or by numpy on the same memory.

Which is faster depends on the machine. torch's products, and its tanh, are those of Intel's MKL,
which on processors of other makers does not use all of their vector units; numpy's are not. The two
round differently: a run uses one of them throughout, for acting and for learning.

All tensors are ``[seed, ...]``, and a seed alone gets what it gets in a stack: how a product is
computed depends on widths and the size of the batch, never on the number of seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

Engine: TypeAlias = Literal["torch", "numpy"]

NARROW = 8  # the largest padded width for which torch's transposed products are faster
BATCH = 128  # the smallest batch for which they are


class Products(Protocol):
    """The three products of a dense layer, and the tanh of its output.

    ``x`` is ``[seed, batch, in]``, ``weight [seed, in, out]`` and ``bias [seed, 1, out]``; ``grad``
    is the gradient of the layer's output, ``[seed, batch, out]``.
    """

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return ``x @ weight + bias`` as a new tensor ``[seed, batch, out]``."""
        ...

    def weight_gradient(self, x: Tensor, grad: Tensor, into: Tensor) -> None:
        """Write the transpose of ``x`` times ``grad`` into a piece ``[seed, in, out]``."""
        ...

    def times_transposed(self, grad: Tensor, weight: Tensor) -> Tensor:
        """Return ``grad`` times the transpose of ``weight``, ``[seed, batch, in]``."""
        ...

    def tanh_(self, x: Tensor) -> Tensor:
        """Return the hyperbolic tangent, which overwrites ``x``."""
        ...


class TorchProducts:
    """The products of torch, on every device and in every precision.

    With a narrow output MKL's kernels for ``x @ weight`` and for the weight's gradient take several
    times as long as those for the transposed products.
    """

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if weight.shape[2] <= NARROW and _is_faster_transposed(x):
            return (torch.bmm(weight.mT, x.mT).mT + bias).contiguous()
        return torch.baddbmm(bias, x, weight)

    def weight_gradient(self, x: Tensor, grad: Tensor, into: Tensor) -> None:
        if grad.shape[2] <= NARROW and _is_faster_transposed(x):
            into.copy_(torch.bmm(grad.mT, x).mT)
        else:
            into.copy_(torch.bmm(x.mT, grad))

    def times_transposed(self, grad: Tensor, weight: Tensor) -> Tensor:
        if grad.dtype == torch.float32:
            return torch.bmm(grad, weight.mT)
        # a bfloat16 product copies a transposed operand: transpose the smaller one
        return torch.bmm(weight, grad.mT).mT.contiguous()

    def tanh_(self, x: Tensor) -> Tensor:
        return torch.tanh_(x)


class NumpyProducts:
    """The products of numpy, for float32 on the CPU.

    numpy warns of results that are not finite. Their callers check the loss: they call within
    `unchecked`.
    """

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.from_numpy(np.matmul(x.numpy(), weight.numpy())).add_(bias)

    def weight_gradient(self, x: Tensor, grad: Tensor, into: Tensor) -> None:
        np.matmul(x.numpy().swapaxes(1, 2), grad.numpy(), out=into.numpy())

    def times_transposed(self, grad: Tensor, weight: Tensor) -> Tensor:
        return torch.from_numpy(np.matmul(grad.numpy(), weight.numpy().swapaxes(1, 2)))

    def tanh_(self, x: Tensor) -> Tensor:
        np.tanh(array := x.numpy(), out=array)
        return x


def unchecked() -> np.errstate:
    """Return a context in which numpy does not warn of numbers that are not finite."""
    return np.errstate(over="ignore", invalid="ignore")


TORCH: Products = TorchProducts()
PRODUCTS: dict[Engine, Products] = {"torch": TORCH, "numpy": NumpyProducts()}


def fastest() -> Engine:
    """Return which products are faster on this machine; by its processor, not by a measurement.

    So every run on a machine gets the same numbers.
    """
    has_mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    return "numpy" if has_mkl and _maker() == "AuthenticAMD" else "torch"


def _maker() -> str:
    """Return the maker of this machine's processor, as it names itself; "" if unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        import platform  # asks other programs on some systems

        return platform.processor().rpartition(" ")[2]
    return next((line.split()[-1] for line in lines if line.startswith("vendor_id")), "")


def _is_faster_transposed(x: Tensor) -> bool:
    return x.shape[1] >= BATCH and x.dtype == torch.float32 and x.device.type == "cpu"


def sum_over_batch(grad: Tensor, into: Tensor) -> None:
    """Write the sum of ``grad [seed, batch, width]`` into a piece ``[seed, 1, width]``."""
    into.copy_(grad.sum(1, keepdim=True, dtype=into.dtype))  # out= does not compile
