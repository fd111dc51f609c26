"""The figures of a report, by the data of their axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun import stats
from rlrun.results.report.canvas import MOST_LINES
from tests.support.figures import CURVE, drawn, lines, points
from tests.support.reports import leave

pytestmark = pytest.mark.slow


def test_learning_curves_are_the_iqm_with_the_interval_of_the_statistics(tmp_path: Path) -> None:
    values = [[1.0, 2.0, 3.0, 30.0, 5.0], [4.0, 4.0, 0.0, 1.0, 2.0]]
    leave(tmp_path / "a", None, {10: values[0], 20: values[1]}, seeds=5)
    leave(tmp_path / "b", None, {10: [7.0] * 5}, seeds=5, agent={"lr": 0.5})
    assert drawn(tmp_path)["curves-CartPole-v1-eval-mean_reward"].notes == []
    figure = drawn(tmp_path)["curves-CartPole-v1-eval-mean_reward"].figure
    assert lines(figure) == {
        "agent.lr=0.001": ([10, 20], [stats.iqm(values[0]), stats.iqm(values[1])]),
        "agent.lr=0.5": ([10], [7.0]),
        "counts as solved: 475": ([0, 1], [475.0, 475.0]),
    }
    band = figure.axes[0].collections[1]  # that of 7.0, which is better, comes first
    (path,) = band.get_paths()
    corners = set(map(tuple, np.asarray(path.vertices).tolist()))
    for step, column in zip((10.0, 20.0), values, strict=True):
        assert {(step, end) for end in stats.bootstrap_ci(column)} <= corners
    words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert sorted(words) == ["agent.lr=0.001", "agent.lr=0.5", "counts as solved: 475"]


def test_the_axis_names_what_is_counted(tmp_path: Path) -> None:
    labels = []
    for name, data in (("steps", None), ("data", "earlier"), ("more", "other")):
        leave(tmp_path / name, None, {10: [1.0, 2.0]}, data=data)
        figure = drawn(tmp_path)["curves-CartPole-v1-eval-mean_reward"].figure
        labels.append(figure.axes[0].get_xlabel())
    assert labels == [
        "environment steps of each seed",
        *["environment steps (updates, where data is set) of each seed"] * 2,
    ]
    leave(tmp_path / "alone" / "run", None, {10: [1.0, 2.0]}, data="earlier")
    figure = drawn(tmp_path / "alone")["curves-CartPole-v1-eval-mean_reward"].figure
    assert figure.axes[0].get_xlabel() == "updates of each seed"


def test_reference_scores_are_drawn_where_they_hold_for_all_runs(tmp_path: Path) -> None:
    leave(tmp_path / "a", None, CURVE, env={"id": "Pendulum-v1"})
    curves = drawn(tmp_path)["curves-Pendulum-v1-eval-mean_reward"]
    assert lines(curves.figure)["published: -151.9"][1] == [-151.9, -151.9]
    assert curves.notes[0] == "Thin lines are single seeds."
    assert curves.notes[1:3] == [
        "Fewer than 5 seeds have no band.",
        "Up to 3 seeds: the line is the mean.",
    ]
    assert curves.notes[3].startswith("Published: TD3, RL Baselines3 Zoo")
    thin = [points(line)[1] for line in curves.figure.axes[0].get_lines()[:2]]
    assert thin == [[1.0, 3.0], [2.0, 4.0]]
    leave(tmp_path / "b", None, CURVE, env={"id": "Pendulum-v1", "kwargs": {"g": 1.0}})
    curves = drawn(tmp_path)["curves-Pendulum-v1-eval-mean_reward"]
    assert "published: -151.9" not in lines(curves.figure)
    assert not any(note.startswith("Published") for note in curves.notes)


def test_of_many_settings_the_best_are_shown_and_it_is_said(tmp_path: Path) -> None:
    for i in range(MOST_LINES + 1):
        leave(tmp_path / f"{i:02}", [float(i)] * 2, CURVE, agent={"lr": i + 1.0})
    figures = drawn(tmp_path)
    curves = figures["curves-CartPole-v1-eval-mean_reward"]
    labels = [f"agent.lr={i}" for i in range(13, 3, -1)]
    assert list(lines(curves.figure)) == [*labels, "counts as solved: 475"]
    assert curves.notes[0] == "Only the 10 best of 13 settings are shown."
    effect = figures["effects-CartPole-v1-dqn-agent.lr"].figure
    (line,) = [line for line in effect.axes[0].get_lines() if line.get_marker() == "D"]
    assert points(line)[0] == [i + 1.0 for i in range(13)]  # a hyperparameter shows all


def test_profiles_and_improvement_are_those_of_the_statistics(tmp_path: Path) -> None:
    scores = {"agent.lr=0.1": [1.0, 2.0, 3.0], "agent.lr=0.2": [2.5, 2.6, 9.0]}
    for label, values in scores.items():
        lr = float(label.rpartition("=")[2])
        leave(tmp_path / label, values, seeds=3, agent={"lr": lr})
    figures = drawn(tmp_path)
    profile = lines(figures["comparison-CartPole-v1-profile"].figure)
    for label, values in scores.items():
        x, y = profile[label]
        assert y == [sum(value > at for value in values) / 3 for at in x]
    axes = figures["comparison-CartPole-v1-improvement"].figure.axes[0]
    (dot,) = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert points(dot)[0] == [pytest.approx(7 / 9)]  # of nine pairs two are lost, 2.5 and 2.6 to 3
    # 3 seeds against 3 have 2 of 20 divisions at best, and no interval
    assert len(axes.get_lines()) == 2  # the dot, and the line at 0.5
    (text,) = (text.get_text() for text in axes.texts)
    assert text == "agent.lr=0.1 (too few seeds to tell; exact rank test: p = 0.4)"
    bands = figures["comparison-CartPole-v1-profile"].figure.axes[0].collections
    assert all(np.isnan(path.vertices).all() for band in bands for path in band.get_paths())
    leave(tmp_path / "single", [1.0], seeds=1, agent={"lr": 0.3})
    leave(tmp_path / "lost", [1.0, None, 0.0], seeds=3, agent={"lr": 0.4})
    found = drawn(tmp_path)["comparison-CartPole-v1-profile"]
    assert list(lines(found.figure)) == ["agent.lr=0.2", "agent.lr=0.1", "agent.lr=0.4"]
    assert found.notes == ["agent.lr=0.4: only 2 of 3 seeds have a score."]


def test_effects_join_settings_that_differ_in_nothing_else(tmp_path: Path) -> None:
    for i, (lr, size) in enumerate([(0.001, 32), (0.1, 32), (0.001, 64), (0.1, 64)]):
        leave(tmp_path / str(i), [i, i + 2.0], agent={"lr": lr, "batch_size": size})
    figures = drawn(tmp_path)
    effect = figures["effects-CartPole-v1-dqn-agent.lr"].figure
    assert lines(effect) == {
        "agent.batch_size=32": ([0.001, 0.1], [1.0, 2.0]),
        "agent.batch_size=64": ([0.001, 0.1], [3.0, 4.0]),
    }
    dots = [line for line in effect.axes[0].get_lines() if line.get_marker() == "o"]
    assert sorted(y for line in dots for y in points(line)[1]) == [0, 1, 2, 2, 3, 3, 4, 5]
    assert effect.axes[0].get_xscale() == "log"
    sizes = figures["effects-CartPole-v1-dqn-agent.batch_size"].figure
    assert sizes.axes[0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.0, 0.001, 0.1], ["0", "0.001", "0.1"]),  # no place for a zero on an axis of decades
        ([0.5, 0.99, 0.999], ["0.5", "0.99", "0.999"]),
        ([False, True], ["False", "True"]),
        (["b", "a"], ["a", "b"]),
    ],
)
def test_values_that_an_axis_of_numbers_cannot_show_are_words(
    tmp_path: Path, values: list[float | str], names: list[str]
) -> None:
    for i, value in enumerate(values):
        leave(tmp_path / str(i), [1.0, 2.0], agent={"kind": value})
    axes = drawn(tmp_path)["effects-CartPole-v1-dqn-agent.kind"].figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert list(axes.get_xticks()) == list(range(len(values)))
