"""How often a run is evaluated if eval.every does not say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from rlrun.cli.config.paths import config_root
from rlrun.cli.multirun.prepare import _check_unchanged
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.run import start_run
from rlrun.run_folder.config_file import read_config, write_config
from rlrun.run_folder.reader import read_run
from rlrun.settings import Settings, run_settings
from rlrun.training.evaluator import EvalSettings
from tests.support.cli import Rlrun
from tests.support.common import settings
from tests.support.resume import resume

TINY = (
    "agent=q_learning",
    "env=FrozenLake-v1",
    "tuned=none",
    "seeds=1",
    "eval.episodes=1",
    "eval.final_episodes=1",
)


@pytest.mark.parametrize(
    ("planned", "steps"),
    [
        (1, 1),
        (9, 1),
        (95, 9),
        (300, 30),
        (1_999, 190),
        (2_000, 200),
        (12_345, 1_200),
        (49_999, 4_900),
        (50_000, 5_000),
        (10_000_000, 5_000),
    ],
)
def test_a_tenth_of_the_run_at_most_5000_steps(planned: int, steps: int) -> None:
    assert EvalSettings().steps_between(planned) == steps
    assert EvalSettings(every=70).steps_between(planned) == 70
    assert EvalSettings(every=0).steps_between(planned) == 0


def test_there_are_ten_evaluations_or_a_few_more() -> None:
    assert {n // EvalSettings().steps_between(n) for n in range(100, 55_000)} == {10}
    assert all(10 <= n // EvalSettings().steps_between(n) <= 19 for n in range(10, 100))


def test_a_number_below_1_is_a_fraction_of_the_run() -> None:
    assert EvalSettings(every=0.025).steps_between(10_000_000) == 250_000
    assert EvalSettings(every=0.1).steps_between(3) == 1
    assert EvalSettings(every=1).steps_between(500) == 1


@pytest.mark.parametrize(("given", "sentence"), [("1.5", "1.5"), ("-0.1", "-0.1"), ("-1", "-1")])
def test_other_fractions_are_refused(rlrun: Rlrun, given: str, sentence: str) -> None:
    outcome = rlrun(*TINY, f"eval.every={given}")
    assert outcome.code == 2
    assert "eval.every must be" in outcome.err
    assert f"got {sentence}" in outcome.err


@pytest.mark.parametrize("file", sorted((config_root() / "tuned").rglob("*.yaml")), ids=str)
def test_tuned_settings_leave_short_runs_a_curve(file: Path) -> None:
    tuned = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(tuned, dict)
    every = (tuned.get("eval") or {}).get("every")
    assert every is None or 0 < every <= 0.1


def evaluated(folder: Path) -> list[int]:
    return [int(step) for step in read_run(folder).curves["eval/mean_reward"].steps]


def test_a_short_run_has_a_curve_and_keeps_its_steps_when_it_is_made_longer(
    tmp_path: Path,
) -> None:
    start_run(settings(*TINY, "total_steps=300"), tmp_path, "rlrun again")
    assert evaluated(tmp_path) == list(range(30, 301, 30))
    assert read_config(tmp_path)["eval"]["every"] is None
    assert resume(str(tmp_path), "total_steps=600") == 0
    assert evaluated(tmp_path) == list(range(30, 601, 30))  # not every 60 from here on


def test_a_run_of_an_earlier_version_keeps_its_number(tmp_path: Path) -> None:
    start_run(settings(*TINY, "total_steps=100", "eval.every=40"), tmp_path, "rlrun again")
    assert resume(str(tmp_path), "total_steps=200") == 0
    assert evaluated(tmp_path) == [40, 80, 120, 160, 200]


def test_the_earlier_default_is_no_change_of_a_job_that_is_resumed(tmp_path: Path) -> None:
    composed = OmegaConf.create(settings(*TINY))
    for number, differs in ((None, False), (5000, False), (7000, True)):
        recorded = run_settings(settings(*TINY))
        write_config({**recorded, "eval": {**recorded["eval"], "every": number}}, tmp_path)
        if differs:
            with pytest.raises(BadInput, match=r"eval\.every was 7000"):
                _check_unchanged(tmp_path, composed)
        else:
            _check_unchanged(tmp_path, composed)


def test_stopping_at_a_reward_needs_no_number() -> None:
    assert construct(Settings, settings(*TINY, "stop.reward=1"), "").stop.reward == 1


def test_a_search_prunes_at_the_steps_of_the_evaluations(rlrun: Rlrun) -> None:
    words = ("agent=dqn", "agent.lr=interval(1e-4,1e-2)", "total_steps=2000", "search.trials=1")
    rlrun("-m", "hydra/sweeper=optuna", *words, "hydra.sweep.dir=search")
    lines = [json.loads(line) for line in Path("search/study.log").read_text().splitlines()]
    attributes = [line["user_attr"] for line in lines if "user_attr" in line]
    assert {"every": 200} in attributes
