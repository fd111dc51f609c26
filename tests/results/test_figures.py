"""The figures of a report, by the data of their axes; and how curves come to one axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlrun import stats
from rlrun.results.grouping import grouped
from rlrun.results.report.canvas import COLOURS, MOST_LINES, files, inline, look, short
from rlrun.results.report.curves import MOST_POINTS, JoinedCurve, join_curves
from rlrun.results.report.layout import DrawnFigure, draw
from rlrun.results.report.model import gather
from rlrun.run_folder.reader import read_runs
from tests.support.reports import Points, leave

pytestmark = pytest.mark.slow

CURVE = {50: [1.0, 2.0], 100: [3.0, 4.0]}


def drawn(folder: Path) -> dict[str, DrawnFigure]:
    return {each.name: each for each in draw(gather([folder]))}


def lines(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    """The labelled lines of a figure: x and y."""
    named = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
    return {label: points(line) for label, line in named.items() if label[0] != "_"}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    x, y = (np.asarray(data, float).tolist() for data in line.get_data())
    return x, y


def join(folder: Path, *runs: Points, seeds: int = 1) -> JoinedCurve | None:
    for i, curve in enumerate(runs):
        leave(folder / str(i), None, curve, seed=i * seeds, seeds=seeds)
    (setting,) = grouped(read_runs([folder])[0])
    return join_curves(setting, "eval/mean_reward")


def test_curves_of_other_seeds_are_joined_at_the_steps_that_all_have(tmp_path: Path) -> None:
    every10 = {step: [float(step)] for step in range(10, 101, 10)}
    every20 = {step: [2.0 * step] for step in range(20, 101, 20)}
    curve = join(tmp_path, every10, every20)
    assert curve is not None
    assert (curve.seeds, curve.steps.tolist()) == ([0, 1], [20, 40, 60, 80, 100])
    np.testing.assert_array_equal(curve.values, [curve.steps, 2 * curve.steps])
    assert curve.note == "as configured is shown at the steps that all its seeds share."


def test_curves_at_other_steps_are_interpolated_and_it_is_said(tmp_path: Path) -> None:
    curve = join(
        tmp_path,
        {step: [float(step)] for step in (10, 20, 30, 40)},
        {step: [10.0 * step] for step in (15, 25, 35)},
    )
    assert curve is not None
    assert curve.steps.tolist() == [20, 30]
    np.testing.assert_array_equal(curve.values, [[20, 30], [200, 300]])
    assert "interpolated, and ends at step 30" in curve.note


def test_no_seed_is_missing_from_a_point_and_none_goes_on_past_its_end(tmp_path: Path) -> None:
    curve = join(
        tmp_path, {10: [1.0, None], 20: [2.0, 5.0], 30: [3.0, 6.0], 40: [4.0, None]}, seeds=2
    )
    assert curve is not None
    assert curve.steps.tolist() == [20, 30]
    np.testing.assert_array_equal(curve.values, [[2, 3], [5, 6]])
    assert "ends at step 30, where its shortest seed ends (longest: 40)" in curve.note


def test_seeds_without_a_common_time_have_no_curve_and_a_seed_run_twice_is_the_later(
    tmp_path: Path,
) -> None:
    assert join(tmp_path / "a", {10: [1.0]}, {20: [1.0]}) is None
    for i in range(2):
        leave(tmp_path / "b" / str(i), None, {10: [float(i)], 20: [float(i)]}, seeds=1)
    (setting,) = grouped(read_runs([tmp_path / "b"])[0])
    curve = join_curves(setting, "eval/mean_reward")
    assert curve is not None and curve.values.tolist() == [[1.0, 1.0]] and curve.note == ""


def test_long_curves_keep_their_ends(tmp_path: Path) -> None:
    curve = join(tmp_path, {step: [float(step)] for step in range(1, 1001)})
    assert curve is not None
    assert len(curve.steps) == MOST_POINTS
    assert (curve.steps[0], curve.steps[-1]) == (1, 1000)
    np.testing.assert_array_equal(curve.values[0], curve.steps)


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


def test_a_setting_has_its_colour_in_every_environment(tmp_path: Path) -> None:
    for i, (name, env, score) in enumerate(
        [("dqn", "A-v0", 1.0), ("ppo", "A-v0", 2.0), ("dqn", "B-v0", 5.0), ("ppo", "B-v0", 3.0)]
    ):
        leave(tmp_path / str(i), [score] * 2, CURVE, agent={"name": name}, env={"id": env})
    figures = drawn(tmp_path)
    colours = [
        {line.get_label(): line.get_color() for line in figures[name].figure.axes[0].get_lines()}
        for name in ("curves-A-v0-eval-mean_reward", "curves-B-v0-eval-mean_reward")
    ]
    assert colours == [{"ppo": COLOURS[0], "dqn": COLOURS[1]}] * 2


def test_lines_differ_by_more_than_their_colour(tmp_path: Path) -> None:
    """In print, and for those who cannot distinguish the colours."""
    assert MOST_LINES == 12
    assert len({(str(look(i).dashes), look(i).marker) for i in range(MOST_LINES)}) == MOST_LINES
    scores = [[float(i), float(i + 1)] for i in range(MOST_LINES)]
    for i, each in enumerate(scores):
        leave(tmp_path / f"{i:02}", each, CURVE, agent={"lr": i + 1.0})
    for i, (first, second) in enumerate([(1, 2), (3, 4), (5, 6)]):
        leave(tmp_path / f"b{i}", [1.0, 2.0], agent={"a": first, "b": second}, env={"id": "B-v0"})
    figures = drawn(tmp_path)
    for name in ("curves-CartPole-v1-eval-mean_reward", "comparison-CartPole-v1-profile"):
        shown = figures[name].figure.axes[0].get_lines()
        labelled = [line for line in shown if str(line.get_label()).startswith("agent")]
        assert len(labelled) == MOST_LINES
        looks = {(pattern(line), line.get_marker()) for line in labelled}
        assert len(looks) == MOST_LINES
        (legend,) = figures[name].figure.legends
        in_legend = {(pattern(line), line.get_marker()) for line in legend.get_lines()}
        assert looks <= in_legend
    groups = figures["effects-B-v0-dqn-agent.a"].figure.axes[0].get_lines()
    named = [line for line in groups if line.get_marker() == "D"]
    assert len({pattern(line) for line in named}) == len(named) == 3
    reference = [line for line in shown if str(line.get_label()).startswith("counts")]
    assert all(pattern(line) not in {pattern(each) for each in labelled} for line in reference)


def pattern(line: Line2D) -> str:
    """The dashes of a line, which Matplotlib shows as words only where they have a name."""
    return str(line._unscaled_dash_pattern)  # type: ignore[attr-defined]


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


def test_a_figure_in_a_page_takes_its_colours_and_keeps_its_words(tmp_path: Path) -> None:
    leave(tmp_path / "a", None, CURVE, env={"id": "<b>&'$x$'-v0"})
    (curves,) = drawn(tmp_path).values()
    svg, png = files(curves.figure, "name")
    assert png.startswith(b"\x89PNG")
    body = inline(svg, curves.title)
    assert body.startswith('<svg role="img" aria-label="Evaluation"')
    assert "&lt;b&gt;&amp;'$x$'-v0" in body and "var(--ink)" in body and "#24292f" not in body


def test_steps_are_written_short() -> None:
    assert [short(n) for n in (0, 500, 2500, 20_000, 1_500_000)] == [
        "0",
        "500",
        "2.5k",
        "20k",
        "1.5M",
    ]
