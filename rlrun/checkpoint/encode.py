"""Encoding nested values as JSON and arrays, and decoding them; neither can contain code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlrun.core.types import Segment

Array = NDArray[Any]

# Native byte order only: a big-endian array is a different dtype and would not come back as one.
_INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
_NUMBERS = ("bool", *_INTEGERS, "float16", "float32", "float64")
_DTYPES = {np.dtype(name): name for name in _NUMBERS}

Find = Callable[[str, str], Array]
"""Returns the array with a key in a file: (file, key) -> array."""
Keep = Callable[[str, Mapping[str, Any]], Any]
"""Writes the segment at a place in the state, unless it is written already; returns its JSON."""


class Encoder:
    """Turns values into what JSON stores exactly; arrays go to `arrays`, by running number.

    Raises TypeError or ValueError, with the place in the state, for anything else.
    """

    def __init__(self, file: str, keep: Keep | None = None) -> None:
        self.arrays: dict[str, Array] = {}
        self._file, self._keep = file, keep

    def __call__(self, value: object, where: str) -> Any:
        if isinstance(value, Segment) and self._keep is not None:
            return self._keep(where, value)
        if isinstance(value, Mapping):
            # Keys that start with "$" get another "$", so that no dict looks like a reference.
            return {
                f"${key}" if key.startswith("$") else key: self(v, f"{where}[{key!r}]")
                for key, v in _text_keys(value, where)
            }
        if type(value) is list:
            return [self(v, f"{where}[{i}]") for i, v in enumerate(value)]
        if isinstance(value, np.ndarray | torch.Tensor):
            return self._array(value, where)
        if type(value) is float and not math.isfinite(value):
            raise ValueError(
                f"{where} is {value}: outside arrays only finite numbers can be saved."
            )
        # Exact types: an np.float64 is a float too, but would come back as another class.
        if value is None or type(value) in (bool, int, float, str):
            return value
        raise TypeError(f"{where} is a {type(value).__name__}, which a checkpoint cannot hold.")

    def _array(self, value: Array | torch.Tensor, where: str) -> dict[str, Any]:
        array, dtype = _to_numpy(value, where)
        key = str(len(self.arrays))
        self.arrays[key] = array
        kind = "tensor" if isinstance(value, torch.Tensor) else "ndarray"
        shape = list(array.shape)
        return {"$array": key, "file": self._file, "kind": kind, "dtype": dtype, "shape": shape}


def decode(node: Any, find: Find) -> Any:
    """Decode what an `Encoder` wrote: replace references by their arrays.

    Raises KeyError, TypeError or ValueError if the node is malformed.
    """
    if isinstance(node, list):
        return [decode(each, find) for each in node]
    if not isinstance(node, dict):
        return node
    if "$array" in node:
        return _decode_array(node, find)
    inner = {key: each for key, each in node.items() if key != "$segment"}
    return {k[1:] if k[:1] == "$" else k: decode(each, find) for k, each in inner.items()}


def segments(node: Any, where: str = "state") -> dict[str, Any]:
    """Return all segments of an encoded state by their place in it."""
    if isinstance(node, dict):
        if "$segment" in node:
            return {where: node}
        inner = [(f"{where}[{k[1:] if k[:1] == '$' else k!r}]", v) for k, v in node.items()]
    elif isinstance(node, list):
        inner = [(f"{where}[{i}]", v) for i, v in enumerate(node)]
    else:
        return {}
    return {place: each for at, v in inner for place, each in segments(v, at).items()}


def file_names(node: Any) -> set[str]:
    """Return the names of the files whose arrays an encoded state refers to."""
    if isinstance(node, dict):
        if "$array" in node:
            return {str(node["file"])}
        node = list(node.values())
    return set().union(*map(file_names, node)) if isinstance(node, list) else set()


def _decode_array(node: Mapping[str, Any], find: Find) -> Array | torch.Tensor:
    file, key, dtype, shape = node["file"], node["$array"], node["dtype"], node["shape"]
    array = find(file, key)
    stored = "int16" if dtype == "bfloat16" else dtype
    if (array.dtype.name, list(array.shape)) != (stored, shape):
        raise ValueError(
            f"{file} has the array {key} as {array.dtype.name} {list(array.shape)}, but the "
            f"manifest says {stored} {shape}"
        )
    if node["kind"] == "ndarray":
        return array
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor


def _text_keys(value: Mapping[Any, Any], where: str) -> list[tuple[str, Any]]:
    for key in value:
        if type(key) is not str:
            raise TypeError(f"{where} has the key {key!r}: keys must be strings.")
    return list(value.items())


def _to_numpy(value: Array | torch.Tensor, where: str) -> tuple[Array, str]:
    """Return a contiguous array, and the name of the dtype it is restored with."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        if value.dtype == torch.bfloat16:  # numpy has no such type: store its bits
            return value.contiguous().view(torch.int16).numpy(), "bfloat16"
        dtype = str(value.dtype).removeprefix("torch.")
        if dtype not in _NUMBERS:
            raise TypeError(f"{where} is a tensor of {dtype}, which a checkpoint cannot hold.")
        value = value.numpy()
    elif value.dtype not in _DTYPES or type(value) is not np.ndarray:
        raise TypeError(
            f"{where} is a {type(value).__name__} of {value.dtype!r}, "
            "which a checkpoint cannot hold."
        )
    return np.asarray(value, order="C"), _DTYPES[value.dtype]
