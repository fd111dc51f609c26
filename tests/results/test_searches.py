"""What a report shows of a search, and the exact returns that it is ranked by."""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.cli.verbs.dispatch import run_verb
from rlrun.core.errors import BadInput
from rlrun.results.grouping import grouped, ranked
from rlrun.results.report.effects import effect
from rlrun.results.report.layout import DrawnFigure, draw
from rlrun.results.report.model import gather
from rlrun.results.summary.overview import print_summary
from rlrun.run import start_run
from rlrun.run_folder.reader import read_runs, score
from rlrun.stats import summary
from rlrun.sweep import ledger
from rlrun.tuning import history
from rlrun.tuning.settings import SearchSettings
from rlrun.tuning.space import Categorical, Dimension, Interval
from rlrun.tuning.study import Study
from tests.support.common import settings
from tests.support.reports import leave

SPACE: list[Dimension] = [
    Interval("agent.lr", 1e-4, 1e-1, integer=False, log=True),
    Interval("agent.tau", 0.1, 0.9, integer=False, log=False),
    Categorical("agent.batch_size", ("32", "64")),
]
VALUES = [3.0, 1.0, None, 4.0, 4.0, 2.0, 9.0, "pruned"]


def add_exact(folder: Path, exact: Sequence[float]) -> None:
    path = folder / "result.json"
    result = json.loads(path.read_text())
    result["final"]["exact"] = summary(np.array(exact))
    path.write_text(json.dumps(result))


def searched(folder: Path, values: Sequence[float | str | None] = VALUES) -> Path:
    """A search whose trials ended so: with a score, with a failure, pruned; and their runs."""
    folder.mkdir(parents=True)
    study = Study(folder, SearchSettings(sampler="random"), SPACE, 10)
    for value in values:
        trial = study.ask()
        if isinstance(value, float):
            words = dict(word.split("=") for word in trial.words)
            agent = {"lr": float(words["agent.lr"]), "tau": float(words["agent.tau"])}
            leave(folder / f"{trial.number:03}", [value, value], agent=agent)
            study.finish(trial.number, "done", value)
        else:
            study.finish(trial.number, "pruned" if value == "pruned" else "failed", None)
    return folder


def shown(figure: Any) -> list[float]:
    """The positions on the x axis of everything in a figure."""
    return sorted({float(x) for line in figure.axes[0].lines for x in line.get_xdata()})


def figures(folder: Path) -> dict[str, DrawnFigure]:
    return {drawn.name: drawn for drawn in draw(gather([folder]))}


def test_the_best_score_so_far_and_every_trial(tmp_path: Path) -> None:
    drawn = figures(searched(tmp_path / "s"))["search-0-progress"]
    points, best = drawn.figure.axes[0].lines
    assert np.asarray(points.get_xdata()).tolist() == [0, 1, 3, 4, 5, 6]
    assert np.asarray(points.get_ydata()).tolist() == [3.0, 1.0, 4.0, 4.0, 2.0, 9.0]
    assert np.asarray(best.get_ydata()).tolist() == [3.0, 3.0, 4.0, 4.0, 4.0, 9.0]
    assert "Trials without a score: 1 failed, 1 pruned." in drawn.notes


def test_the_setting_that_decides_is_the_most_important(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    study = Study(folder, SearchSettings(sampler="random"), SPACE, 10)
    for _ in range(60):
        trial = study.ask()
        lr = float(trial.words[0].partition("=")[2])
        study.finish(trial.number, "done", -abs(np.log10(lr) + 2))  # best at 0.01
    found = history.read_history(folder)
    assert next(iter(found.importance)) == "agent.lr"
    assert found.importance["agent.lr"] > 0.6
    assert sum(found.importance.values()) == pytest.approx(1.0)
    assert history.read_history(folder) == found
    assert found.scales == {"agent.lr": "log", "agent.tau": "linear"}


def test_a_report_says_that_few_trials_mean_little(tmp_path: Path) -> None:
    drawn = figures(searched(tmp_path / "s"))["search-0-importance"]
    assert "With 6 finished trials, fewer than 50, this means little." in drawn.notes
    bars = [bar.get_width() for bar in drawn.figure.axes[0].patches]  # type: ignore[attr-defined]
    assert bars == sorted(bars, reverse=True) and sum(bars) == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[1.0], [1.0] * 5, ["pruned"]])
def test_without_a_difference_there_is_no_importance(tmp_path: Path, values: list[Any]) -> None:
    assert history.read_history(searched(tmp_path / "s", values)).importance == {}


def test_searched_settings_have_the_scale_of_the_search(tmp_path: Path) -> None:
    drawn = figures(searched(tmp_path / "s"))
    for key, scale in (("lr", "log"), ("tau", "linear")):
        axes = drawn[f"effects-CartPole-v1-dqn-agent.{key}"].figure.axes[0]
        assert axes.get_xscale() == scale
        runs, _ = read_runs([tmp_path / "s"])
        assert shown(axes.figure) == sorted(run.settings["agent"][key] for run in runs)


def test_listed_settings_that_are_close_keep_equal_distances(tmp_path: Path) -> None:
    for number, lr in enumerate((0.9, 0.99, 0.999, 0.9999)):
        leave(tmp_path / str(number), [1.0, 2.0], agent={"lr": lr})
    variants = grouped(read_runs([tmp_path])[0])
    listed = effect("", "agent.lr", variants, "")
    assert shown(listed) == [0.0, 1.0, 2.0, 3.0]
    assert shown(effect("", "agent.lr", variants, "", "log")) == [0.9, 0.99, 0.999, 0.9999]


def test_a_report_of_a_search_has_a_section_and_the_same_bytes(tmp_path: Path) -> None:
    folder = searched(tmp_path / "s")
    for out in ("a", "b"):
        assert run_verb(["report", str(folder), "--out", str(tmp_path / out)]) == 0
    page = (tmp_path / "a" / "index.html").read_text("utf-8")
    assert '<section id="search">' in page
    assert page.count("<figcaption>") == (tmp_path / "b" / "index.html").read_text().count(
        "<figcaption>"
    )
    for name in ("progress", "importance"):
        pictures = [tmp_path / out / "figures" / f"search-0-{name}.png" for out in ("a", "b")]
        assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_search_that_cannot_be_read_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = searched(tmp_path / "s")

    def missing() -> None:
        raise BadInput("hydra/sweeper=optuna needs Optuna: pip install 'optuna>=5'.")

    with monkeypatch.context() as patch:
        patch.setattr(history, "import_optuna", missing)
        assert run_verb(["report", str(folder)]) == 0
    assert f"left out: {folder}, a search: hydra/sweeper=optuna needs" in capsys.readouterr().err
    (folder / "study.log").unlink()
    os.mkfifo(folder / "study.log")  # opening it would never return
    assert run_verb(["report", str(folder)]) == 0
    assert "study.log should be a file" in capsys.readouterr().err
    (folder / "study.log").unlink()
    (folder / "study.log").write_text("{]\n{}\n")
    assert run_verb(["report", str(folder)]) == 0
    assert "study.log is damaged" in capsys.readouterr().err


def test_exact_returns_decide_the_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_exact(leave(tmp_path / "a", [0.9, 0.9], agent={"lr": 0.1}), [0.2, 0.4])
    add_exact(leave(tmp_path / "b", [0.5, 0.5], agent={"lr": 0.2}), [0.6, 0.6])
    leave(tmp_path / "c", [0.55, 0.55], agent={"lr": 0.3})  # without a model
    order = [variant.values["agent.lr"] for variant in ranked(grouped(read_runs([tmp_path])[0]))]
    assert order == [0.2, 0.3, 0.1]
    print_summary(tmp_path)
    out = capsys.readouterr().out
    assert "The order is that of the exact returns (IQM), where they are known." in out
    with (tmp_path / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["exact_mean"] for row in rows] == ["0.6", "", repr((0.2 + 0.4) / 2)]
    assert run_verb(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "exact is the IQM of the expected returns, and decides the order" in page
    assert '<th class="n">exact</th>' in page
    ends = [page.index(f"agent.lr={lr}<") for lr in (0.2, 0.3, 0.1)]
    assert ends == sorted(ends)


def test_exact_returns_of_a_part_of_the_seeds_do_not_rank(tmp_path: Path) -> None:
    add_exact(leave(tmp_path / "a", [0.9, 0.9]), [0.2, 0.4])
    leave(tmp_path / "b", [0.5, 0.5], seed=2)
    (variant,) = grouped(read_runs([tmp_path])[0])
    assert variant.score is not None
    assert variant.score["per_seed"] == [0.9, 0.9, 0.5, 0.5]


def test_what_a_sweep_compares_is_the_exact_return(tmp_path: Path) -> None:
    words = ("agent=q_learning", "env=FrozenLake-v1", "tuned=none", "seeds=2", "total_steps=3000")
    run = tmp_path / "0"
    run.mkdir()
    more = ("eval.final_episodes=1", "agent.initial_value=0.5", "eval.every=0")
    value = start_run(settings(*words, *more), run, "rlrun again")
    final = json.loads((run / "result.json").read_text())["final"]
    assert value == final["exact"]["mean"] != final["mean"]
    ledger.record(tmp_path, "0", "failed", reason="lost")
    assert ledger.read(tmp_path)["0"].value == value  # as its folder says


@pytest.mark.parametrize(
    ("result", "number"),
    [
        ({"final": None}, None),
        ({"final": {"mean": 2.0}}, 2.0),
        ({"final": {"mean": 2.0, "exact": {"mean": 3.0}}}, 3.0),
        ({"final": {"mean": None, "exact": {"mean": None}}}, None),
    ],
)
def test_the_score_of_a_result(result: dict[str, Any], number: float | None) -> None:
    assert score(result) == number


def test_damaged_exact_returns_are_damage(tmp_path: Path) -> None:
    for number, wrong in enumerate(itertools.chain([[1.0]], [["x", "y"]], [[float("nan")] * 2])):
        folder = leave(tmp_path / str(number), [1.0, 2.0])
        path = folder / "result.json"
        result = json.loads(path.read_text())
        result["final"]["exact"] = {"per_seed": wrong}
        path.write_text(json.dumps(result))
    runs, damaged = read_runs([tmp_path])
    assert (len(runs), len(damaged)) == (0, 3)
