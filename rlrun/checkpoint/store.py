"""Atomic checkpoints without pickle: loading one cannot run code.

A checkpoint is a folder. `manifest-<n>.json` is generation n: the tree of plain values, with a
reference in place of each array, and the checksums of the array files it needs. Renaming the
manifest into place is the commit: before it the earlier generations are intact, after it the new
one is too, and only then are files deleted that no kept generation needs. Arrays that never change
(`rlrun.core.types.Segment`, the older parts of a replay) are written once, into files that the
generations share.

A manifest has two lines, so that a flipped bit is detected in it as in any other file:

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

RESERVE = 16 * 2**20  # bytes that a checkpoint leaves free on the disk
_MANIFEST = re.compile(r"manifest-(\d{1,18})\.json")


class Checkpoints:
    """The checkpoints in one folder, of which the newest ``keep`` generations are kept.

    A save reuses the segments of the generation that this object loaded or saved last: they are
    not written again.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        """Sentences of `load` on newer generations that cannot be read."""
        self._keep = keep
        self._kept: dict[int, dict[str, Any]] = {}  # generation to its files, oldest first
        self._segments: dict[str, dict[str, Any]] = {}  # place in the state to its JSON

    def exists(self) -> bool:
        """Return whether there is any generation, intact or damaged."""
        return any(_MANIFEST.fullmatch(name) for name, _ in self._files())

    def save(self, state: Mapping[str, Any]) -> None:
        """Add a generation; if that fails, raise and leave the earlier ones.

        `state` consists of nested dicts with str keys and lists, over numpy arrays, torch tensors,
        int (of up to 4300 digits, Python's limit), finite float, str, bool and None. Arrays may be
        views, share memory and contain nan. Raises TypeError or ValueError, with the place, for
        anything that could not be restored exactly: tuples, numpy scalars, other classes; and
        CheckpointError if the disk is full or not writable.
        """
        number = 1 + max((generation for _, generation in self._files()), default=0)
        try:
            self._save(number, state)
        except Exception as error:  # an incomplete generation only takes space
            self._remove(name for name, generation in self._files() if generation == number)
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
        """Write arrays that never change into a separate file; return the segment's JSON."""
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
                f"{path} needs {needed / 1e6:,.0f} MB, but only {free / 1e6:,.0f} MB of the disk "
                "are free: free some space, or leave the replay out of checkpoints "
                "(checkpoint.replay=false)."
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
        synchronise(self.folder)  # the array files must be on disk before the manifest
        os.replace(temporary, path)
        synchronise(self.folder)  # and the new manifest before older files are deleted

    def _tidy(self) -> None:
        """Delete the files that no kept generation needs, and those of interrupted saves."""
        self._kept = dict(list(self._kept.items())[-self._keep :])
        needed = {name for files in self._kept.values() for name in files}
        needed |= {f"manifest-{number}.json" for number in self._kept}
        self._remove(name for name, _ in self._files() if name not in needed)

    def _remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            os.unlink(self.folder / name)

    def load(self, without: Sequence[str] = ()) -> dict[str, Any]:
        """Return the newest intact generation; problems of newer ones are listed in `damaged`.

        `without` is a path of keys in the nested state whose value is left out; files that only it
        needs are not opened. Arrays are writable, contiguous and share no memory, neither with
        each other nor with the file; tensors are plain, on the CPU and without gradient. Raises
        CheckpointError if no generation can be read.
        """
        numbers = sorted((g for n, g in self._files() if _MANIFEST.fullmatch(n)), reverse=True)
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
        """Return the state of one generation, its files, and its segments by place."""
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

    def _files(self) -> list[tuple[str, int]]:
        """Return the folder's checkpoint files, each with the generation that wrote it."""
        entries = os.scandir(self.folder) if self.folder.is_dir() else ()
        names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        files = [
            (name, int(match[2] if match.re is ARRAY_FILE else match[1]))
            for name in names
            if (match := ARRAY_FILE.fullmatch(name) or _MANIFEST.fullmatch(name))
        ]
        return files + [(n, 0) for n in names if re.fullmatch(r"manifest-\d{1,18}\.tmp", n)]


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder` by `state`; see `Checkpoints.save`."""
    Checkpoints(folder, keep=1).save(state)


def load(folder: Path, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the newest intact checkpoint in `folder`; see `Checkpoints.load`."""
    return Checkpoints(folder).load(without)


def _leave_out(node: Any, keys: Sequence[str]) -> None:
    """Delete the value at a path of keys in nested dicts, if it exists."""
    *outer, last = keys
    for key in outer:
        node = node.get(key, {})
    node.pop(last, None)
