"""A run records which tuned settings it uses, and which values they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rlrun.cli.multirun.prepare import _check_unchanged
from rlrun.core.errors import BadInput
from rlrun.results.grouping import flat
from rlrun.results.tuned import tuned_sentence
from rlrun.run import start_run
from rlrun.run_folder.config_file import write_config
from rlrun.run_folder.reader import Tuned, read_run
from rlrun.settings import TunedSettings, run_settings
from tests.support.cli import Rlrun, check_refused
from tests.support.common import SMALL_DQN, settings

pytestmark = pytest.mark.slow

CART = {  # conf/tuned/dqn/CartPole-v1.yaml where it differs from config.yaml, linear and dqn
    "gamma": 0.999,
    "explore.end": 0.04,
    "agent.lr_end": 0.0,
    "agent.target_every": 800,
    "agent.double": True,
    "agent.n_step": 10,
}
MINE = "# @package _global_\nseeds: 2\nagent: {lr: 1e-3}\n"  # the second is the default


def tuned(rlrun: Rlrun, *words: str) -> Any:
    """What the one run of a command line records."""
    outcome = rlrun(*words)
    assert outcome.code == 0, outcome.err
    ((given, _),) = outcome.runs
    return given["tuned"]


def test_the_option_and_the_values_that_it_changes(rlrun: Rlrun) -> None:
    assert tuned(rlrun) == {"name": "dqn/CartPole-v1", "keys": list(CART)}
    assert tuned(rlrun, "experiment=cartpole_dqn") == tuned(rlrun)
    typed = tuned(rlrun, "agent.n_step=3", "agent.double=false", "gamma=0.9")["keys"]
    assert typed == [key for key in CART if key not in ("agent.n_step", "agent.double", "gamma")]
    softmax = tuned(rlrun, "explore=softmax")
    assert softmax["name"] == "dqn/CartPole-v1-without-explore"
    assert softmax["keys"] == [key for key in CART if key != "explore.end"]


def test_without_tuned_settings_the_record_is_empty(rlrun: Rlrun) -> None:
    lines = ("tuned=none", "~tuned", "env=MountainCar-v0", "experiment=bench_dqn", "agent=random")
    assert [tuned(rlrun, line) for line in lines] == [None] * len(lines)


def test_another_pairs_and_a_users_own(rlrun: Rlrun, tmp_path: Path) -> None:
    borrowed = tuned(rlrun, "env=MountainCar-v0", "tuned=dqn/CartPole-v1")
    assert borrowed == {"name": "dqn/CartPole-v1", "keys": list(CART)}
    (tmp_path / "mine/tuned/dqn").mkdir(parents=True)
    (tmp_path / "mine/tuned/dqn/MountainCar-v0.yaml").write_text(MINE)
    mine = tuned(rlrun, "--config-dir", "mine", "env=MountainCar-v0")
    assert mine == {"name": "dqn/MountainCar-v0", "keys": ["seeds"]}


def test_each_job_of_a_sweep_records_its_own(rlrun: Rlrun) -> None:
    outcome = rlrun("-m", "agent=dqn,q_learning,random")
    assert outcome.code == 0, outcome.err
    records = [given["tuned"] for given, _ in outcome.runs]
    assert [record and record["name"] for record in records] == [
        "dqn/CartPole-v1",
        "q_learning/CartPole-v1",
        None,
    ]


def test_an_experiment_that_states_it_keeps_it(rlrun: Rlrun, tmp_path: Path) -> None:
    """As `experiment=best` of a search does, whose values were those of a tuned trial."""
    stated = "tuned: {name: dqn/CartPole-v1, keys: [gamma]}\n"
    own = f"# @package _global_\ndefaults: [{{override /tuned: none}}]\n{stated}"
    (tmp_path / "mine/experiment").mkdir(parents=True)
    (tmp_path / "mine/experiment/one.yaml").write_text(own)
    found = tuned(rlrun, "--config-dir", "mine", "experiment=one")
    assert found == {"name": "dqn/CartPole-v1", "keys": ["gamma"]}
    (tmp_path / "mine/experiment/two.yaml").write_text("# @package _global_\ntuned: none\n")
    line = "--config-dir mine experiment=two"
    check_refused(rlrun, tmp_path, line, "tuned must be a mapping such as {name: value} or null, ")


def test_the_folder_and_the_start_of_a_run_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("seeds=1", "total_steps=30", "eval.every=0", "eval.final_episodes=0", "gamma=0.999")
    given = settings(*SMALL_DQN, *words)
    for name, record in (("a", {"name": "dqn/CartPole-v1", "keys": ["gamma"]}), ("b", None)):
        (tmp_path / name).mkdir()
        start_run({**given, "tuned": record}, tmp_path / name, "rlrun again")
    err = capsys.readouterr().err
    sentence = (
        "The tuned settings dqn/CartPole-v1 are used: gamma=0.999. tuned=none switches them off."
    )
    assert err.count("tuned") == 2 and err.count(f"{sentence}\n") == 1  # of one run only
    assert sentence in (tmp_path / "a" / "run.log").read_text()
    runs = [read_run(tmp_path / name) for name in "ab"]
    assert [run.tuned for run in runs] == [Tuned("dqn/CartPole-v1", ("gamma",)), Tuned("", ())]


def test_what_the_start_of_a_run_prints_can_be_pasted(rlrun: Rlrun) -> None:
    words = ("agent.hidden=[64,32]", "agent.double=true", "agent.lr_end=null", "agent.lr=2e-5")
    ((given, _),) = rlrun(*words).runs
    keys = tuple(word.partition("=")[0] for word in words)
    sentence = tuned_sentence(TunedSettings(name="dqn/mine", keys=keys), flat(given))
    printed = sentence.partition(" are used: ")[2].partition(". tuned=none")[0]
    outcome = rlrun(*printed.split(", "))
    assert outcome.code == 0, outcome.err
    assert outcome.runs[0][0]["agent"] == given["agent"]
    assert given["agent"]["hidden"] == [64, 32]


def test_a_sweep_from_before_the_record_is_resumed(tmp_path: Path) -> None:
    config = OmegaConf.create(settings("agent=dqn", "env=CartPole-v1"))
    for record in ({}, {"tuned": None}, {"tuned": {"name": "dqn/CartPole-v1", "keys": ["gamma"]}}):
        write_config({**run_settings(settings("env=CartPole-v1")), **record}, tmp_path)
        _check_unchanged(tmp_path, config)
    config.agent.n_step = 4
    with pytest.raises(BadInput, match=r"agent\.n_step was 10 when the job began and would be 4"):
        _check_unchanged(tmp_path, config)
