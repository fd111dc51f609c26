"""Two generations, segments that both share, and damage to the newer one."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.checkpoint.store import CheckpointError, Checkpoints, load
from rlrun.core.types import Segment, Space, Spec, Step
from rlrun.replay import ring
from rlrun.replay.options import UniformReplaySettings
from rlrun.replay.ring import Replay
from tests.support.checkpoints import assert_same
from tests.support.common import differences, host

SPEC = Spec("test", Space("vector", (3,)), Space("discrete", (), (4,)), 2)


def state(step: int, *starts: int) -> dict[str, Any]:
    segments = {str(s): Segment(x=np.full(4, s), y=np.full(2, -s)) for s in starts}
    return {"step": step, "old": segments, "new": np.full(3, step)}


def plain(tree: Any) -> Any:
    return {k: plain(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def files(folder: Path, start: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.startswith(start))


def test_two_generations_are_kept_and_share_what_does_not_change(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    store.save(state(1, 0, 4))
    first = {name: (tmp_path / name).stat().st_ino for name in files(tmp_path, "segment")}
    assert list(first) == ["segment-1-0.safetensors", "segment-1-1.safetensors"]
    store.save(state(2, 0, 4, 8))
    assert files(tmp_path, "segment") == [*first, "segment-2-2.safetensors"]
    assert {name: (tmp_path / name).stat().st_ino for name in first} == first  # not written again
    assert files(tmp_path, "manifest") == ["manifest-1.json", "manifest-2.json"]
    store.save(state(3, 8))
    assert files(tmp_path, "segment") == [*first, "segment-2-2.safetensors"]  # the older needs them
    store.save(state(4, 8))
    assert files(tmp_path, "segment") == ["segment-2-2.safetensors"]
    assert_same(load(tmp_path), plain(state(4, 8)))


def test_what_was_loaded_is_built_on(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(state(1, 0, 4))
    store = Checkpoints(tmp_path)
    assert_same(store.load(), plain(state(1, 0, 4)))
    store.save(state(2, 0, 4, 8))
    assert files(tmp_path, "segment-1") == ["segment-1-0.safetensors", "segment-1-1.safetensors"]
    assert files(tmp_path, "segment-2") == ["segment-2-2.safetensors"]
    assert_same(load(tmp_path), plain(state(2, 0, 4, 8)))


@pytest.mark.parametrize("damaged", ["manifest-2.json", "arrays-2.safetensors", "segment-2-1"])
def test_a_damaged_generation_is_named_and_the_one_before_is_used(
    tmp_path: Path, damaged: str
) -> None:
    store = Checkpoints(tmp_path)
    store.save(state(1, 0))
    store.save(state(2, 0, 4))
    path = next(p for p in tmp_path.iterdir() if p.name.startswith(damaged))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    other = Checkpoints(tmp_path)
    assert_same(other.load(), plain(state(1, 0)))
    assert len(other.damaged) == 1
    assert path.name in other.damaged[0]
    other.save(state(2, 0, 4))
    assert_same(load(tmp_path), plain(state(2, 0, 4)))
    assert files(tmp_path, "manifest") == ["manifest-1.json", "manifest-3.json"]


@pytest.mark.parametrize("seed", range(150))
def test_any_flipped_or_missing_byte_gives_the_older_one_or_a_sentence(
    tmp_path: Path, seed: int
) -> None:
    store, rng = Checkpoints(tmp_path), random.Random(seed)
    store.save(state(1, 0, 4))
    store.save(state(2, 4, 8))
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(sorted(tmp_path.iterdir()))
        content = bytearray(path.read_bytes())
        match rng.randrange(4):
            case 0 if content:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            case 1:
                content = content[: rng.randrange(len(content) + 1)]
            case 2:
                content += bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
            case _:
                path.unlink()
                continue
        path.write_bytes(content)
    try:
        found = Checkpoints(tmp_path).load()
    except CheckpointError as error:
        assert str(tmp_path) in str(error)
        return
    expected = state(found["step"], *((0, 4) if found["step"] == 1 else (4, 8)))
    assert_same(found, plain(expected))


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Checkpoints(tmp_path)
    store.save(state(1))
    before = sorted(os.listdir(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        CheckpointError, match=r"arrays-2\.safetensors needs .* of the disk are free"
    ):
        store.save(state(2))
    assert sorted(os.listdir(tmp_path)) == before
    assert_same(load(tmp_path), plain(state(1)))


def steps(count: int, seed: int = 0) -> list[Step]:
    rng = np.random.default_rng(seed)
    return [
        Step(
            rng.normal(size=(2, 2, 3)).astype(np.float32),
            rng.integers(0, 4, (2, 2)),
            rng.normal(size=(2, 2)),
            rng.random((2, 2)),
            rng.normal(size=(2, 2, 3)).astype(np.float32),
            rng.random((2, 2)) < 0.1,
        )
        for _ in range(count)
    ]


def replay() -> Replay:
    return UniformReplaySettings(capacity=46).build(SPEC, (0, 1), 100)  # 23 slots


def test_a_replays_segments_do_not_change_and_bring_it_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ring, "SEGMENT", 5 * 43 * 2)  # five slots of 43 bytes, two environments
    memory, store = replay(), Checkpoints(tmp_path)
    assert memory._segment == 5
    seen: dict[str, Any] = {}
    for count, t in enumerate(steps(90), start=1):
        memory.add(t)
        saved = memory.state_dict()
        for key, segment in saved["segments"].items():
            assert differences(seen.setdefault(key, host(segment)), host(segment)) == []
            assert len(segment["last"][0]) == 5
        if count % 7 == 0 or count in (1, 23, 24, 46):
            store.save({"replay": saved})
            other = replay()
            other.load_state_dict(load(tmp_path)["replay"])
            assert other.check_valid() == (True, "")
            assert differences(host(saved), host(other.state_dict())) == []
            a, b = memory.sample(16, 3, step=0), other.sample(16, 3, step=0)
            assert differences(host(list(a[:5])), host(list(b[:5]))) == []
    assert len(seen) == 17  # the 18th holds the newest step, which may still be cut


def test_pieces_do_not_depend_on_the_stack() -> None:
    alone = UniformReplaySettings(capacity=46).build(SPEC, (0,), 100)
    assert alone._segment == replay()._segment


def test_a_replay_of_another_shape_is_refused() -> None:
    memory = replay()
    for t in steps(30):
        memory.add(t)
    saved = memory.state_dict()
    saved["tail"]["reward"] = saved["tail"]["reward"][:1]
    with pytest.raises(ValueError, match="the replay's reward"):
        replay().load_state_dict(saved)
