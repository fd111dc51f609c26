"""Globs choose several options of a group: `rlrun -m 'agent=glob(*dqn)'`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlrun.envs.ids import env_ids
from rlrun.sweep import ledger
from rlrun.sweep.plan import read
from tests.support.cli import Rlrun, check_refused, tree, write_files
from tests.support.sweeps import LONG, command

pytestmark = pytest.mark.slow


def words_of(folder: Path) -> list[str]:
    return [" ".join(entry.overrides) for entry in ledger.read(folder).values()]


def swept(rlrun: Rlrun, *words: str) -> list[str]:
    """The words of each job, as the ledger has them."""
    outcome = rlrun("-m", *words)
    assert outcome.code == 0, outcome.err
    return words_of(outcome.runs[0][1].parent)


@pytest.mark.parametrize(
    ("glob", "options"),
    [
        ("agent=glob(*dqn)", ["double_dqn", "dqn", "dueling_dqn", "qr_dqn"]),
        (
            "agent=glob([d*,ppo],exclude=[double*,ddpg,da*])",
            ["dqn", "drqn", "dueling_dqn", "ppo"],
        ),
        ("env=glob([Cart*,Acro*])", ["Acrobot-v1", "CartPole-v1"]),
        ("replay=glob([uni*,pri*])", ["prioritized", "uniform"]),
        ("explore=glob([lin*,exp*])", ["exponential", "linear"]),
        ("device=glob([auto,cp*])", ["auto", "cpu"]),
        ("tuned=glob(dqn/*)", ["dqn/Acrobot-v1", "dqn/CartPole-v1"]),
        ("search=glob([dq*,sac])", ["dqn", "sac"]),
        ("experiment=glob(*cartpole_*)", ["cartpole_dqn", "cartpole_drqn"]),
    ],
)
def test_a_glob_is_every_option_that_it_matches(
    rlrun: Rlrun, glob: str, options: list[str]
) -> None:
    group = glob.partition("=")[0]
    assert swept(rlrun, glob) == [f"{group}={option}" for option in options]


def test_a_glob_of_environments_matches_what_is_listed(rlrun: Rlrun) -> None:
    """The newest version of each id, and the files of conf/env."""
    assert {"FrozenLake-v1", "FrozenLake8x8-v1"} <= set(env_ids())
    words = ("agent=q_learning", "env=glob([Frozen*,Cliff*])")
    assert swept(rlrun, *words) == [
        f"agent=q_learning env={name}"
        for name in (
            "CliffWalking-v1",
            "CliffWalkingSlippery-v1",
            "FrozenLake-v1",
            "FrozenLake8x8-v1",
        )
    ]


def test_a_glob_finds_the_users_files(rlrun: Rlrun, tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "my/experiment/dead.yaml").unlink()
    words = ("--config-dir", "my", "experiment=glob([two,cartpole_dqn])", "seed=1,2")
    assert swept(rlrun, *words) == [
        f"experiment={name} seed={seed}" for name in ("cartpole_dqn", "two") for seed in (1, 2)
    ]


def test_a_resumed_sweep_has_the_jobs_it_began_with(rlrun: Rlrun, tmp_path: Path) -> None:
    """An option that is new since then is not another job."""
    write_files(tmp_path)
    (tmp_path / "my/experiment/dead.yaml").unlink()
    outcome = rlrun("-m", "--config-dir", "my", "experiment=glob(two*)", "seed=77,1")
    assert outcome.code == 1
    sweep = outcome.runs[0][1].parent
    (tmp_path / "my/experiment/two_more.yaml").write_text("# @package _global_\nseeds: 3\n")
    assert read(sweep).task == ("experiment=choice(two)", "seed=77,1")
    before = words_of(sweep)
    rlrun("resume", str(sweep))
    assert words_of(sweep) == before == ["experiment=two seed=77", "experiment=two seed=1"]


def test_a_search_takes_a_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = (*LONG[:3], "total_steps=20", "eval.final_episodes=1", "hydra.sweep.dir=s")
    glob = "explore=glob([lin*,exp*])"
    optuna = ("hydra/sweeper=optuna", "hydra/launcher=basic", "search.trials=6")
    assert command("-m", *optuna, *words, glob, "search.sampler=random") == 0
    assert json.loads(Path("s/sweep.json").read_text())["varying"] == ["explore"]
    chosen = {entry.overrides[-1] for entry in ledger.read(Path("s")).values()}
    assert chosen == {"explore=linear", "explore=exponential"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-m agent.lr=glob(*)", "agent.lr is not a group, so agent.lr=glob(*) matches nothing"),
        ("-m seeds=glob(1*)", "list its values, such as seeds=A,B."),
        ("-m agent=glob(zz*)", "agent=glob(zz*) matches no option of agent: a2c, ars, "),
        ("-m env=glob(zz*)", "env=glob(zz*) matches no option of env: rlrun list envs shows them"),
        ("-m tuned=glob(*/_ALE)", "tuned=glob(*/_ALE) matches no option of tuned: none, "),
        ("-m hydra/sweeper=optuna agent.lr=glob(*)", "agent.lr is not a group"),
        ("-m hydra/sweeper=glob(*)", "hydra/sweeper takes one value for the whole multirun"),
        ("agent=glob(*)", "agent=glob(*) has several values: add -m."),
        ("agent.lr=interval(0,1)", "add -m, and hydra/sweeper=optuna for an interval."),
    ],
)
def test_a_glob_of_nothing_is_refused(
    rlrun: Rlrun, tmp_path: Path, line: str, message: str
) -> None:
    check_refused(rlrun, tmp_path, line, message)
    assert "outputs" not in tree(tmp_path)
