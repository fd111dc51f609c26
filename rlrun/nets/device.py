"""The compute device of networks: its threads, and the transfer of batches to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from rlrun.core.fields import Count
from rlrun.core.memory import keep_freed
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Batch
from rlrun.nets.products import PRODUCTS, Engine, fastest, unchecked

Function = TypeVar("Function", bound=Callable[..., object])
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """The settings of the device and of torch."""

    name: DeviceName = "auto"
    """The device: auto is CUDA if there is a GPU, else the CPU.

    Small networks are slower on Apple's ``mps``, which is only used when it is named.
    """
    threads: Count = 1
    """Threads of matrix products; small networks are fastest with one.

    With more, two runs on one machine slow each other down several times.
    """
    compile: bool = False
    """Compile the update with torch.compile.

    That takes a minute or two at the start.
    """
    deterministic: bool = False
    """Refuse operations that are not reproducible."""
    precision: Precision = "float32"
    """float32 or bfloat16: precision of the matrix products of an update.

    ``bfloat16`` has 8 significant bits instead of 24: it is faster if the processor supports it and
    the networks are large, and gives other results. Weights, acting and evaluations stay float32.
    """

    products: Engine | Literal["auto"] = "torch"
    """What multiplies matrices: auto (the faster one on this machine), torch or numpy.

    ``numpy`` needs the CPU, float32 and ``compile=false``; it is faster on AMD's processors. The
    two round differently: a run keeps the one that it began with.
    """

    def __post_init__(self) -> None:
        _present(self.name)
        if self.products == "numpy" and not self._suits_numpy:
            raise ValueError(
                "products=numpy needs the CPU, precision=float32 and compile=false: write "
                "products=auto"
            )

    @property
    def _suits_numpy(self) -> bool:
        return _present(self.name) == "cpu" and self.precision == "float32" and not self.compile

    @property
    def engine(self) -> Engine:
        """What multiplies matrices."""
        if self.products != "auto":
            return self.products
        return fastest() if self._suits_numpy else "torch"

    def prepare(self) -> None:
        """Configure torch for this process. Call once, before any computation."""
        keep_freed()
        torch.set_num_threads(self.threads)
        if self.engine == "numpy":
            threadpool_limits(self.threads, "blas")
        if self.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        if self.deterministic != torch.are_deterministic_algorithms_enabled():
            torch.use_deterministic_algorithms(self.deterministic)  # its imports take a second


class Device:
    """A torch device and how it is used."""

    def __init__(self, settings: DeviceSettings) -> None:
        self.torch = torch.device(_present(settings.name))
        self._is_host, self._is_cuda = self.torch.type == "cpu", self.torch.type == "cuda"
        self._compile = settings.compile
        self._precision = getattr(torch, settings.precision)
        self.engine = settings.engine
        self.products = PRODUCTS[self.engine]

    def differentiator(self, function: Function) -> Function:
        """Return a function that computes gradients without autograd, whose bookkeeping it saves.

        It is compiled if the settings ask for that.
        """
        if self._compile:
            return cast("Function", torch.compile(function))
        return torch.inference_mode()(unchecked()(function))

    def cast_for_update(self, pieces: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return parameters in the precision of updates; the same objects if that is float32."""
        if self._precision is torch.float32:
            return pieces
        return [piece.to(self._precision) for piece in pieces]

    def number(
        self, value: Number, axes: int, dtype: torch.dtype = torch.float32
    ) -> float | Tensor:
        """Return a number unchanged, and an array ``[row]`` as a tensor with so many axes."""
        if not isinstance(value, np.ndarray):
            return value
        return torch.from_numpy(column(value, axes)).to(dtype).to(self.torch)

    def tensor(self, array: Array) -> Tensor:
        """Return the array as a tensor on the device; on the CPU without a copy.

        To CUDA the copy does not wait for what the device still computes: the array is read before
        the call returns, since its memory is pageable (CUDA's API, "synchronization behavior").
        """
        tensor = torch.from_numpy(array)
        return tensor if self._is_host else tensor.to(self.torch, non_blocking=self._is_cuda)

    def array(self, tensor: Tensor) -> Array:
        """Return the tensor as an array on the host; from the CPU without a copy."""
        array: Array = tensor.numpy() if self._is_host else tensor.numpy(force=True)
        return array

    def batch(self, batch: Batch) -> Batch:
        """Return the batch with each array as a tensor on the device."""
        return Batch(*(None if array is None else self.tensor(array) for array in batch))


def _present(name: DeviceName) -> str:
    """Resolve ``auto``; raises ValueError if the named device is not available."""
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available[name]:
        names = ", ".join(each for each, is_available in available.items() if is_available)
        raise ValueError(f"name must be a device of this machine ({names}), got {name}")
    return name
