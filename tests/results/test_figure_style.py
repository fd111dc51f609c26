"""How the figures of a report look: colours, dashes and words."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.lines import Line2D

from rlrun.results.report.canvas import COLOURS, MOST_LINES, files, inline, look, short
from tests.support.figures import CURVE, drawn
from tests.support.reports import leave

pytestmark = pytest.mark.slow


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
