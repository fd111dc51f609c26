"""What is written is read back as TensorBoard and scripts read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.plugins.hparams import metadata  # type: ignore[import-untyped]

from rlrun import stats
from rlrun.run_folder.events import EventFile
from rlrun.run_folder.logger import Logger
from tests.support.logged import hparams, lines, scalars
from tests.support.work import calls

NAN = float("nan")


def test_each_seed_number_has_its_own_run_and_lines(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [703, 9], {}, show_seeds=True)
    logger.write(5000, {"eval/mean_reward": np.array([500.0, 21.5]), "time/fps": np.array([1, 1])})
    logger.write(6000, {"train/loss": np.array([0.25, 0.5], dtype=np.float32)})
    logger.close()
    assert lines(tmp_path) == [
        {"step": 5000, "seed": 703, "eval/mean_reward": 500.0, "time/fps": 1.0},
        {"step": 5000, "seed": 9, "eval/mean_reward": 21.5, "time/fps": 1.0},
        {"step": 6000, "seed": 703, "train/loss": 0.25},
        {"step": 6000, "seed": 9, "train/loss": 0.5},
    ]
    assert scalars(tmp_path / "seed_9") == {
        "eval/mean_reward": [(5000, 21.5)],
        "time/fps": [(5000, 1.0)],
        "train/loss": [(6000, 0.5)],
    }
    assert scalars(tmp_path / "seed_703")["eval/mean_reward"] == [(5000, 500.0)]


def test_what_is_not_finite_is_left_out_for_its_seed_alone(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [0, 1, 2], {}, show_seeds=True)
    logger.write(10, {"train/loss": np.array([NAN, 2.0, np.inf])})
    logger.close()
    assert lines(tmp_path) == [{"step": 10, "seed": 1, "train/loss": 2.0}]
    assert [scalars(tmp_path / f"seed_{k}") for k in (0, 1, 2)] == [
        {},
        {"train/loss": [(10, 2.0)]},
        {},
    ]


def test_aggregates_over_seeds_at_steps_where_every_seed_has_a_value(tmp_path: Path) -> None:
    logger = Logger(tmp_path, range(4, 9), {})
    first = [0.0, 0.0, 3.0, 0.0, 9.0]  # 0, 0 and 3 are averaged
    for step, returns in ((1, first), (2, [0.0, NAN, 3.0, 3.0, 3.0]), (3, [2.0] * 5)):
        logger.write(
            step,
            {
                "rollout/ep_rew_mean": np.array(returns),
                "eval/mean_reward": np.array(first[::-1] if step == 1 else [NAN] * 5),
                "train/loss": np.array(returns),
            },
        )
    logger.close()
    low, high = map(np.float32, stats.bootstrap_ci(first))
    assert scalars(tmp_path / "iqm") == {
        "rollout/ep_rew_mean": [(1, 1.0), (3, 2.0)],
        "eval/mean_reward": [(1, 1.0)],
        "train/loss": [(1, 1.0), (3, 2.0)],
        "interval/rollout/ep_rew_mean/low": [(1, low), (3, 2.0)],
        "interval/rollout/ep_rew_mean/high": [(1, high), (3, 2.0)],
        "interval/eval/mean_reward/low": [(1, low)],
        "interval/eval/mean_reward/high": [(1, high)],
    }
    assert sorted(os.listdir(tmp_path)) == ["iqm", "metrics.jsonl"]


def test_one_seed_has_no_aggregates(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [7], {})
    logger.write(1, {"eval/mean_reward": np.array([1.0])})
    logger.close()
    assert sorted(os.listdir(tmp_path)) == ["metrics.jsonl", "seed_7"]


def test_hyperparameters_are_in_the_same_run_and_file(tmp_path: Path) -> None:
    given: dict[str, bool | int | float | str] = {
        "seed": 0,
        "agent.lr": 1e-3,
        "agent.double": True,
        "agent.name": "dqn",
    }
    logger = Logger(tmp_path, [0, 703], given)
    running = hparams(tmp_path / "mean")
    logger.write(1, {"eval/mean_reward": np.array([1.0, 2.0])})
    logger.close()
    assert sorted(os.listdir(tmp_path)) == ["mean", "metrics.jsonl"]
    assert len(os.listdir(tmp_path / "mean")) == 1
    assert set(running) == {metadata.SESSION_START_INFO_TAG, metadata.EXPERIMENT_TAG}
    content = hparams(tmp_path / "mean")
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    read = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert read == given
    assert read["agent.double"] is True
    end = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
    assert end.status == 1  # success, in TensorBoard's api.proto
    assert end.end_time_secs >= start.start_time_secs > 0


def test_everything_can_be_read_before_the_end(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [1, 2], {}, show_seeds=True)
    logger.write(1, {"eval/mean_reward": np.array([1.0, 2.0])})
    assert len(lines(tmp_path)) == 2
    assert scalars(tmp_path / "seed_2") == {"eval/mean_reward": [(1, 2.0)]}
    assert scalars(tmp_path / "mean")["eval/mean_reward"] == [(1, 1.5)]
    logger.close()


def test_a_second_logger_goes_on_where_the_first_one_was(tmp_path: Path) -> None:
    position: dict[str, Any] = {}
    for first, last in ((1, 3), (3, 5), (5, 6)):  # each writes more than was saved of it
        logger = Logger(tmp_path, range(1, 6), {}, position, show_seeds=True)
        for step in range(first, last):
            logger.write(step, {"eval/mean_reward": np.full(5, step)})
        position = logger.position(last - 1)
        if last < 6:
            for step in range(last, last + 2):  # killed before the next checkpoint
                logger.write(step, {"eval/mean_reward": np.arange(-5.0, 0.0)})
        logger.close()
        logger.close()  # once is enough, twice does no harm
    assert [(line["step"], line["seed"]) for line in lines(tmp_path)] == [
        (step, seed) for step in range(1, 6) for seed in range(1, 6)
    ]
    for run in ("seed_1", "seed_5", "iqm"):
        points = [(step, float(step)) for step in range(1, 6)]
        assert scalars(tmp_path / run)["eval/mean_reward"] == points
    for end in ("low", "high"):
        assert scalars(tmp_path / "iqm")[f"interval/eval/mean_reward/{end}"] == points


def test_a_run_of_version_0_1_0_keeps_its_seeds_and_its_average(tmp_path: Path) -> None:
    """That version had a run for each seed, the average and the ends of intervals, also of two."""
    old = ("seed_1", "seed_2", "iqm", "ci_low", "ci_high", "threshold")
    for name in old:
        file = EventFile(tmp_path / name)
        file.scalars(0.0, 1, {"eval/mean_reward": 1.0})
        file.flush()
        file.sync()
        file.close()
    (tmp_path / "metrics.jsonl").touch()
    written = {str(p.relative_to(tmp_path)): p.stat().st_size for p in tmp_path.glob("*/events*")}
    for name in ("iqm", "ci_low"):  # after the checkpoint
        EventFile(tmp_path / name).close()
    position = {"step": 1, "lines": 0, "events": written}
    logger = Logger(tmp_path, [1, 2], {}, position, reference=475.0)
    logger.write(2, {"eval/mean_reward": np.array([2.0, 4.0])})
    logger.close()
    assert logger.damaged == []
    found = {name: scalars(tmp_path / name)["eval/mean_reward"] for name in old}
    assert found == {
        "seed_1": [(1, 1.0), (2, 2.0)],
        "seed_2": [(1, 1.0), (2, 4.0)],
        "iqm": [(1, 1.0), (2, 3.0)],
        "ci_low": [(1, 1.0)],
        "ci_high": [(1, 1.0)],
        "threshold": [(1, 1.0)],
    }
    assert sorted(os.listdir(tmp_path)) == sorted([*old, "metrics.jsonl"])


def test_without_a_position_the_log_begins_anew(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        logger = Logger(tmp_path, [1], {})
        logger.write(1, {"time/fps": np.array([value])})
        logger.close()
    assert scalars(tmp_path / "seed_1") == {"time/fps": [(1, 2.0)]}
    assert len(lines(tmp_path)) == 1


def test_nothing_outside_of_the_folder_is_cut(tmp_path: Path) -> None:
    """A position is read from a file, and files of a folder may be links."""
    outside = tmp_path / "outside"
    (outside / "seed_1").mkdir(parents=True)
    events = outside / "seed_1" / "events.out.tfevents.1.2"
    events.write_text("keep")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "seed_1").symlink_to(outside / "seed_1")
    (tmp_path / "run" / "other").mkdir()
    position = {"step": 1, "lines": 0, "events": {"../outside/seed_1/events.out.tfevents.1.2": 0}}
    Logger(tmp_path / "run", [2], {}, position).close()
    assert events.read_text() == "keep"


def test_numbers_are_short_and_read_back_as_they_were(tmp_path: Path) -> None:
    third, tenth = np.float64(1 / 3), np.float32(0.1)
    logger = Logger(tmp_path, [1], {})
    logger.write(1, {"a": np.array([third]), "b": np.array([tenth])})
    logger.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == '{"step": 1, "seed": 1, "a": 0.3333333333333333, "b": 0.1}\n'
    (line,) = lines(tmp_path)
    assert line["a"] == third and np.float32(line["b"]) == tenth


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1)])
def test_another_shape_is_refused_and_nothing_is_written(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    logger = Logger(tmp_path, [1, 2], {})
    with pytest.raises(ValueError, match=r"train/loss needs one value for each of 2 seeds"):
        logger.write(1, {"time/fps": np.ones(2), "train/loss": np.ones(shape)})
    logger.close()
    assert lines(tmp_path) == [] and scalars(tmp_path / "mean") == {}


def test_a_write_is_cheap(tmp_path: Path) -> None:
    """7 metrics of 10 seeds: about 10 calls for each number that is written."""
    logger = Logger(tmp_path, range(10), {})
    tags = ("rollout/ep_rew_mean", "eval/mean_reward", "a", "b", "c", "d", "e")
    metrics = {tag: np.linspace(0.0, 1.0, 10) for tag in tags}
    logger.write(0, metrics)
    assert calls(lambda: logger.write(1, metrics)) < 1500
    logger.close()
