"""What a replay will take is known, told and refused before it is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun import build
from rlrun.core import memory
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose, Streams
from rlrun.core.schema import construct
from rlrun.core.types import Space, Spec
from rlrun.replay.options import REPLAY, UniformReplaySettings
from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Uniform
from rlrun.run import start_run
from rlrun.settings import Settings
from tests.support.common import SMALL_DQN, settings

pytestmark = pytest.mark.slow

DISCRETE = Space("discrete", (), (6,))
VECTOR = Spec("vectors", Space("vector", (4,)), DISCRETE, 1)
ATARI = Spec("images", Space("image", (4, 84, 84), stack=4), DISCRETE, 1)


def bytes_needed(name: str, spec: Spec, num_seeds: int, capacity: int) -> int:
    return REPLAY[name](capacity=capacity).bytes_needed(spec, num_seeds)


def stored(one: Replay) -> int:
    return sum(array.nbytes for array in one._data.values())


def test_a_million_stacks_of_four_frames_take_at_most_7_3_gb() -> None:
    assert bytes_needed("uniform", ATARI, 1, 1_000_000) < 7.2e9
    assert bytes_needed("prioritized", ATARI, 1, 1_000_000) < 7.2e9
    assert bytes_needed("uniform", ATARI, 3, 1_000_000) == 3 * bytes_needed(
        "uniform", ATARI, 1, 1_000_000
    )


@pytest.mark.parametrize("capacity", [1, 1000, 12345])
def test_the_estimate_is_what_is_allocated(capacity: int) -> None:
    one = UniformReplaySettings(capacity=capacity).build(VECTOR, (0,), 100)
    assert bytes_needed("uniform", VECTOR, 1, capacity) == stored(one) == capacity * 49
    images = UniformReplaySettings(capacity=capacity).build(ATARI, (0,), 100)
    ends = capacity // 100 * (84 * 84 + 200)  # an episode of 100 steps leaves a frame more
    assert bytes_needed("uniform", ATARI, 1, capacity) == stored(images) + ends


def test_the_tree_by_hand() -> None:
    # 40,000 leaves, filled up to 1,280 sums of 32, and 40 sums of those
    difference = bytes_needed("prioritized", VECTOR, 1, 40_000) - 40_000 * 49
    assert difference == 8 * (40 * 1024 + 40 * 32 + 40)


@pytest.mark.parametrize("name", ["uniform", "prioritized"])
@pytest.mark.parametrize("free", [2e6, 3.3e8])
def test_the_capacity_that_is_offered_fits_and_no_larger_one(
    name: str, free: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: int(free))
    words = (*SMALL_DQN, f"replay={name}", "env=CartPole-v1", "seeds=3")
    with pytest.raises(BadInput, match=r"transitions of 3 seeds take .* the most that fits") as e:
        build.validate(settings(*words, "replay.capacity=20000000"))
    most = int(str(e.value).rpartition("replay.capacity=")[2].rstrip("."))
    assert (
        bytes_needed(name, VECTOR, 3, most) <= 0.8 * free < bytes_needed(name, VECTOR, 3, most + 1)
    )
    build.validate(settings(*words, f"replay.capacity={most}"))
    with pytest.raises(BadInput, match="the most that fits"):
        build.validate(settings(*words, f"replay.capacity={most + 1}"))


def test_a_rollout_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # of each step: twice four numbers seen, 8 bytes of action, two float64, one bool
    each = 3 * 2 * (2 * 4 * 4 + 8 + 2 * 8 + 1)
    monkeypatch.setattr(memory, "free_memory", lambda: 1000 * each)
    words = ("agent=ppo", "tuned=none", "env=CartPole-v1", "env.num_envs=2", "seeds=3")
    build.validate(settings(*words, "agent.n_steps=800", "agent.batch_size=null"))
    sentence = r"agent.n_steps must be smaller: 801 take .* the most that fits is 800$"
    with pytest.raises(BadInput, match=sentence):
        build.validate(settings(*words, "agent.n_steps=801", "agent.batch_size=null"))


def test_what_the_replay_of_settings_takes() -> None:
    def size(*words: str) -> int:
        parts = construct(Settings, settings("env=CartPole-v1", *words), "")
        return build.replay_bytes(parts, VECTOR)

    assert size("agent=dqn", "replay.capacity=1000", "seeds=2") == 2 * 1000 * 49
    assert size("agent=random") == 0


def test_a_large_replay_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 20 * 10**9)
    monkeypatch.setattr("rlrun.run.replay_bytes", lambda *_: 7_155_000_000)
    sentence = "the replay will take up to 7.16 GB of 20 GB free memory"
    assert memory.announcement("the replay", 7_155_000_000) == sentence
    assert memory.announcement("the replay", 99_999_999) == ""
    words = ("total_steps=10", "eval.final_episodes=0", "seeds=1")
    start_run(settings(*SMALL_DQN, "env=CartPole-v1", *words), tmp_path, "rlrun again")
    assert sentence in (tmp_path / "run.log").read_text()
    out = capsys.readouterr()
    assert sentence in out.out + out.err


def test_allocation_that_the_system_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    draws = Streams((0,), Purpose.REPLAY)
    monkeypatch.setattr(np, "zeros", refuse)
    with pytest.raises(ValueError, match=r"^capacity must be smaller: 10 trans"):
        Replay(VECTOR, 1, Uniform(draws), capacity=10)
