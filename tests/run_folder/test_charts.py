"""What TensorBoard draws of its own: bands, level lines, and rows of hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from tensorboard.plugins.custom_scalar import (  # type: ignore[import-untyped]
    layout_pb2,
)
from tensorboard.plugins.custom_scalar import (
    metadata as custom_scalar,
)
from tensorboard.plugins.hparams import metadata  # type: ignore[import-untyped]

from rlrun.run_folder.logger import Logger
from tests.run_folder.test_logger import hparams, scalars
from tests.support.resume import resume, run

LEVEL = (
    "eval/mean_reward",
    "interval/eval/mean_reward/low",
    "interval/eval/mean_reward/high",
)


def level(folder: Path) -> list[tuple[int, float]]:
    """The points of a level line, which is the middle and both ends of a band in one."""
    curves = scalars(folder)
    assert set(curves) == set(LEVEL) and len({tuple(curve) for curve in curves.values()}) == 1
    return curves["eval/mean_reward"]


def layout(folder: Path) -> layout_pb2.Layout:
    events = EventAccumulator(str(folder))
    events.Reload()
    (event,) = events.Tensors(custom_scalar.CONFIG_SUMMARY_TAG)
    return layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])


def test_a_chart_has_the_middle_and_the_band_of_one_run(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [4, 5], {})
    logger.write(7, {tag: np.array([1.0, 3.0]) for tag in ("eval/mean_reward", "train/loss")})
    logger.close()
    (category,) = layout(tmp_path / "iqm").category
    assert [chart.title for chart in category.chart] == ["eval/mean_reward", "rollout/ep_rew_mean"]
    (series,) = category.chart[0].margin.series
    drawn = scalars(tmp_path / "iqm")
    assert [drawn[tag] for tag in (series.lower, series.value, series.upper)] == [
        [(7, 1.0)],
        [(7, 2.0)],
        [(7, 3.0)],
    ]
    for other in ("seed_4", "ci_low", "ci_high"):  # a layout that is there twice is drawn twice
        with pytest.raises(KeyError):
            layout(tmp_path / other)


def test_a_level_line_goes_from_start_to_end(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [1], {})
    logger.line("threshold", 475.0, 5000)
    logger.close()
    assert level(tmp_path / "threshold") == [(0, 475.0), (5000, 475.0)]


def test_who_goes_on_replaces_the_line_and_keeps_the_rest(tmp_path: Path) -> None:
    position: dict[str, Any] = {}
    for last in (100, 100, 300):
        logger = Logger(tmp_path, [1, 2], {"agent.lr": 0.5}, position)
        logger.line("published", -13.0, last)
        logger.write(len(position), {"eval/mean_reward": np.array([1.0, 2.0])})
        position = logger.position(last)
        logger.close()
        assert logger.damaged == []
        assert level(tmp_path / "published") == [(0, -13.0), (last, -13.0)]
        assert len(layout(tmp_path / "iqm").category) == 1


def test_each_run_is_a_row_of_its_own(tmp_path: Path) -> None:
    """With a name made of the settings alone, a run that is done again is averaged with itself."""
    names = []
    for folder in (tmp_path / "a" / "run", tmp_path / "b" / "run"):
        folder.mkdir(parents=True)
        Logger(folder, [3, 4], {"agent.lr": 0.5}).close()
        for seed in (3, 4):
            content = hparams(folder / f"seed_{seed}")[metadata.SESSION_START_INFO_TAG]
            names.append(metadata.parse_session_start_info_plugin_data(content).group_name)
    assert len(set(names)) == 4
    assert names[0].startswith("run/seed_3 ")


def test_a_whole_run_shows_its_threshold_its_best_and_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, "total_steps=120", "eval.every=40")
    assert level(folder / "threshold") == [(0, 475.0), (120, 475.0)]
    seed = scalars(folder / "seed_1")
    evaluations = [value for _, value in seed["eval/mean_reward"]]
    assert seed["final/best_mean_reward"] == [(120, max(evaluations))] and len(evaluations) == 3
    assert resume(str(folder), "total_steps=160") == 0
    assert level(folder / "threshold") == [(0, 475.0), (160, 475.0)]
    longer = scalars(folder / "seed_1")
    assert [step for step, _ in longer["final/best_mean_reward"]] == [160]
    assert [step for step, _ in longer["final/mean_reward"]] == [160]


def test_the_best_is_told_without_a_last_evaluation_too(tmp_path: Path) -> None:
    run(tmp_path / "run", "total_steps=40", "eval.every=40", "eval.final_episodes=0")
    seed = scalars(tmp_path / "run" / "seed_0")
    assert seed["final/best_mean_reward"] == seed["eval/mean_reward"]
    assert "final/mean_reward" not in seed


def test_no_line_where_the_environment_is_another_one(tmp_path: Path) -> None:
    run(tmp_path / "run", "total_steps=4", "eval.every=0", "env.max_episode_steps=100")
    assert not (tmp_path / "run" / "threshold").exists()
