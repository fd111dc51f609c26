"""What is saved comes back as it was, and what would not come back is refused."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from rlrun.checkpoint.store import load, save
from tests.support.checkpoints import assert_same

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
            f"manifest-{generation}.json",
        ]
        assert load(folder)["array"].tolist() == [generation] * 5
