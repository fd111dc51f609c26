"""Tables and reports show which settings are tuned, and warn if others are compared with them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from rlrun.results.summary.overview import print_summary
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_run
from tests.support.reports import Page, leave, page_of

DQN = {"name": "dqn/CartPole-v1", "keys": ["agent.lr"]}
PPO: dict[str, Any] = {"name": "ppo", "lr": 1e-4, "hidden": [64, 64], "clip": 0.2}
WARNING = (
    "On CartPole-v1 tuned settings (dqn) are compared with settings that are not tuned (ppo): a "
    "difference may come from the tuning. tuned=none runs all of them without it."
)


def summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The table, with one space for many."""
    capsys.readouterr()
    print_summary(folder)
    return " ".join(capsys.readouterr().out.split())


def mixed(folder: Path) -> None:
    leave(folder / "0", [3.0, 4.0], tuned=DQN)
    leave(folder / "1", [1.0, 2.0], tuned=None, agent=PPO)


def rows(page: Page, first: str) -> list[list[str]]:
    return [row[1:] for row in page.rows if row and row[0] == first]


def test_the_table_of_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed(tmp_path)
    text = summary(tmp_path, capsys)
    assert "setting tuned seeds mean" in text
    assert "dqn yes 2 3.500" in text and "ppo no 2 1.500" in text
    assert "tuned settings: dqn: dqn/CartPole-v1; ppo: none" in text
    assert WARNING in text
    with (tmp_path / "summary.csv").open(newline="") as file:
        assert [row["tuned"] for row in csv.DictReader(file)] == ["dqn/CartPole-v1", "none"]


def test_the_report(tmp_path: Path) -> None:
    mixed(tmp_path)
    page = page_of(tmp_path)
    assert page.text.count(WARNING) == 1
    assert rows(page, "setting")[0][:2] == ["tuned settings", "seeds"]
    assert rows(page, "dqn")[0][:2] == ["dqn/CartPole-v1", "2"]
    assert rows(page, "ppo")[0][:2] == ["none", "2"]


def test_the_settings_of_several_agents_are_compared_in_one_table(tmp_path: Path) -> None:
    mixed(tmp_path)
    page = page_of(tmp_path)
    assert rows(page, "setting")[1] == ["dqn", "ppo"]
    assert rows(page, "agent.lr") == [["0.001 *", "0.0001"]]
    assert rows(page, "agent.clip") == [["-", "0.2"]]
    assert rows(page, "agent.hidden") == []  # the same
    assert "* tuned settings: dqn/CartPole-v1." in page.text
    assert "agent.hidden=[64,64]" in page.text
    assert page.tags.count("details") == 1


def test_the_settings_of_one_agent_are_compared_in_one_table(tmp_path: Path) -> None:
    for i, record in enumerate((DQN, None)):
        leave(tmp_path / str(i), [1.0, 2.0], tuned=record, agent={"lr": [0.1, 0.2][i], "n": i})
    page = page_of(tmp_path)
    assert rows(page, "setting")[1] == ["agent.lr", "agent.n"]
    assert rows(page, "agent.lr=0.1 agent.n=0")[1] == ["0.1 *", "0"]
    assert rows(page, "agent.lr=0.2 agent.n=1")[1] == ["0.2", "1"]


def test_no_warning_without_a_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path / "all/0", [3.0, 4.0], tuned=DQN)
    leave(tmp_path / "all/1", [1.0, 2.0], tuned={"name": "ppo/CartPole-v1", "keys": []}, agent=PPO)
    # an agent without settings has nothing to tune, an old run has no record
    leave(tmp_path / "other/0", [3.0, 4.0], tuned=DQN)
    leave(tmp_path / "other/1", [1.0, 2.0], agent=PPO)
    config = leave(tmp_path / "other/2", [1.0, 2.0], tuned=None) / "config.yaml"
    config.write_text(re.sub(r"agent:\n( .*\n)+", "agent: {name: random}\n", config.read_text()))
    # the same agent with and without, and another environment
    leave(tmp_path / "one/0", [3.0, 4.0], tuned=DQN)
    leave(tmp_path / "one/1", [3.0, 4.0], tuned=None, agent={"lr": 0.1})
    leave(tmp_path / "one/2", [3.0, 4.0], tuned=None, agent=PPO, env={"id": "Acrobot-v1"})
    for name in ("all", "other", "one"):
        assert "a difference may" not in summary(tmp_path / name, capsys)
        assert "a difference may" not in page_of(tmp_path / name).text
    assert "dqn: dqn/CartPole-v1; ppo: not recorded; random: none" in summary(
        tmp_path / "other", capsys
    )


def test_runs_from_before_the_record_join_those_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(tmp_path / "0", [3.0, 4.0])
    assert "tuned" not in summary(tmp_path, capsys)
    assert "tuned" not in page_of(tmp_path).text
    leave(tmp_path / "1", [5.0, 6.0], seed=2, tuned=DQN)
    text = summary(tmp_path, capsys)
    assert "as configured 4 4.500" in text and "dqn: dqn/CartPole-v1" in text
    folder = leave(tmp_path / "2", [1.0, 2.0], tuned="everything")
    with pytest.raises(FolderError, match="tuned is not a record"):
        read_run(folder)
