"""Atomic checkpoints without pickle: loading one cannot run code.

A checkpoint is a folder. `manifest-<n>.json` is generation n: the tree of plain values, with a
reference where an array stood, and the checksums of the array files it needs. Renaming the
manifest into place is the commit: before it the earlier generations are whole, after it the new one
is too, and only then are the files that no kept generation names deleted. Arrays that will never
change (`rlrun.core.types.Segment`, the older parts of a replay) are written once, into files that
the generations share.

A manifest is two lines, so that a flipped bit in it is noticed as in any other file:

    {"version": 2, "sha256": "... of the second line"}
    {"files": {"arrays-7.safetensors": {"sha256": "..."}}, "state": {"step": 5000,
     "weights": {"$array": "0", "file": "arrays-7.safetensors", "kind": "tensor",
                 "dtype": "float32", "shape": [10, 128, 4]}}}
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import save_file

from rlrun.checkpoint.encode import Array, Encoder, decode, file_names, segments
from rlrun.checkpoint.files import (
    ARRAY_FILE,
    VERSION,
    CheckpointError,
    checksum,
    digest,
    read_arrays,
    read_manifest,
    synchronise,
)

__all__ = ["CheckpointError", "Checkpoints", "load", "save"]

RESERVE = 16 * 2**20  # bytes of the disk that a checkpoint leaves free
_MANIFEST = re.compile(r"manifest-(\d{1,18})\.json")


class Checkpoints:
    """The checkpoints of one folder, the newest ``keep`` generations of them.

    What was loaded last, or saved by this object, is what the next save builds on: segments it has
    are not written again.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        """What `load` found of newer generations that cannot be read, as sentences."""
        self._keep = keep
        self._kept: dict[int, dict[str, Any]] = {}  # generation to its files, oldest first
        self._segments: dict[str, dict[str, Any]] = {}  # place in the state to its JSON

    def exists(self) -> bool:
        """Whether there is any generation, whole or not."""
        return any(_MANIFEST.fullmatch(name) for name, _ in self._found())

    def save(self, state: Mapping[str, Any]) -> None:
        """Add a generation, or raise and leave those that were there.

        `state` is a nest of dicts with str keys and lists, over numpy arrays, torch tensors, int
        (of up to 4300 digits, Python's own limit), finite float, str, bool and None. Arrays may be
        views, share memory and hold nan. Raises TypeError or ValueError, naming the place, for
        anything that would not come back as it was: tuples, numpy scalars, other classes; and
        CheckpointError where the disk is full or may not be written.
        """
        number = 1 + max((generation for _, generation in self._found()), default=0)
        try:
            self._save(number, state)
        except Exception as error:  # what was written of it only takes room
            self._remove(name for name, generation in self._found() if generation == number)
            if not isinstance(error, OSError | SafetensorError):
                raise
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(
                f"the checkpoint {self.folder} cannot be written: {reason}."
            ) from error

    def _save(self, number: int, state: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        files: dict[str, dict[str, str]] = {}
        known: dict[str, dict[str, Any]] = {}
        earlier = {n: f for kept in self._kept.values() for n, f in kept.items()}

        def keep(where: str, segment: Mapping[str, Any]) -> dict[str, Any]:
            node = self._segments.get(where)
            if node is None or node["$segment"] not in earlier:
                node = self._write_segment(f"segment-{number}-{len(known)}", segment, where, files)
            files[node["$segment"]] = files.get(node["$segment"]) or earlier[node["$segment"]]
            known[where] = node
            return node

        name = f"arrays-{number}.safetensors"
        encode = Encoder(name, keep)
        tree = encode(state, "state")
        self._write_arrays(name, encode.arrays, files)
        self._write_manifest(number, {"files": files, "state": tree})
        self._kept[number] = files
        self._segments = known
        self._tidy()

    def _write_segment(
        self, stem: str, segment: Mapping[str, Any], where: str, files: dict[str, dict[str, str]]
    ) -> dict[str, Any]:
        """Write arrays that will never change again into a file of their own."""
        name = f"{stem}.safetensors"
        encode = Encoder(name)
        node: dict[str, Any] = {"$segment": name, **encode(dict(segment), where)}
        self._write_arrays(name, encode.arrays, files)
        return node

    def _write_arrays(
        self, name: str, arrays: dict[str, Array], files: dict[str, dict[str, str]]
    ) -> None:
        path = self.folder / name
        needed, free = sum(a.nbytes for a in arrays.values()), shutil.disk_usage(self.folder).free
        if needed + RESERVE > free:
            raise CheckpointError(
                f"{path} needs {needed / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB of the disk are "
                "free: make room, or keep the replay out of the checkpoints (checkpoint.replay="
                "false)."
            )
        save_file(arrays, path)
        synchronise(path)
        files[name] = {"sha256": checksum(path)}

    def _write_manifest(self, number: int, body: Mapping[str, Any]) -> None:
        text = json.dumps(body, allow_nan=False)
        head = json.dumps({"version": VERSION, "sha256": digest(text)})
        path = self.folder / f"manifest-{number}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{head}\n{text}\n", encoding="ascii")
        synchronise(temporary)
        synchronise(self.folder)  # the array files' names must be on disk before what needs them
        os.replace(temporary, path)
        synchronise(self.folder)  # and the new manifest before files of the old ones go

    def _tidy(self) -> None:
        """Delete what no kept generation needs, also what interrupted saves have left."""
        self._kept = dict(list(self._kept.items())[-self._keep :])
        needed = {name for files in self._kept.values() for name in files}
        needed |= {f"manifest-{number}.json" for number in self._kept}
        self._remove(name for name, _ in self._found() if name not in needed)

    def _remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            os.unlink(self.folder / name)

    def load(self, without: Sequence[str] = ()) -> dict[str, Any]:
        """Read the newest generation that is whole; what is wrong with newer ones is in `damaged`.

        What stands in the state under the keys `without`, one inside the other, is left out, and
        files that only it needs are not opened. Arrays are writable, contiguous and share no
        memory, neither with each other nor with the file; tensors are on the CPU, plain, without
        gradient. Raises CheckpointError where there is no generation that can be read.
        """
        numbers = sorted((g for n, g in self._found() if _MANIFEST.fullmatch(n)), reverse=True)
        if not numbers:
            raise CheckpointError(f"{self.folder} has no checkpoint.")
        self.damaged = []
        for number in numbers:
            try:
                state, files, kept = self._read(number, without)
            except CheckpointError as error:
                self.damaged.append(str(error))
                continue
            self._kept, self._segments = {number: files}, kept
            return state
        raise CheckpointError(self.damaged[0])

    def _read(
        self, number: int, without: Sequence[str]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The state of one generation, its files, and its segments by their places."""
        path = self.folder / f"manifest-{number}.json"
        body = read_manifest(path)
        try:
            kept = segments(body["state"])
            used = body["files"].keys()
            if without:
                _leave_out(body["state"], without)
                used = file_names(body["state"])
            files = {
                name: read_arrays(self.folder, name, entry["sha256"])
                for name, entry in body["files"].items()
                if name in used
            }

            def find(file: str, key: str) -> Array:
                if key not in files.get(file, {}):
                    raise CheckpointError(
                        f"{self.folder / file} lacks the array {key} that {path} names."
                    )
                return files[file][key]

            state = decode(body["state"], find)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is damaged: {error}.") from error
        if not isinstance(state, dict):
            raise CheckpointError(f"{path} is damaged: its state is not an object.")
        return state, body["files"], kept

    def _found(self) -> list[tuple[str, int]]:
        """The names of this folder's checkpoint files, and which generation wrote them."""
        entries = os.scandir(self.folder) if self.folder.is_dir() else ()
        names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        found = [
            (name, int(match[2] if match.re is ARRAY_FILE else match[1]))
            for name in names
            if (match := ARRAY_FILE.fullmatch(name) or _MANIFEST.fullmatch(name))
        ]
        return found + [(n, 0) for n in names if re.fullmatch(r"manifest-\d{1,18}\.tmp", n)]


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder` by one of `state`; see `Checkpoints.save`."""
    Checkpoints(folder, keep=1).save(state)


def load(folder: Path, without: Sequence[str] = ()) -> dict[str, Any]:
    """The newest checkpoint in `folder` that is whole; see `Checkpoints.load`."""
    return Checkpoints(folder).load(without)


def _leave_out(node: Any, keys: Sequence[str]) -> None:
    """Delete what stands in nested dicts under the keys, one inside the other, if it is there."""
    *outer, last = keys
    for key in outer:
        node = node.get(key, {})
    node.pop(last, None)
