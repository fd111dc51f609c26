"""The summary of runs in several environments: normalised scores, and when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlrun import stats
from rlrun.results.references import REFERENCES
from tests.support.summaries import POOR, recorded, rows, told


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
