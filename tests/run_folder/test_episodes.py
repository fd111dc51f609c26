"""Training episodes: in the folder, thinned by a rule, and read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun.run_folder.episode_writer import EpisodeWriter, is_charted
from rlrun.run_folder.episodes import (
    EPISODES,
    Points,
    group_size,
    line,
    means_of_last,
    numbers_from,
    read_episodes,
)
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.logger import Logger
from rlrun.training.episodes import EpisodeCounter
from tests.support.common import differences


def test_points_are_episodes_and_later_groups_of_them() -> None:
    edges = {1: 1, 10_000: 1, 10_001: 10, 100_000: 10, 100_001: 100, 10**6: 100, 10**6 + 1: 1000}
    assert {number: group_size(number) for number in edges} == edges
    numbers = numbers_from(1, 10_000 + 9_000 + 2)
    assert numbers[:3].tolist() == [1, 2, 3]
    assert numbers[9_998:10_003].tolist() == [9_999, 10_000, 10_010, 10_020, 10_030]
    assert numbers[-3:].tolist() == [100_000, 100_100, 100_200]
    assert numbers_from(99_991, 3).tolist() == [100_000, 100_100, 100_200]
    assert len(numbers_from(1, 0)) == 0
    episodes = np.arange(1, 100_001)
    charted = episodes[is_charted(episodes)]
    assert charted[997:1004].tolist() == [998, 999, 1000, 1010, 1020, 1030, 1040]
    assert len(charted) == 1000 + 900 + 900


def test_the_counter_groups_episodes_and_is_restored_within_a_group() -> None:
    """10,025 episodes with the return k: the groups' means are worked out by hand."""
    counter = EpisodeCounter(2)
    taken = []
    for number in range(1, 10_026):
        counter.add(1, float(number), float(2 * number))
        if number in (3, 10_004, 10_013):
            taken.append(counter.take())
            other = EpisodeCounter(2)
            other.load_state_dict(counter.state_dict())
            counter = other
    taken.append(counter.take())
    assert [list(each) for each in taken] == [[1], [1], [1], [1]]
    points = [each[1] for each in taken]
    assert points[0] == Points(1, [1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert (points[1].first, len(points[1].returns), points[1].returns[-1]) == (4, 9_997, 10_000.0)
    assert points[2] == Points(10_001, [10_005.5], [20_011.0])
    assert points[3] == Points(10_011, [10_015.5], [20_031.0])
    assert counter.counts.tolist() == [0, 10_025]


@pytest.mark.parametrize("most", [1, 37, 10**6])
def test_points_are_sums_in_the_order_of_episodes(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit those of a loop over episodes, however many come at once, or are kept."""
    monkeypatch.setattr("rlrun.training.episodes.MOST_NEW", most)
    returns = np.random.default_rng(0).standard_normal(10_057).tolist()
    one, many, restored = EpisodeCounter(1), EpisodeCounter(1), EpisodeCounter(1)
    for score in returns:
        one.add(0, score, 2.0)
    for start, stop in ((0, 7), (7, 9_990), (9_990, 10_013), (10_013, 10_013), (10_013, 10_057)):
        many.extend(0, returns[start:stop], [2.0] * (stop - start))
        restored.load_state_dict(many.state_dict())
    wanted = returns[:10_000]
    for start in range(10_000, 10_050, 10):
        total = 0.0
        for score in returns[start : start + 10]:
            total += score
        wanted.append(total / 10)
    assert differences(one.state_dict(), many.state_dict()) == []
    for counter in (one, many, restored):
        assert counter.take() == {0: Points(1, wanted, [2.0] * len(wanted))}
        counter.extend(0, [1.0] * 3, [1.0] * 3)
        total = 0.0
        for score in [*returns[10_050:], 1.0, 1.0, 1.0]:
            total += score
        assert counter.take() == {0: Points(10_051, [total / 10], [1.7])}


def test_sizes_of_points_change_within_what_comes_at_once() -> None:
    counter = EpisodeCounter(1)
    counter.extend(0, np.arange(1.0, 100_251).tolist(), [1.0] * 100_250)
    (points,) = counter.take().values()
    numbers = numbers_from(1, len(points.returns))
    assert len(numbers) == 10_000 + 9_000 + 2
    sizes = np.array([group_size(number) for number in numbers.tolist()])
    assert np.array_equal(points.returns, numbers - (sizes - 1) / 2)
    assert counter.counts.tolist() == [100_250]


@pytest.mark.parametrize("last", [1, 3, 100])
def test_means_of_the_last_are_those_counted_one_by_one(last: int) -> None:
    episodes = np.random.default_rng(0).integers(0, 500, 10_340).astype(np.float64)
    numbers = numbers_from(1, 10_000 + 34)
    values = [episodes[n - group_size(n) : n].mean() for n in numbers.tolist()]
    found = means_of_last(numbers, np.array([values]), last)[0]
    for number, mean in zip(numbers.tolist(), found.tolist(), strict=True):
        size = max(last, group_size(number))
        assert mean == pytest.approx(episodes[max(0, number - size) : number].mean(), rel=1e-9)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / EPISODES
    lines = [
        line(7, Points(1, [9.0, 10.5], [9.0, 10.0])),
        line(8, Points(1, [float("inf")], [4.0])),
        line(7, Points(3, [11.0], [11.0])),
    ]
    assert json.loads(lines[0]) == {
        "seed": 7,
        "episode": 1,
        "returns": [9, 10.5],
        "lengths": [9, 10],
    }
    path.write_text("".join(f"{each}\n" for each in lines) + '{"seed": 7, "epi')
    episodes = read_episodes(path, (7, 8))
    assert episodes.numbers.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(episodes.returns, [[9, 10.5, 11], [np.nan] * 3])
    np.testing.assert_array_equal(episodes.lengths, [[9, 10, 11], [4, np.nan, np.nan]])
    np.testing.assert_allclose(episodes.mean_returns(2)[0], [9, 9.75, 10.75])
    assert read_episodes(tmp_path / "none", (7, 8)).returns.shape == (2, 0)


@pytest.mark.parametrize(
    "text",
    [
        '{"seed": 9, "episode": 1, "returns": [1], "lengths": [1]}',
        '{"seed": 7, "episode": 0, "returns": [1], "lengths": [1]}',
        '{"seed": 7, "episode": 1, "returns": [1, 2], "lengths": [1]}',
        '{"seed": 7, "episode": 10003, "returns": [1], "lengths": [1]}',
        '{"seed": 7, "episode": 1e300, "returns": [1], "lengths": [1]}',
        '{"seed": 7, "episode": 1, "returns": ["x"], "lengths": [1]}',
        '{"seed": 7, "episode": 1, "returns": 5, "lengths": 5}',
        "[]",
        "\0",
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / EPISODES).write_text(f"{text}\n")
    with pytest.raises(FolderError, match=r"episodes\.jsonl is damaged: a line of it does"):
        read_episodes(tmp_path / EPISODES, (7,))


def scalars(folder: Path, tag: str) -> dict[int, float]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {point.step: point.value for point in events.Scalars(tag)}


def test_curves_by_episode_also_after_a_resume(tmp_path: Path) -> None:
    """The average is over all seeds: that of an episode waits until each has had it."""
    folder = tmp_path / "run"
    folder.mkdir()
    logger = Logger(folder, (7, 8), {}, show_seeds=True)
    logger.episodes({0: Points(1, [1.0, 3.0, 8.0], [5.0, 6.0, 7.0]), 1: Points(1, [5.0], [9.0])})
    position = logger.position(40)
    logger.episodes({1: Points(2, [100.0], [100.0])})  # cut off
    logger.close()
    logger = Logger(folder, (7, 8), {}, position, show_seeds=True)
    logger.episodes({1: Points(2, [7.0, 0.0], [1.0, 2.0])})
    logger.close()
    mean = "by_episode/return_mean_100"
    assert scalars(folder / "mean", "by_episode/return") == {1: 3.0, 2: 5.0, 3: 4.0}
    assert scalars(folder / "mean", mean) == {1: 3.0, 2: 4.0, 3: 4.0}
    assert scalars(folder / "mean", "by_episode/length") == {1: 7.0, 2: 3.5, 3: 4.5}
    assert scalars(folder / "seed_7", mean) == {1: 1.0, 2: 2.0, 3: 4.0}
    assert read_episodes(folder / EPISODES, (7, 8)).returns.tolist() == [[1, 3, 8], [5, 7, 0]]


def test_a_shorter_file_is_reported_and_the_gap_is_nan(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path, (7,), 0)
    writer.write({0: Points(1, [1.0], [1.0])})
    short = writer.size()
    writer.write({0: Points(2, [2.0], [2.0])})
    size = writer.size()
    content = (tmp_path / EPISODES).read_bytes()
    (tmp_path / EPISODES).write_bytes(content[: short + 3])
    writer = EpisodeWriter(tmp_path, (7,), size)
    assert writer.damaged == ["episodes.jsonl is shorter than at the checkpoint"]
    writer.write({0: Points(3, [3.0], [3.0])})
    np.testing.assert_array_equal(
        read_episodes(tmp_path / EPISODES, (7,)).returns, [[1.0, np.nan, 3.0]]
    )


def test_averages_are_of_the_episodes_that_all_seeds_have(tmp_path: Path) -> None:
    """Seed 7 has lost its episodes 3 and 4, seed 8 its fifth one."""
    writer = EpisodeWriter(tmp_path, (7, 8), 0)
    assert writer.write({0: Points(1, [1.0, 2.0], [1.0, 1.0])}, by_seed=False) == []
    averages = writer.write({1: Points(1, [3.0, 4.0, 5.0, 6.0], [1.0] * 4)}, by_seed=False)
    assert [(each.seed, each.number) for each in averages] == [(None, 1), (None, 2)]
    taken = {0: Points(5, [7.0, 8.0, 9.0], [1.0] * 3), 1: Points(6, [10.0, 11.0], [3.0] * 2)}
    averages = writer.write(taken, by_seed=False)
    assert [each.number for each in averages] == [6, 7]
    assert [each.values["by_episode/return"] for each in averages] == [9.0, 10.0]
