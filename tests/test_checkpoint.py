"""What is saved comes back as it was, and a crash at any point leaves one whole checkpoint."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun import checkpoint
from rlrun.checkpoint import CheckpointError, load, save


def assert_same(got: Any, expected: Any) -> None:
    """Equal in class, dtype, shape and every bit, at every depth."""
    assert type(got) is type(expected)
    if isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            assert_same(got[key], expected[key])
    elif isinstance(expected, list):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, torch.Tensor):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert raw_bytes(got) == raw_bytes(expected)
    elif isinstance(expected, np.ndarray):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert got.tobytes() == expected.tobytes()
    else:
        assert repr(got) == repr(expected)  # tells -0.0 from 0.0


def raw_bytes(tensor: torch.Tensor) -> bytes:
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.contiguous().view(torch.int16)
    return tensor.numpy().tobytes()


NUMPY_DTYPES = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64"


@pytest.mark.parametrize("dtype", NUMPY_DTYPES.split())
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3, 4)])
def test_arrays_and_tensors_come_back_bit_for_bit(
    tmp_path: Path, dtype: str, shape: tuple[int, ...]
) -> None:
    noise = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 120, size=shape)
    array = np.asarray(noise).astype(dtype)
    tensor = torch.from_numpy(array.copy())
    save(tmp_path, {"array": array, "tensor": tensor})
    assert_same(load(tmp_path), {"array": array, "tensor": tensor})


@pytest.mark.parametrize("shape", [(), (0,), (4, 3)])
def test_bfloat16_tensors_come_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    save(tmp_path, {"tensor": tensor.T if len(shape) == 2 else tensor})
    assert_same(load(tmp_path)["tensor"], tensor.T if len(shape) == 2 else tensor)


def test_values_that_are_not_finite_survive_inside_arrays(tmp_path: Path) -> None:
    array = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324])
    save(tmp_path, {"array": array})
    assert load(tmp_path)["array"].tobytes() == array.tobytes()


def test_views_are_saved_as_what_they_show(tmp_path: Path) -> None:
    base = np.arange(24, dtype=np.int64).reshape(4, 6)
    read_only = base.copy()
    read_only.flags.writeable = False
    weights = torch.arange(12.0).reshape(3, 4).requires_grad_()
    save(
        tmp_path,
        {
            "base": base,
            "same": base,
            "column": base[:, 2],
            "backwards": base[::-1, ::-2],
            "turned": base.T,
            "repeated": np.broadcast_to(base[0], (3, 6)),
            "read_only": read_only,
            "row": weights[1],
            "transposed": weights.T,
            "expanded": weights[:, :1].expand(3, 2),
            "parameter": torch.nn.Parameter(torch.ones(2)),
        },
    )
    got = load(tmp_path)
    assert got["column"].tolist() == [2, 8, 14, 20]
    assert got["backwards"].tolist() == base[::-1, ::-2].tolist()
    assert got["turned"].tolist() == base.T.tolist()
    assert got["repeated"].tolist() == [[0, 1, 2, 3, 4, 5]] * 3
    assert got["read_only"].flags.writeable
    assert got["row"].tolist() == [4.0, 5.0, 6.0, 7.0]
    assert got["transposed"].tolist() == weights.T.tolist()
    assert got["expanded"].tolist() == [[0.0, 0.0], [4.0, 4.0], [8.0, 8.0]]
    assert type(got["parameter"]) is torch.Tensor and not got["parameter"].requires_grad
    got["base"][:] = -1
    assert got["same"].tolist() == base.tolist()
    assert_same(load(tmp_path)["base"], base)  # nor does the file change


def test_plain_values_come_back_exactly(tmp_path: Path) -> None:
    state = {
        "integers": [0, -1, 2**63, 2**127 + 1, -(2**200), 10**4000],
        "floats": [0.1, -0.0, 1.0, 1e300, 5e-324, 1 / 3],
        "texts": ["", "häuser", '"\\\n\0', "\ud800", "NaN"],
        "rest": [True, False, None, [], {}, [[], [{}]]],
        "": {"a/b": 1, "a": {"b": 2}},
        "keys that look like references": {"$array": "0", "$$x": {"$": [1]}, "file": "/etc/passwd"},
    }
    save(tmp_path, state)
    assert_same(load(tmp_path), state)


def test_generators_go_on_where_they_were(tmp_path: Path) -> None:
    rng, generator = np.random.default_rng(7), torch.Generator().manual_seed(7)
    rng.random(3)
    torch.rand(3, generator=generator)
    save(tmp_path, {"numpy": rng.bit_generator.state, "torch": generator.get_state()})
    expected = rng.random(4), torch.rand(4, generator=generator)
    got = load(tmp_path)
    other, other_generator = np.random.default_rng(0), torch.Generator()
    other.bit_generator.state = got["numpy"]
    other_generator.set_state(got["torch"])
    assert np.array_equal(other.random(4), expected[0])
    assert torch.equal(torch.rand(4, generator=other_generator), expected[1])


def test_other_mappings_come_back_as_dicts(tmp_path: Path) -> None:
    save(tmp_path, {"net": OrderedDict(b=1, a=2)})
    assert_same(load(tmp_path), {"net": {"b": 1, "a": 2}})


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ((1, 2), TypeError),
        ({1: 2}, TypeError),
        ({1, 2}, TypeError),
        (b"bytes", TypeError),
        (object(), TypeError),
        (np.float64(1.0), TypeError),
        (np.int64(1), TypeError),
        (np.array(["text"]), TypeError),
        (np.array([None]), TypeError),
        (np.zeros(2, dtype=">f4"), TypeError),
        (np.ma.masked_array([1.0, 2.0], mask=[True, False]), TypeError),
        (torch.zeros(2, dtype=torch.complex64), TypeError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
    ],
)
def test_what_would_not_come_back_is_refused_by_its_place(
    tmp_path: Path, value: object, error: type[Exception]
) -> None:
    save(tmp_path, {"good": 1})
    with pytest.raises(error, match=r"^state\['agent'\]\[1\] "):
        save(tmp_path, {"agent": [0, value]})
    assert load(tmp_path) == {"good": 1}


def test_a_new_generation_replaces_the_files_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "checkpoint"
    for generation in (1, 2, 3):
        save(folder, {"generation": generation, "array": np.full(5, generation)})
        assert sorted(os.listdir(folder)) == [
            f"arrays-{generation}.safetensors",
            "manifest.json",
        ]
        assert load(folder)["array"].tolist() == [generation] * 5


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
        module, function = name.rsplit(".", 1) if "." in name else ("rlrun.checkpoint", name)
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
        "manifest.json.tmp",
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
        patch.setattr(checkpoint, "save_file", half)
        with pytest.raises(OSError, match="no space"):
            save(tmp_path, {"array": np.arange(5)})
    assert load(tmp_path)["array"].tolist() == [0, 1, 2, 3]


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def rename_arrays(folder: Path, name: str) -> None:
    def change(manifest: Any) -> None:
        manifest["files"][name] = manifest["files"].pop("arrays-1.safetensors")

    edit(folder, change)


ARRAYS = "arrays-1.safetensors"
DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), r"manifest\.json is missing"),
    "no arrays": (lambda f: (f / ARRAYS).unlink(), r"arrays-1\.safetensors is missing"),
    "cut JSON": (
        lambda f: (f / "manifest.json").write_text('{"version": 1, "fil'),
        r"manifest\.json is damaged",
    ),
    "not UTF-8": (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe{"), r"is damaged"),
    "a list": (lambda f: (f / "manifest.json").write_text("[1]"), r"manifest\.json is damaged"),
    "deep": (lambda f: (f / "manifest.json").write_text("[" * 100_000), r"is damaged"),
    "no version": (lambda f: edit(f, lambda m: m.pop("version")), r"manifest\.json is damaged"),
    "later version": (
        lambda f: edit(f, lambda m: m.update(version=2)),
        r"manifest\.json has format version 2, but this program reads 1",
    ),
    "no files": (lambda f: edit(f, lambda m: m.pop("files")), r"manifest\.json is damaged"),
    "no state": (lambda f: edit(f, lambda m: m.pop("state")), r"manifest\.json is damaged"),
    "state a list": (lambda f: edit(f, lambda m: m.update(state=[])), r"manifest\.json is damaged"),
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
        r"manifest\.json is damaged",
    ),
    "outside": (
        lambda f: rename_arrays(f, "../arrays-1.safetensors"),
        r"names '\.\./arrays-1\.safetensors', which is not an array file",
    ),
    "absolute": (lambda f: rename_arrays(f, "/arrays-1.safetensors"), r"is not an array file"),
    "other file": (lambda f: rename_arrays(f, "manifest.json"), r"is not an array file"),
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
    with pytest.raises(CheckpointError, match=r"nowhere.manifest\.json is missing"):
        load(tmp_path / "nowhere")
