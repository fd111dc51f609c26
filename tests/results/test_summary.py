"""The summary of several runs: its numbers, its file, and what it must not hide."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rlrun import stats
from rlrun.results.grouping import grouped
from rlrun.results.references import REFERENCES
from rlrun.results.summary.overview import print_summary
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_runs
from tests.support.reports import leave

POOR, GOOD = [10.0, 20.0, 30.0, 40.0, 50.0], [100.0, 300.0, 450.0, 500.0, 480.0]


def recorded(folder: Path, scores: Sequence[float | None] | None, **given: Any) -> None:
    """A run as one leaves it, of as many seeds as there are scores."""
    leave(folder, scores, seeds=len(scores) if scores else 2, total_steps=1000, **given)


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The table, as it is in a terminal of 80 columns, with one space for many."""
    capsys.readouterr()
    print_summary(folder)
    return " ".join(capsys.readouterr().out.split())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_runs_that_learnt_from_data_are_not_mixed_with_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", POOR, data=None)
    assert "updates" not in told(tmp_path, capsys)
    recorded(tmp_path / "1", GOOD, data="earlier")
    assert "The steps of runs that learn from data are updates." in told(tmp_path, capsys)
    assert [(row["data"], row["mean"]) for row in rows(tmp_path)] == [
        ("earlier", "366.0"),
        ("", "30.0"),
    ]


def test_the_file_has_a_line_for_each_setting_best_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", POOR, best=[50.0, 60.0, 70.0, 80.0, 90.0])
    recorded(tmp_path / "1", GOOD[:2], agent={"lr": 0.5})
    recorded(tmp_path / "2", GOOD[2:], agent={"lr": 0.5}, seed=2)
    text = told(tmp_path, capsys)
    first, second = rows(tmp_path)
    low, high = stats.bootstrap_ci(GOOD)
    assert first == {
        "agent": "dqn",
        "env": "CartPole-v1",
        "agent.lr": "0.5",
        "tuned": "",
        "seeds": "5",
        "mean": "366.0",
        "median": "450.0",
        "iqm": "410.0",
        "ci_low": str(low),
        "ci_high": str(high),
        "best_iqm": "410.0",
        "wall_seconds": "122.0",
        "steps": "1000",
        "runs": "2",
        "failed": "0",
        "unfinished": "0",
        "seeds_missing": "0",
    }
    assert (second["agent.lr"], second["iqm"], second["best_iqm"]) == ("0.001", "30.0", "70.0")
    assert f"agent.lr=0.5 5 366.0 450.0 410.0 {low:.1f} to {high:.1f} 410.0 2:02" in text
    assert "with probability 1.00 (95 % interval: 1.00 to 1.00)" in text


def test_probability_of_improvement_is_of_the_first_over_the_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", [1.0, 4.0], agent={"lr": 0.1})  # better in 3 of 4 pairs
    recorded(tmp_path / "1", [0.0, 2.0], agent={"lr": 0.2})
    recorded(tmp_path / "2", [-1.0, -1.0], agent={"lr": 0.3})
    text = told(tmp_path, capsys)
    assert "the first (agent.lr=0.1) ends better than one of the second (agent.lr=0.2)" in text
    # of the 6 divisions of 4 scores into pairs, those with 3 to 1 or 4 to 0 are as extreme
    assert "with probability 0.75 (too few seeds to tell; exact rank test: p = 0.67)." in text


def test_few_seeds_have_an_exact_test_and_no_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their scores do not overlap: that says little about 3 seeds, and something about 4."""
    recorded(tmp_path / "3" / "0", [8.0, 9.0, 10.0])
    recorded(tmp_path / "3" / "1", [1.0, 2.0, 3.0], agent={"lr": 0.5})
    text = told(tmp_path / "3", capsys)
    assert "setting seeds mean median 95 % interval best time" in text  # of 3, the IQM is the mean
    assert "agent.lr=0.001 3 9.000 9.000 - 9.000 1:01" in text
    assert "A 95 % interval needs at least 5 seeds. A seed of the first" in text
    assert "with probability 1.00 (too few seeds to tell; exact rank test: p = 0.1)." in text
    recorded(tmp_path / "4" / "0", [7.0, 8.0, 9.0, 10.0])
    recorded(tmp_path / "4" / "1", [1.0, 2.0, 3.0, 4.0], agent={"lr": 0.5})
    text = told(tmp_path / "4", capsys)
    assert "agent.lr=0.001 4 8.500 8.500 8.500 - 8.500 1:01" in text
    assert "with probability 1.00 (exact rank test: p = 0.029)." in text
    for folder in ("3", "4"):
        assert [row["ci_low"] + row["ci_high"] for row in rows(tmp_path / folder)] == ["", ""]


def test_an_average_that_is_a_mean_is_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", [8.0, 9.0, 10.0])
    recorded(tmp_path / "1", POOR, agent={"lr": 0.5})
    text = told(tmp_path, capsys)
    assert "agent.lr=0.001 3 9.000 9.000 9.000 (mean) - 9.000" in text
    assert "agent.lr=0.5 5 30.0 30.0 30.0 " in text


def test_long_numbers_leave_out_columns_but_not_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n, norm in enumerate(("layer", "batch")):
        scores = [-1462.7 - n, -1505.2, -1513.6, -1470.1, -1590.2]
        recorded(tmp_path / str(n), scores, agent={"norm": norm})
    capsys.readouterr()
    print_summary(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:6])) <= 80
    assert lines[2].split() == ["setting", "seeds", "mean", "IQM", "95", "%", "interval", "time"]
    assert lines[4].split()[0] == "agent.norm=layer"  # on one line
    assert lines[4].split()[-1] == "1:01"


def test_one_seed_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "0", [12.0])
    recorded(tmp_path / "1", [11.0], agent={"lr": 0.5})
    text = told(tmp_path, capsys)
    assert "agent.lr=0.001 1 12.0 12.0 - 12.0 1:01" in text
    assert "with probability 1.00 (too few seeds to tell; exact rank test: p = 1)." in text
    assert [row["ci_low"] + row["ci_high"] for row in rows(tmp_path)] == ["", ""]


def test_what_failed_or_has_not_ended_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", POOR)
    recorded(tmp_path / "1", None, agent={"lr": 0.5}, status="failed", reason="no memory")
    recorded(tmp_path / "2", None, agent={"lr": 0.7}, status="interrupted")
    recorded(tmp_path / "3", [5.0, None], agent={"lr": 0.9}, status="failed", reason="seed 1")
    recorded(tmp_path / "4", POOR)
    (tmp_path / "4" / "config.yaml").write_text("no settings\n")
    text = told(tmp_path, capsys)
    table = {row["agent.lr"]: row for row in rows(tmp_path)}
    assert list(table) == ["0.001", "0.9", "0.5", "0.7"]  # what has no result comes last
    assert [table["0.5"][name] for name in ("seeds", "iqm", "failed", "unfinished")] == [
        "0",
        "",
        "1",
        "0",
    ]
    assert table["0.7"]["unfinished"] == "1" and table["0.5"]["seeds_missing"] == "2"
    assert [table["0.9"][name] for name in ("seeds", "mean", "seeds_missing")] == ["1", "5.0", "1"]
    assert "agent.lr=0.9 1/2 5.000 5.000 5.000 (mean) - 5.000 1:01" in text
    assert "agent.lr=0.5 0/2 - - - - - 0:00" in text
    assert "5 runs: 1 done, 2 failed, 1 interrupted, 1 not readable" in text
    assert f"failed: {tmp_path / '1'} (no memory)" in text
    assert f"interrupted: {tmp_path / '2'}" in text
    assert "not readable:" in text and "does not hold the settings" in text


def test_environments_are_aggregated_on_normalised_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cart = REFERENCES["CartPole-v1"]
    car = {"id": "MountainCar-v0"}
    halves_of = {"dqn": (1.0, 1.0, 1.25, 1.5, 1.5), "ppo": (0.0, 0.0, 0.25, 0.5, 0.5)}
    for name, halves in halves_of.items():
        scores = [cart.random + half * (475 - cart.random) for half in halves]
        recorded(tmp_path / name / "cart", scores, agent={"name": name})
        recorded(
            tmp_path / name / "car",
            [-200.0 + 90 * half for half in halves],
            env=car,
            agent={"name": name},
        )
    recorded(tmp_path / "other", [1.0, 2.0], env={"id": "Other-v0"})
    recorded(tmp_path / "alone", [1.0, 2.0], agent={"name": "sac"})
    text = told(tmp_path, capsys)
    assert "No reference scores are known for Other-v0: left out below." in text
    across = text[text.index("2 environments: normalised return") :]
    # mean, median, IQM, interval, gap to 1
    dqn, ppo = (stats.estimate([halves] * 2).ci95 for halves in halves_of.values())
    assert dqn is not None and ppo is not None
    assert f"dqn 10 1.250 1.250 1.250 {dqn[0]:.3f} to {dqn[1]:.3f} 0.000" in across
    assert f"ppo 10 0.250 0.250 0.250 {ppo[0]:.3f} to {ppo[1]:.3f} 0.750" in across
    assert "sac" not in across
    assert "(dqn) ends better than one of the second (ppo) with probability 1.00" in across
    assert [row["env"] for row in rows(tmp_path)] == ["CartPole-v1"] * 3 + [
        "MountainCar-v0"
    ] * 2 + ["Other-v0"]


def test_a_changed_environment_is_not_normalised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, changes in enumerate(({"max_episode_steps": 100}, {"id": "Acrobot-v1"})):
        recorded(tmp_path / f"{i}", POOR, env=changes)
    text = told(tmp_path, capsys)
    assert "for CartPole-v1: left out" in text and "normalised return" not in text


def test_no_setting_is_in_every_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "0", POOR)
    recorded(tmp_path / "1", POOR, env={"id": "Acrobot-v1"}, agent={"name": "ppo"})
    text = told(tmp_path, capsys)
    assert "No setting has results in all 2 environments." in text
    assert "normalised return" not in text


def test_only_so_many_rows_are_shown_and_all_are_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(33):
        recorded(tmp_path / f"{i:02}", [float(i), float(i)], agent={"lr": i + 1})
    text = told(tmp_path, capsys)
    assert "agent.lr=33" in text and "agent.lr=3 " not in text
    assert "... and 3 more settings in summary.csv" in text
    assert len(rows(tmp_path)) == 33


def test_it_is_printed_again_and_for_one_run_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "run", POOR)
    text = told(tmp_path / "run", capsys)
    assert "dqn on CartPole-v1: final return" in text
    assert f"tensorboard --logdir {os.path.relpath(tmp_path / 'run')}" in text
    assert told(tmp_path / "run", capsys) == told(tmp_path / "run", capsys)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "done"
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="holds no runs"):
        print_summary(tmp_path / "empty")


def test_a_seed_that_was_run_twice_counts_as_the_later_run_has_it(tmp_path: Path) -> None:
    """Whatever the folders are called."""
    for name, score, day in (("z", 1.0, 1), ("a", 2.0, 3), ("m", 3.0, 2)):
        folder = leave(tmp_path / name, [score], seeds=1)
        meta = json.loads((folder / "meta.json").read_text())
        meta["started"] = f"2026-01-0{day}T00:00:00+0000"
        (folder / "meta.json").write_text(json.dumps(meta))
    (setting,) = grouped(read_runs([tmp_path])[0])
    assert list(setting.scores().values()) == [2.0]
