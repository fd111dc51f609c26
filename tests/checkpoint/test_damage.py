"""A crash at any point leaves one whole checkpoint, and damage is told in a sentence."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.checkpoint import store
from rlrun.checkpoint.store import CheckpointError, load, save
from tests.support.checkpoints import assert_same

OS_CALLS = ["os.open", "os.fsync", "os.close", "os.replace", "os.unlink", "io.open", "save_file"]


class Crash(BaseException):
    """The process ends here: nothing catches it."""


def crash_at(monkeypatch: pytest.MonkeyPatch, call: int, *, before: bool) -> list[str]:
    """Let the call-th call to the system fail, before or after it did its work; list the calls."""
    made: list[str] = []

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            made.append(name)
            if len(made) == call and before:
                raise Crash
            result = real(*args, **kwargs)
            if len(made) == call:
                raise Crash
            return result

        return wrapped

    for name in OS_CALLS:
        module, function = name.rsplit(".", 1) if "." in name else ("rlrun.checkpoint.store", name)
        target = __import__(module, fromlist=[function])
        monkeypatch.setattr(target, function, wrap(name, getattr(target, function)))
    return made


@pytest.mark.parametrize("before", [True, False])
def test_a_crash_at_any_call_leaves_one_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    old = {"step": 1, "array": np.arange(3)}
    new = {"step": 2, "array": np.arange(900)}
    with monkeypatch.context() as patch:
        save(tmp_path / "count", old)
        calls = crash_at(patch, 0, before=before)
        save(tmp_path / "count", new)
    assert set(calls) >= set(OS_CALLS)
    assert calls.index("os.fsync") < calls.index("os.replace") < calls.index("os.unlink")
    for call, name in enumerate(calls, start=1):
        if "open" in name and not before:
            continue  # the same as before the next call, but for a handle that nobody closes
        folder = tmp_path / str(call)
        save(folder, old)
        with monkeypatch.context() as patch:
            made = crash_at(patch, call, before=before)
            with pytest.raises(Crash):
                save(folder, new)
        committed = "os.replace" in (made[:-1] if before else made)
        assert_same(load(folder), new if committed else old)
        save(folder, new)  # and the folder is as good as before
        assert_same(load(folder), new)
        assert len(os.listdir(folder)) == 2


def test_the_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Array file, manifest and folder are synchronised before the rename, the folder after it."""
    synced: list[str] = []
    real_open, real_replace = os.open, os.replace

    def opened(path: Path, flags: int) -> int:
        synced.append(path.name)
        return real_open(path, flags)

    def renamed(old: Path, new: Path) -> None:
        synced.append("rename")
        real_replace(old, new)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "replace", renamed)
    save(tmp_path / "checkpoint", {"array": np.zeros(3)})
    assert synced == [
        "arrays-1.safetensors",
        "manifest-1.tmp",
        "checkpoint",
        "rename",
        "checkpoint",
    ]


def test_half_an_array_file_of_an_interrupted_save_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(arrays: dict[str, Any], path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    save(tmp_path, {"array": np.arange(4)})
    with monkeypatch.context() as patch:
        patch.setattr(store, "save_file", half)
        with pytest.raises(CheckpointError, match="cannot be written: no space"):
            save(tmp_path, {"array": np.arange(5)})
    assert load(tmp_path)["array"].tolist() == [0, 1, 2, 3]


def edit(folder: Path, change: Callable[[Any], object], in_head: bool = False) -> None:
    """Change a manifest as somebody would who knows how its checksum is made."""
    head, body = map(json.loads, (folder / MANIFEST).read_text().splitlines())
    change(head if in_head else body)
    text = json.dumps(body)
    if not in_head:
        head["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / MANIFEST).write_text(f"{json.dumps(head)}\n{text}\n")


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def rename_arrays(folder: Path, name: str) -> None:
    def change(manifest: Any) -> None:
        manifest["files"][name] = manifest["files"].pop("arrays-1.safetensors")

    edit(folder, change)


ARRAYS, MANIFEST = "arrays-1.safetensors", "manifest-1.json"
DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), r"checkpoint has no checkpoint"),
    "no arrays": (lambda f: (f / ARRAYS).unlink(), r"arrays-1\.safetensors is missing"),
    "cut JSON": (
        lambda f: (f / MANIFEST).write_text('{"version": 1, "fil'),
        r"manifest-1\.json is damaged",
    ),
    "not UTF-8": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe{"), r"is damaged"),
    "a list": (lambda f: (f / MANIFEST).write_text("[1]"), r"manifest-1\.json is damaged"),
    "deep": (lambda f: (f / MANIFEST).write_text("[" * 100_000), r"is damaged"),
    "no version": (
        lambda f: edit(f, lambda m: m.pop("version"), True),
        r"manifest-1\.json is damaged",
    ),
    "later version": (
        lambda f: edit(f, lambda m: m.update(version=3), True),
        r"manifest-1\.json has format version 3, but this program reads version 2",
    ),
    "earlier version": (
        lambda f: edit(f, lambda m: m.update(version=1), True),
        r"manifest-1\.json has format version 1, but this program reads version 2",
    ),
    "flipped manifest": (
        lambda f: flip(f / MANIFEST, -4),
        r"manifest-1\.json is damaged: its checksum",
    ),
    "no files": (lambda f: edit(f, lambda m: m.pop("files")), r"manifest-1\.json is damaged"),
    "no state": (lambda f: edit(f, lambda m: m.pop("state")), r"manifest-1\.json is damaged"),
    "state a list": (
        lambda f: edit(f, lambda m: m.update(state=[])),
        r"manifest-1\.json is damaged",
    ),
    "flipped bit": (lambda f: flip(f / ARRAYS, -1), r"arrays-1\.safetensors is damaged: .*sum"),
    "cut arrays": (lambda f: (f / ARRAYS).write_bytes(b""), r"arrays-1\.safetensors is damaged"),
    "no such array": (
        lambda f: edit(f, lambda m: m["state"]["array"].update({"$array": "9"})),
        r"arrays-1\.safetensors lacks the array 9",
    ),
    "no such file": (
        lambda f: edit(f, lambda m: m["state"]["array"].update(file="arrays-8.safetensors")),
        r"arrays-8\.safetensors lacks the array 0",
    ),
    "other shape": (
        lambda f: edit(f, lambda m: m["state"]["array"].update(shape=[3])),
        r"arrays-1\.safetensors has the array 0 as int64 \[4\]",
    ),
    "other dtype": (
        lambda f: edit(f, lambda m: m["state"]["array"].update(dtype="float64")),
        r"arrays-1\.safetensors has the array 0 as int64 \[4\]",
    ),
    "half a reference": (
        lambda f: edit(f, lambda m: m["state"]["array"].pop("kind")),
        r"manifest-1\.json is damaged",
    ),
    "outside": (
        lambda f: rename_arrays(f, "../arrays-1.safetensors"),
        r"names '\.\./arrays-1\.safetensors': not an array file",
    ),
    "absolute": (lambda f: rename_arrays(f, "/arrays-1.safetensors"), r"not an array file"),
    "other file": (lambda f: rename_arrays(f, MANIFEST), r"not an array file"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told_in_a_sentence_that_names_the_file(tmp_path: Path, kind: str) -> None:
    damage, message = DAMAGE[kind]
    folder = tmp_path / "checkpoint"
    save(folder, {"array": np.arange(4)})
    (tmp_path / ARRAYS).write_bytes((folder / ARRAYS).read_bytes())
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(folder)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_that_is_not_there_has_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere has no checkpoint"):
        load(tmp_path / "nowhere")
