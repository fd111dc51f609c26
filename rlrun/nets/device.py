"""Where networks compute: the device, its threads, and the one way a batch gets there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, cast

import torch
from torch import Tensor

from rlrun.core.types import Array, Batch

Function = TypeVar("Function", bound=Callable[..., object])
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16"]


class Device:
    """A torch device and how it is used.

    Args:
        name: ``auto`` takes CUDA where there is one, else the CPU (small networks are slower on
            Apple's ``mps``, so that one is only taken when named).
        threads: CPU threads of torch. 1 is fastest for small networks, and two runs on one
            machine slow each other down several times with more.
        compile: use ``torch.compile`` for the update: a minute or two at the start, then faster.
        deterministic: ask torch for deterministic kernels only.
        precision: of the products of an update. ``bfloat16`` has 8 bits instead of 24: faster where
            the processor knows it and networks are large, and other results. Weights, acting and
            evaluations stay float32.

    Raises:
        ValueError: the device is not there, or ``threads`` is not positive.
    """

    def __init__(
        self,
        *,
        name: DeviceName,
        threads: int,
        compile: bool,
        deterministic: bool,
        precision: Precision,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.torch = torch.device(_present(name))
        self._is_host = self.torch.type == "cpu"
        self.threads = threads
        self._compile = compile
        self._deterministic = deterministic
        self._precision = getattr(torch, precision)

    def prepare(self) -> None:
        """Set torch up for this process; once, before anything is computed."""
        torch.set_num_threads(self.threads)
        if self._deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(self._deterministic)

    def compiled(self, function: Function) -> Function:
        """``function``, compiled where that was asked for."""
        return cast("Function", torch.compile(function)) if self._compile else function

    def cast_for_update(self, pieces: Sequence[Tensor]) -> Sequence[Tensor]:
        """Parameters in the precision of an update; themselves where that is theirs."""
        if self._precision is torch.float32:
            return pieces
        return [piece.to(self._precision) for piece in pieces]

    def tensor(self, array: Array) -> Tensor:
        """The array as a tensor there; on the CPU without a copy."""
        tensor = torch.from_numpy(array)
        return tensor if self._is_host else tensor.to(self.torch)

    def array(self, tensor: Tensor) -> Array:
        """The tensor as an array here; from the CPU without a copy."""
        array: Array = tensor.numpy() if self._is_host else tensor.numpy(force=True)
        return array

    def batch(self, batch: Batch) -> Batch:
        """The batch with each array as a tensor there."""
        return Batch(*(None if array is None else self.tensor(array) for array in batch))


def _present(name: DeviceName) -> str:
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        present = ", ".join(each for each, is_there in there.items() if is_there)
        raise ValueError(f"name must be a device of this machine ({present}), got {name}")
    return name
