"""The picture of training by episode: its data, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from rlrun.results.grouping import grouped
from rlrun.results.report.by_episode import MOST_EPISODES, episode_curves
from rlrun.results.report.curves import MOST_POINTS
from rlrun.run_folder.episodes import Points, line
from rlrun.run_folder.reader import read_runs
from tests.support.figures import drawn, points
from tests.support.reports import leave

pytestmark = pytest.mark.slow


def left(folder: Path, returns: Mapping[int, list[float]], first: int = 0) -> Path:
    """A run whose seeds had episodes with these returns."""
    leave(folder, [1.0] * len(returns), seed=first, seeds=len(returns))
    lines = [line(seed, Points(1, each, [1.0] * len(each))) for seed, each in returns.items()]
    (folder / "episodes.jsonl").write_text("".join(f"{each}\n" for each in lines))
    return folder


def test_one_run_shows_its_episodes_and_the_mean_of_the_last_hundred(tmp_path: Path) -> None:
    """Returns 1 to 150: the mean of the last 100 of 150 is 100.5, that of all of 3 is 2."""
    left(tmp_path / "run", {0: [float(k) for k in range(1, 151)]})
    figure = drawn(tmp_path)["curves-CartPole-v1-by-episode"]
    axes = figure.figure.axes[0]
    thin, mean = map(points, axes.get_lines())
    assert thin == ([*range(1, 151)], [*range(1, 151)])
    assert (mean[0], mean[1][2], mean[1][99], mean[1][149]) == ([*range(1, 151)], 2.0, 50.5, 100.5)
    assert axes.get_xlabel() == "training episodes of each seed"
    assert "The thin line is the return of single episodes." in figure.notes


def test_seeds_are_averaged_up_to_the_last_episode_that_all_have_had(tmp_path: Path) -> None:
    left(tmp_path / "0", {0: [2.0, 4.0, 6.0], 1: [4.0, 8.0]})
    left(tmp_path / "1", {2: [0.0, 0.0, 3.0]}, first=2)
    (variant,) = grouped(read_runs([tmp_path])[0])
    curves = episode_curves(variant)
    assert curves is not None
    assert (curves.mean.seeds, curves.mean.steps.tolist()) == ([0, 1, 2], [1, 2])
    assert curves.mean.values.tolist() == [[2.0, 3.0], [4.0, 6.0], [0.0, 0.0]]
    assert curves.episodes.values.tolist() == [[2.0, 4.0]]
    assert curves.mean.note.endswith("ends at episode 2, the last one that all its seeds have had.")


def test_without_recorded_episodes_there_is_no_picture(tmp_path: Path) -> None:
    leave(tmp_path / "run", [1.0, 2.0], {50: [1.0, 2.0]})
    assert "curves-CartPole-v1-by-episode" not in drawn(tmp_path)


def test_long_trainings_are_thinned_evenly_by_episode(tmp_path: Path) -> None:
    left(tmp_path / "run", {0: [1.0] * 10_000 + [3.0] * 1_000})  # of 20,000 episodes
    (variant,) = grouped(read_runs([tmp_path])[0])
    curves = episode_curves(variant)
    assert curves is not None
    steps = curves.mean.steps
    assert (steps[0], steps[-1], len(steps)) == (1, 20_000, MOST_POINTS)
    assert np.diff(steps).max() <= 110
    assert len(curves.episodes.steps) == MOST_EPISODES
    assert curves.mean.values[0, -1] == 3.0
