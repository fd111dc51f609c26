"""Environments without a YAML file, tuned settings by pair, and what completion offers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from hydra_plugins.rlrun_gymnasium.source import GymnasiumSource
from rlrun.cli.config.paths import config_root
from rlrun.cli.multirun.grid import job_name
from rlrun.core.errors import BadInput
from rlrun.envs.ids import check_env_kwargs

pytestmark = pytest.mark.slow

PACKAGE = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv

class Env(CartPoleEnv):
    def __init__(self, *, size=3, **others):
        super().__init__(**others)

gymnasium.register("{name}-v0", entry_point=Env)
gymnasium.register("{name}Bare", entry_point=Env)
gymnasium.register("{name}Open-v0", entry_point=lambda **anything: Env())
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package in the current directory that registers environments."""
    import gymnasium

    before = set(gymnasium.registry)
    (tmp_path / "own_envs.py").write_text(PACKAGE.format(name="Own"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_envs"
    sys.modules.pop("own_envs", None)
    for name in set(gymnasium.registry) - before:
        del gymnasium.registry[name]


def composed(*overrides: str, folder: Path | None = None) -> Any:
    """The task's configuration, as the command line composes it."""
    words = list(overrides)
    with initialize_config_dir(str(folder or config_root()), version_base="1.3"):
        return OmegaConf.to_container(compose("config", words), resolve=True)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of conf/ to which a test adds files."""
    import shutil

    return Path(shutil.copytree(config_root(), tmp_path / "conf"))


def add(conf: Path, name: str, text: str) -> None:
    path = conf / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


GAME = {
    "frame_stack": 4,
    "frame_skip": 4,
    "noop_max": 30,
    "sticky": True,
    "life_loss": True,
    "reward_clip": 1.0,
}


@pytest.mark.parametrize(
    ("env_id", "own"),
    [("Pendulum-v1", {}), ("ALE/Pong-v5", GAME), ("ale_py:ALE/Pong-v5", GAME)],
)
def test_any_registered_id_works_without_a_file(env_id: str, own: dict[str, Any]) -> None:
    assert composed(f"env={env_id}")["env"] == {
        "id": env_id,
        "num_envs": 1,
        "max_episode_steps": None,
        "bins": None,
        "episode_seed": "fresh",
        "rebuild": False,
        "vector": "auto",
        "timeout": 600.0,
        "obs": None,
        "scale_obs": False,
        "frame_stack": None,
        "last_action": False,
        "last_reward": False,
        "mask": "none",
        "facts": False,
        "shaping": None,
        "reward_clip": None,
        "reward_scale": 1.0,
        "resume_actions": None,
        "action_mask": "auto",
        "kwargs": {},
        **own,
    }


def test_an_environment_of_a_package_in_the_current_directory(package: str) -> None:
    assert composed(f"env={package}:Own-v0")["env"]["id"] == f"{package}:Own-v0"
    assert composed(f"env={package}:OwnBare")["env"]["id"] == f"{package}:OwnBare"
    assert sys.path[-1] == str(Path.cwd())  # the last: a file here must not hide a package


def test_a_file_wins_over_the_id(conf: Path) -> None:
    add(conf, "env/Acrobot-v1.yaml", "id: Acrobot-v1\nnum_envs: 4\n")
    add(conf, "env/pong.yaml", "id: ALE/Pong-v5\n")
    assert composed("env=Acrobot-v1", folder=conf)["env"]["num_envs"] == 4
    assert composed("env=pong", folder=conf)["env"]["id"] == "ALE/Pong-v5"


def test_keyword_arguments_need_no_plus() -> None:
    kwargs = composed("env=FrozenLake-v1", "env.kwargs.is_slippery=false")["env"]["kwargs"]
    assert kwargs == {"is_slippery": False}


def test_tuned_settings_are_found_by_the_pair(conf: Path) -> None:
    add(conf, "tuned/dqn/Acrobot-v1.yaml", "# @package _global_\nagent: {lr: 0.5}\n")
    add(conf, "env/acro.yaml", "id: Acrobot-v1\n")

    def lr(*overrides: str) -> float:
        return float(composed(*overrides, folder=conf)["agent"]["lr"])

    untuned = lr("env=MountainCar-v0")
    assert untuned != 0.5
    assert lr("env=Acrobot-v1") == 0.5
    assert lr("env=acro") == 0.5
    assert lr("env=Acrobot-v1", "agent.lr=0.25") == 0.25
    assert lr("env=Acrobot-v1", "tuned=none") == untuned
    assert lr("env=Acrobot-v1", "~tuned") == untuned
    assert lr("env=MountainCar-v0", "tuned=dqn/Acrobot-v1") == 0.5


def test_a_pair_without_settings_takes_those_of_its_family(conf: Path) -> None:
    add(conf, "tuned/dqn/_ALE.yaml", "# @package _global_\nseeds: 3\n")
    add(conf, "tuned/dqn/ALE/Pong-v5.yaml", "# @package _global_\nseeds: 4\n")
    for env_id, seeds in (
        ("ALE/Breakout-v5", 3),
        ("ale_py:ALE/Breakout-v5", 3),
        ("ALE/Pong-v5", 4),
        ("CartPole-v1", 10),
    ):
        assert composed(f"env={env_id}", folder=conf)["seeds"] == seeds


def test_an_experiment_chooses_and_tuned_follows(conf: Path) -> None:
    head = "# @package _global_\ndefaults:\n  - override /env: Acrobot-v1\n"
    add(conf, "tuned/dqn/Acrobot-v1.yaml", "# @package _global_\nagent: {lr: 0.5}\n")
    add(conf, "experiment/one.yaml", head + "seeds: 2\n")
    add(conf, "experiment/two.yaml", head + "  - override /tuned: none\nseeds: 2\n")
    one = composed("experiment=one", folder=conf)
    assert (one["env"]["id"], one["agent"]["lr"], one["seeds"]) == ("Acrobot-v1", 0.5, 2)
    assert composed("experiment=two", folder=conf)["agent"]["lr"] != 0.5


def test_an_agent_chooses_its_replay_and_the_user_may_choose_another() -> None:
    assert composed("agent=random")["replay"] != composed("agent=dqn")["replay"]
    assert composed("agent=random", "replay=uniform")["replay"] == composed()["replay"]


def test_ids_are_listed_only_to_a_shell_that_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    source = GymnasiumSource("test", "gymnasium://")
    assert source.list("env", None) == []
    monkeypatch.setattr(sys, "argv", ["rlrun", "-sc", "query=bash"])
    assert {"Acrobot-v1", "ALE/Breakout-v5"} <= set(source.list("env", None))
    assert source.list("agent", None) == []


def test_keyword_arguments_are_checked_against_the_constructor(package: str) -> None:
    check_env_kwargs("FrozenLake-v1", {"is_slippery": False, "render_mode": None})
    check_env_kwargs(f"{package}:Own-v0", {"size": 4, "sutton_barto_reward": True})
    check_env_kwargs(f"{package}:OwnOpen-v0", {"anything": 1})
    with pytest.raises(BadInput, match=r"env\.kwargs\.is_slipery: .* Did you mean is_slippery\?"):
        check_env_kwargs("FrozenLake-v1", {"is_slipery": False})
    with pytest.raises(BadInput, match=r"env\.kwargs\.sizes: .* Did you mean size\?"):
        check_env_kwargs(f"{package}:Own-v0", {"sizes": 4})


def test_the_folder_of_a_job_says_what_varies() -> None:
    words = ["agent.lr=0.001", "env=ALE/Pong-v5", "seeds=3"]
    assert job_name("02", words, ["agent.lr", "env"]) == "02_lr=0.001_env=ALE-Pong-v5"
    same = job_name("0", ["a.every=1", "b.every=2"], ["a.every", "b.every"])
    assert same == "0_a.every=1_b.every=2"
    assert job_name("7", ["seeds=3"], []) == "7"
    assert len(job_name("7", [f"agent.hidden=[{'64,' * 99}]"], ["agent.hidden"])) == 100


def test_tuned_settings_of_exploration_are_for_the_usual_one() -> None:
    lake = ("agent=q_learning", "env=FrozenLake-v1")
    usual, other = composed(*lake), composed(*lake, "explore=softmax")
    plain = composed(*lake, "explore=softmax", "tuned=none")
    assert usual["explore"]["start"] == 0.2
    assert other["explore"] == plain["explore"]
    assert other["agent"] == usual["agent"] != plain["agent"]
    assert (
        composed(*lake, "tuned=q_learning/FrozenLake-v1-without-explore")["explore"]["start"] == 1.0
    )


def test_what_is_usual_is_what_the_agents_file_says(conf: Path) -> None:
    add(conf, "agent/warm.yaml", "defaults: [q_learning, _self_]\nname: q_learning\n")
    own = "defaults: [_self_, {override /explore@_global_.explore: softmax}]\nname: q_learning\n"
    add(conf, "agent/own.yaml", own)
    for agent in ("warm", "own"):
        tuned = "# @package _global_\nexplore: {start: 0.7}\n"
        add(conf, f"tuned/{agent}/FrozenLake-v1.yaml", tuned)
    lake = "env=FrozenLake-v1"
    assert composed("agent=warm", lake, folder=conf)["explore"]["start"] == 0.7
    assert composed("agent=own", lake, folder=conf)["explore"]["start"] == 0.7
    for agent, other in (("warm", "softmax"), ("own", "linear")):
        found = composed(f"agent={agent}", lake, f"explore={other}", folder=conf)
        assert found["explore"]["start"] == 1.0
