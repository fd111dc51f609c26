"""Mistakes of the first hour: the sentence names what to write instead."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rlrun.agents import AGENTS
from rlrun.cli.app import arrange
from rlrun.cli.commands import VERBS
from rlrun.cli.config.loader import compose
from rlrun.cli.config.names import leaves
from rlrun.cli.config.sources import options
from rlrun.cli.explain import LAUNCHERS
from rlrun.cli.synonyms import COMMANDS, OPTIONS, SETTINGS
from rlrun.core.errors import BadInput
from tests.support.cli import Rlrun, check_refused, lines_refused

pytestmark = pytest.mark.slow

BAD = [
    # flags
    ("--agent dqn", "settings have no dashes: write agent=dqn."),
    ("--env=CartPole-v1", "settings have no dashes: write env=CartPole-v1."),
    ("--total-steps 500", "settings have no dashes: write total_steps=500."),
    ("--learning-rate 1e-3", "settings have no dashes: write agent.lr=1e-3."),
    ("-lr 1e-3", "settings have no dashes: write agent.lr=1e-3."),
    ("--seeds --cfg job", "settings have no dashes: write seeds=VALUE."),
    ("--resume last", "resume is a command, not a flag: rlrun resume --help explains it."),
    ("-v", "there is no flag -v. Did you mean --version?"),
    # commands
    ("train", "there is no command train: write rlrun agent=dqn env=CartPole-v1 to train"),
    ("train agent=ppo seeds=2", "write rlrun agent=ppo seeds=2 to train an agent."),
    ("trian", "'trian' is neither a command nor a setting: write rlrun agent=dqn env="),
    ("help", "there is no command help: write rlrun --help, or rlrun COMMAND --help."),
    ("version", "write rlrun --version."),
    ("tensorboard", "write tensorboard --logdir outputs."),
    ("tune agent=dqn", "write rlrun -m hydra/sweeper=optuna to search."),
    ("play last", "write rlrun evaluate last."),
    ("agent=dqn resume", "a command comes first: write rlrun resume, then its words."),
    ("resume=last", "resume is a command, not a setting: rlrun resume --help explains it."),
    ("taken", "taken is a folder: write rlrun resume taken, or another command."),
    ("list dqn", "there is no list of 'dqn'. Did you mean agents dqn?"),
    # words without a key, and spaces
    (
        "dqn CartPole-v1",
        "'dqn' and 'CartPole-v1' are not settings by themselves. Did you mean "
        "agent=dqn env=CartPole-v1?",
    ),
    ("ppo Pendulum-v1 seeds=2", "Did you mean agent=ppo env=Pendulum-v1?"),
    ("prioritized", "Did you mean replay=prioritized?"),
    ("count", "Did you mean curiosity=count?"),
    ("cpu seeds=2", "Did you mean device=cpu?"),
    ("agent:ppo", "Did you mean agent=ppo?"),
    ("agent = dqn", "there are no spaces around the =: write agent=dqn."),
    ("agent =dqn", "there are no spaces around the =: write agent=dqn."),
    ("agent= dqn seeds=2", "there are no spaces around the =: write agent=dqn."),
    ("seeds=2 env = CartPole-v1", "write env=CartPole-v1."),
    ("agent==dqn", "a setting has one =: write agent=dqn."),
    ("agent.hidden=[64, 64]", "there are no spaces in a value: write 'agent.hidden=[64,64]'."),
    ("agent.hidden=[64, 64, 32] seeds=1", "write 'agent.hidden=[64,64,32]'."),
    ("-m agent.lr=1e-3, 3e-4", "there are no spaces in a value: write 'agent.lr=1e-3,3e-4'."),
    # other names of settings and options
    ("steps=5", "unknown setting steps. Did you mean total_steps? rlrun has: "),
    ("agent.steps=5", "unknown setting agent.steps. Did you mean total_steps? agent has: "),
    ("epsilon=0.1", "unknown setting epsilon. Did you mean explore.start or explore.end?"),
    ("epsilon_decay=10", "Did you mean explore.fraction?"),
    ("explore=exponential epsilon_decay=10", "Did you mean explore.decay?"),
    ("agent.learning_rate=1", "Did you mean agent.lr?"),
    ("buffer_size=1", "Did you mean replay.capacity?"),
    ("algo=ppo", "unknown setting algo. Did you mean agent?"),
    ("gpu=0", "Did you mean device=cuda?"),
    ("outdir=x", "Did you mean hydra.run.dir?"),
    ("agent=ddqn", "there is no agent 'ddqn'. Did you mean double_dqn?"),
    ("replay=per", "Did you mean prioritized?"),
    ("replay=her", "Did you mean hindsight?"),
    ("explore=epsilon_greedy", "Did you mean linear?"),
    ("device=gpu", "there is no device 'gpu'. Did you mean cuda?"),
    # environments
    ("env=PongNoFrameskip-v4", "write env=ALE/Pong-v5 instead of PongNoFrameskip-v4."),
    ("env=BreakoutDeterministic-v4", "write env=ALE/Breakout-v5 instead"),
    ("env=SpaceInvaders-v0", "write env=ALE/SpaceInvaders-v5 instead"),
    ("env=Pong-v5", "write env=ALE/Pong-v5 instead of Pong-v5."),
    ("env=pong", "write env=ALE/Pong-v5 instead of pong."),
    ("-m env=CartPole-v1,Pong-v4", "write env=ALE/Pong-v5 instead of Pong-v4."),
    (
        "env=FrozenLake-v1 env.kwargs.map_name=9x9",
        "env.kwargs.map_name=9x9: FrozenLake-v1 has no such map. Maps: 4x4, 8x8.",
    ),
    ("env=FrozenLake-v1 env.kwargs.map_name=88", "Did you mean 8x8? Maps: 4x4, 8x8."),
    ("env=FrozenLake-v1 env.kwargs.map_name=[4]", "has no such map."),
    # groups
    (
        "tuned=dqn",
        "tuned=dqn needs an agent and an environment: dqn/Acrobot-v1, dqn/CartPole-v1. Without",
    ),
    ("tuned=LunarLander-v3", "needs an agent and an environment: dueling_dqn/LunarLander-v3, "),
    (
        "agent=dqn agent=ppo",
        "agent is chosen twice: write agent=ppo alone, or both for two runs: -m agent=dqn,ppo.",
    ),
    ("-m env=CartPole-v1 env=Acrobot-v1", "-m env=CartPole-v1,Acrobot-v1."),
    ("experiment=two +experiment=two", "experiment is chosen twice"),
    ("record=true", "record is a group of settings: write record.every=true."),
    ("eval=10", "eval is a group of settings: write eval.every=10."),
    # numbers
    ("seed=0,1,2", "as in seed=0 seeds=3; for a run with each value add -m."),
    ("seed=[4,5]", "seed takes one number: seed is the first seed and seeds how many"),
    ("total_steps=100k", "total_steps must be a whole number, got '100k'. Write 100000."),
    ("eval.every=1.5M", "got '1.5M'. Write 1500000."),
    ("-m agent.learning_starts=1k,2000", "got '1k'. Write 1000 (job 1 of 2: agent."),
    ("data=100k", "data: there is no folder 100k."),
    ("search.sampler=5k", "search.sampler must be one of "),
    # multiruns
    ("hydra/sweeper=optuna", "a search is a multirun: add -m, as in rlrun -m hydra/sweeper="),
    ("hydra/launcher=ray", "ray is not installed: pip install 'hydra-ray-launcher>=1.2.2'."),
    ("hydra/launcher=submitit_slurm", "pip install 'hydra-submitit-launcher>=1.2'"),
    ("hydra.run.dir=ü", "cannot read hydra.run.dir=ü: it needs quotes, \"hydra.run.dir='ü'\"."),
]


@lines_refused(BAD)
def test_a_usual_mistake_is_answered_by_what_to_write(
    rlrun: Rlrun, tmp_path: Path, line: str, message: str
) -> None:
    check_refused(rlrun, tmp_path, line, message)


@pytest.mark.parametrize(
    "line",
    [
        "seeds=1 seeds=2",  # appended to a line from the history: the last one counts
        "agent.hidden=[64,64]",
        "eval={every:20}",
        "env.kwargs.sutton_barto_reward=true",
        "'hydra.run.dir=a=b'",
        "~tuned",
        "env=MountainCar-v0",
        "total_steps=1_000",
        "hydra.run.dir=5k",
    ],
)
def test_what_is_no_mistake_runs(rlrun: Rlrun, line: str) -> None:
    outcome = rlrun(*line.replace("'hydra.run.dir=a=b'", "hydra.run.dir='a=b'").split())
    assert outcome.code == 0, outcome.err
    assert len(outcome.runs) == 1


def test_a_maze_of_ones_own_needs_no_name(rlrun: Rlrun) -> None:
    words = ("agent=q_learning", "env=FrozenLake-v1", "env.kwargs.desc=[SF,FG]")
    assert rlrun(*words, "env.kwargs.map_name=mine").code == 0
    assert rlrun(*words, "env.kwargs.map_name=null").code == 0


def test_a_file_may_have_the_name_of_a_game(rlrun: Rlrun, tmp_path: Path) -> None:
    (tmp_path / "my" / "env").mkdir(parents=True)
    (tmp_path / "my" / "env" / "pong.yaml").write_text("id: CartPole-v1\n")
    outcome = rlrun("--config-dir", "my", "env=pong")
    assert outcome.code == 0, outcome.err
    assert outcome.runs[0][0]["env"]["id"] == "CartPole-v1"


def test_sweeps_of_earlier_versions_are_resumed_as_they_began() -> None:
    words = ["-m", "agent=dqn", "agent=ppo", "env=PongNoFrameskip-v4"]
    assert arrange(words, resuming=True) == words
    with pytest.raises(BadInput, match="chosen twice"):
        arrange(words)


def test_what_is_suggested_exists() -> None:
    known = {"agent", "env", "replay", "explore", "device", "hydra.run.dir"}
    for words in (*([f"agent={name}"] for name in AGENTS), ["explore=exponential"]):
        known |= set(leaves(compose([*words, "tuned=none"])))
    for meant in SETTINGS.values():
        assert {each.partition("=")[0] for each in meant} <= known
    for group, others in OPTIONS.items():
        assert set(others.values()) <= set(options(group))
        assert not set(others) & set(options(group))
    assert not set(COMMANDS) & set(VERBS)


def test_the_packages_of_launchers_are_those_of_the_extras() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert {name: extras.get(name) or extras["slurm"] for name in LAUNCHERS} == {
        name: [package] for name, package in LAUNCHERS.items()
    }
