"""Where networks compute: the device, its threads, and the one way a batch gets there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

import torch
from torch import Tensor

from rlrun.core.fields import Count
from rlrun.core.types import Array, Batch

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
    """Torch's threads; small networks are fastest with one.

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

    def __post_init__(self) -> None:
        _present(self.name)

    def prepare(self) -> None:
        """Set torch up for this process; call it once, before anything is computed."""
        torch.set_num_threads(self.threads)
        if self.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(self.deterministic)


class Device:
    """A torch device and how it is used."""

    def __init__(self, settings: DeviceSettings) -> None:
        self.torch = torch.device(_present(settings.name))
        self._is_host = self.torch.type == "cpu"
        self._compile = settings.compile
        self._precision = getattr(torch, settings.precision)

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
