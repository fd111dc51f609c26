"""Averages, intervals and tests in a summary, by the number of seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.summaries import POOR, recorded, rows, told


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


def test_one_seed_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "0", [12.0])
    recorded(tmp_path / "1", [11.0], agent={"lr": 0.5})
    text = told(tmp_path, capsys)
    assert "agent.lr=0.001 1 12.0 12.0 - 12.0 1:01" in text
    assert "with probability 1.00 (too few seeds to tell; exact rank test: p = 1)." in text
    assert [row["ci_low"] + row["ci_high"] for row in rows(tmp_path)] == ["", ""]
