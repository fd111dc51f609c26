"""What TensorBoard draws of its own: bands, level lines, and the runs that are shown."""

from __future__ import annotations

import json
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
from tensorboard.plugins.custom_scalar import metadata as custom_scalar

from rlrun import stats
from rlrun.run_folder.board import film_place
from rlrun.run_folder.logger import Logger
from tests.support.logged import lines, scalars
from tests.support.resume import resume, run

LEVEL = "reference/eval/mean_reward"


def layout(folder: Path) -> layout_pb2.Layout:
    events = EventAccumulator(str(folder))
    events.Reload()
    (event,) = events.Tensors(custom_scalar.CONFIG_SUMMARY_TAG)
    return layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])


def lines_of(chart: layout_pb2.Chart) -> list[tuple[str, str, str]]:
    return [(each.lower, each.value, each.upper) for each in chart.margin.series]


def test_a_chart_has_the_middle_and_the_band_of_one_run(tmp_path: Path) -> None:
    logger = Logger(tmp_path, range(5), {}, reference=2.5, show_seeds=True)
    for step, reward in ((7, [1.0, 3.0, 3.0, 3.0, 3.0]), (9, [4.0] * 5)):
        logger.write(step, {tag: np.array(reward) for tag in ("eval/mean_reward", "train/loss")})
    logger.close()
    (category,) = layout(tmp_path / "iqm").category
    assert [chart.title for chart in category.chart] == ["eval/mean_reward", "rollout/ep_rew_mean"]
    band, level = lines_of(category.chart[0])
    drawn = scalars(tmp_path / "iqm")
    low, high = stats.bootstrap_ci([1.0, 3.0, 3.0, 3.0, 3.0])
    assert [drawn[tag] for tag in band] == [
        [(7, pytest.approx(low)), (9, 4.0)],
        [(7, 3.0), (9, 4.0)],
        [(7, pytest.approx(high)), (9, 4.0)],
    ]
    assert level == (LEVEL,) * 3  # a line without a band, as long as the curve
    assert drawn[LEVEL] == [(7, 2.5), (9, 2.5)]
    assert len(lines_of(category.chart[1])) == 1  # the reference is one of evaluations
    for seed in range(5):  # a layout that is there twice is drawn twice
        with pytest.raises(KeyError):
            layout(tmp_path / f"seed_{seed}")


@pytest.mark.parametrize(("seeds", "name"), [(1, "seed_0"), (2, "mean"), (3, "mean"), (4, "iqm")])
def test_a_chart_of_few_seeds_has_a_line_without_a_band(
    tmp_path: Path, seeds: int, name: str
) -> None:
    logger = Logger(tmp_path, range(seeds), {})
    logger.write(7, {"eval/mean_reward": np.arange(float(seeds))})
    logger.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["metrics.jsonl", name])
    (category,) = layout(tmp_path / name).category
    assert lines_of(category.chart[0]) == [("eval/mean_reward",) * 3]
    assert scalars(tmp_path / name) == {"eval/mean_reward": [(7, (seeds - 1) / 2)]}


def test_charts_of_few_and_of_many_seeds_are_in_one_category(tmp_path: Path) -> None:
    """TensorBoard merges the charts of the first category alone."""
    titles = []
    for seeds in (1, 5):
        (tmp_path / str(seeds)).mkdir()
        Logger(tmp_path / str(seeds), range(seeds), {}).close()
        (run,) = (tmp_path / str(seeds)).glob("*/")
        titles.append(layout(run).category[0].title)
    assert titles[0] == titles[1]


def test_a_resumed_run_keeps_its_charts_and_its_line_grows(tmp_path: Path) -> None:
    position: dict[str, Any] = {}
    for step in (100, 200, 300):
        logger = Logger(tmp_path, [1, 2], {"agent.lr": 0.5}, position, reference=-13.0)
        logger.write(step, {"eval/mean_reward": np.array([1.0, 2.0])})
        position = logger.position(step)
        logger.write(step + 50, {"eval/mean_reward": np.array([7.0, 7.0])})  # after the checkpoint
        logger.close()
        assert logger.damaged == []
        assert len(layout(tmp_path / "mean").category) == 1
    assert [step for step, _ in scalars(tmp_path / "mean")[LEVEL]] == [100, 200, 300, 350]


def test_the_mean_return_comes_before_the_discounted_one(tmp_path: Path) -> None:
    """The order of cards is that of their tags; metrics.jsonl keeps the name."""
    logger = Logger(tmp_path, [0, 1], {}, show_seeds=True)
    logger.write(3, {f"eval/{name}": np.ones(2) for name in ("discounted_return", "mean_reward")})
    logger.close()
    for name in ("mean", "seed_0", "seed_1"):
        assert sorted(scalars(tmp_path / name)) == ["eval/mean_reward", "eval/return_discounted"]
    assert "eval/discounted_return" in lines(tmp_path)[0]


def test_a_whole_run_shows_its_threshold_its_best_and_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, "total_steps=120", "eval.every=40")
    shown = scalars(folder / "mean")
    assert shown[LEVEL] == [(step, 475.0) for step in (40, 80, 120)]
    seed = scalars(folder / "seed_1")  # two seeds are shown
    evaluations = [value for _, value in seed["eval/mean_reward"]]
    assert seed["final/best_mean_reward"] == [(120, max(evaluations))] and len(evaluations) == 3
    assert set(shown) == {*seed, LEVEL}
    assert resume(str(folder), "total_steps=160") == 0
    assert scalars(folder / "mean")[LEVEL] == [(step, 475.0) for step in (40, 80, 120, 160)]
    longer = scalars(folder / "seed_1")
    assert [step for step, _ in longer["final/best_mean_reward"]] == [160]
    assert [step for step, _ in longer["final/mean_reward"]] == [160]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("seeds=5",), ["iqm"]),
        (("seeds=4",), ["iqm", "seed_0", "seed_1", "seed_2", "seed_3"]),
        (("seeds=3", "log.seeds=false"), ["mean"]),
        (("seeds=5", "log.seeds=true"), ["iqm", *(f"seed_{i}" for i in range(5))]),
        (("seeds=1", "log.seeds=true"), ["seed_0"]),
    ],
)
def test_seeds_are_runs_where_they_are_few_or_asked_for(
    tmp_path: Path, words: tuple[str, ...], shown: list[str]
) -> None:
    folder = tmp_path / "run"
    run(folder, "total_steps=4", "eval.every=0", "eval.final_episodes=0", *words)
    assert sorted({path.parent.name for path in folder.glob("*/events*")}) == shown
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    assert len({json.loads(row)["seed"] for row in rows}) == int(words[0][-1])


def test_the_best_is_told_without_a_last_evaluation_too(tmp_path: Path) -> None:
    run(tmp_path / "run", "total_steps=40", "eval.every=40", "eval.final_episodes=0")
    seed = scalars(tmp_path / "run" / "seed_0")
    assert seed["final/best_mean_reward"] == seed["eval/mean_reward"]
    assert "final/mean_reward" not in seed


def test_no_line_where_the_environment_is_another_one(tmp_path: Path) -> None:
    run(tmp_path / "run", "total_steps=4", "eval.every=0", "env.max_episode_steps=100")
    for folder in (tmp_path / "run").glob("*/"):
        assert LEVEL not in scalars(folder)


@pytest.mark.parametrize(
    ("seeds", "show_seeds", "place"),
    [
        (1, False, ("seed_0", "")),
        (2, False, ("mean", "/seed_0")),
        (5, False, ("iqm", "/seed_0")),
        (5, True, ("seed_0", "")),
    ],
)
def test_a_film_is_where_the_run_shows_what_only_its_seed_has(
    tmp_path: Path, seeds: int, show_seeds: bool, place: tuple[str, str]
) -> None:
    logger = Logger(tmp_path, range(seeds), {}, show_seeds=show_seeds)
    logger.animation(1, "video", b"GIF", (3, 2))
    logger.close()
    folder, ending = film_place(tmp_path, 0)
    assert (folder.name, ending) == place
    assert EventAccumulator(str(folder)).Reload().Tags()["images"] == [f"video{ending}"]
