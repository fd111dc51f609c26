"""Atomic checkpoints without pickle: loading one cannot run code.

A checkpoint is a folder of two files. `arrays-<n>.safetensors` holds the numbers, under a new name
for each generation n; `manifest.json` holds the tree of plain values, with a reference where an
array stood, and the checksum of every array file it needs. Renaming the manifest into place is the
commit: before it the previous checkpoint is whole, after it the new one is, and only then are the
files that the manifest does not name deleted. A manifest may name several files and each
reference says which one it means, so that a file can outlive its generation.

    {"version": 1, "files": {"arrays-7.safetensors": {"sha256": "..."}}, "state": {"step": 5000,
     "weights": {"$array": "0", "file": "arrays-7.safetensors", "kind": "tensor",
                 "dtype": "float32", "shape": [10, 128, 4]}}}
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

VERSION = 1
MANIFEST = "manifest.json"

Array = NDArray[Any]

# Native byte order only: a big-endian array is a different dtype and would not come back as one.
_INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
_NUMBERS = ("bool", *_INTEGERS, "float16", "float32", "float64")
_DTYPES = {np.dtype(name): name for name in _NUMBERS}
_ARRAY_FILE = re.compile(r"arrays-(\d{1,18})\.safetensors")


class CheckpointError(Exception):
    """A checkpoint cannot be read; the message is a sentence that names the file."""


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder` by `state`, or raise and leave the one that was there.

    `state` is a nest of dicts with str keys and lists, over numpy arrays, torch tensors, int
    (of up to 4300 digits, Python's own limit), finite float, str, bool and None. Arrays may be
    views, share memory and hold nan. Raises TypeError or ValueError, naming the place, for
    anything that would not come back as it was: tuples, numpy scalars, other classes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"arrays-{1 + max(_generations(folder), default=0)}.safetensors"
    arrays: dict[str, Array] = {}
    tree = _encode(state, "state", name, arrays)
    path = folder / name
    save_file(arrays, path)
    _sync(path)
    manifest = {"version": VERSION, "files": {name: {"sha256": _sha256(path)}}, "state": tree}
    temporary = folder / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(manifest, allow_nan=False), encoding="ascii")
    _sync(temporary)
    _sync(folder)  # the array file's name must be on disk before a manifest that needs it
    os.replace(temporary, folder / MANIFEST)
    _sync(folder)  # and the new manifest before the files of the old one go
    for generation in _generations(folder):  # also what interrupted saves have left
        if (old := f"arrays-{generation}.safetensors") not in manifest["files"]:
            os.unlink(folder / old)


def load(folder: Path) -> dict[str, Any]:
    """Read the checkpoint in `folder`: what `save` was given, with mappings as dicts.

    Arrays are writable, contiguous and share no memory, neither with each other nor with the file;
    tensors are on the CPU, plain, without gradient.
    Raises CheckpointError where a file is missing, damaged, or of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        version = manifest["version"]
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: this folder has no checkpoint.") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not a manifest.") from error
    if version != VERSION:
        raise CheckpointError(
            f"{path} has format version {version!r}, but this program reads {VERSION}."
        )
    try:
        files = {n: _read_arrays(folder, n, e["sha256"]) for n, e in manifest["files"].items()}
        state = _decode(manifest["state"], path, files)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}.") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is damaged: its state is not an object.")
    return state


def _encode(value: object, where: str, file: str, arrays: dict[str, Array]) -> Any:
    """Turn a value into what JSON keeps exactly; arrays move into `arrays`, by running number."""
    if isinstance(value, Mapping):
        # A user's own "$..." keys get one more "$", so that no dict can look like a reference.
        return {
            f"${key}" if key.startswith("$") else key: _encode(v, f"{where}[{key!r}]", file, arrays)
            for key, v in _text_keys(value, where)
        }
    if type(value) is list:
        return [_encode(v, f"{where}[{i}]", file, arrays) for i, v in enumerate(value)]
    if isinstance(value, np.ndarray | torch.Tensor):
        array, dtype = _to_numpy(value, where)
        key = str(len(arrays))
        arrays[key] = array
        kind = "tensor" if isinstance(value, torch.Tensor) else "ndarray"
        shape = list(array.shape)
        return {"$array": key, "file": file, "kind": kind, "dtype": dtype, "shape": shape}
    if type(value) is float and not math.isfinite(value):
        raise ValueError(f"{where} is {value}: outside arrays only finite numbers can be saved.")
    # Exact types: an np.float64 is a float too, but would come back as another class.
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, which a checkpoint cannot hold.")


def _text_keys(value: Mapping[Any, Any], where: str) -> list[tuple[str, Any]]:
    for key in value:
        if type(key) is not str:
            raise TypeError(f"{where} has the key {key!r}: keys must be strings.")
    return list(value.items())


def _to_numpy(value: Array | torch.Tensor, where: str) -> tuple[Array, str]:
    """Give the numbers as a contiguous array, and the name of the dtype they come back with."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        if value.dtype == torch.bfloat16:  # numpy has no such type: keep its bits
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


def _decode(node: Any, path: Path, files: Mapping[str, Mapping[str, Array]]) -> Any:
    """Undo `_encode`: put the arrays back where the references stand."""
    if isinstance(node, list):
        return [_decode(v, path, files) for v in node]
    if not isinstance(node, dict):
        return node
    if "$array" not in node:
        return {k[1:] if k[:1] == "$" else k: _decode(v, path, files) for k, v in node.items()}
    file, key, dtype, shape = node["file"], node["$array"], node["dtype"], node["shape"]
    array = files.get(file, {}).get(key)
    if array is None:
        raise CheckpointError(f"{path.parent / file} lacks the array {key} that {path} names.")
    stored = "int16" if dtype == "bfloat16" else dtype
    if (array.dtype.name, list(array.shape)) != (stored, shape):
        raise CheckpointError(
            f"{path.parent / file} has the array {key} as {array.dtype.name} {list(array.shape)}, "
            f"but {path} says {stored} {shape}."
        )
    if node["kind"] == "ndarray":
        return array
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor


def _read_arrays(folder: Path, name: str, sha256: str) -> dict[str, Array]:
    """Read one array file of the manifest, after checking its name and its checksum."""
    if not _ARRAY_FILE.fullmatch(name):  # nothing outside the folder is ever opened
        raise CheckpointError(f"{folder / MANIFEST} names {name!r}, which is not an array file.")
    path = folder / name
    try:
        if _sha256(path) != sha256:
            raise CheckpointError(f"{path} is damaged: its checksum is not the manifest's.")
        return load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing, but the manifest needs it.") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error


def _generations(folder: Path) -> list[int]:
    found = (_ARRAY_FILE.fullmatch(entry) for entry in os.listdir(folder))
    return [int(match[1]) for match in found if match]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file's contents, or a folder's names, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
