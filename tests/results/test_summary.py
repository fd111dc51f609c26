"""The summary of several runs: its numbers, its file, and what it must not hide."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rlrun import stats
from rlrun.results.grouping import grouped
from rlrun.results.summary.overview import print_summary
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_runs
from tests.support.reports import leave
from tests.support.summaries import GOOD, POOR, recorded, rows, told


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
