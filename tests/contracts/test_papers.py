"""The experiments that follow papers have the values of their tables, and name their sources."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from rlrun import build
from rlrun.cli.config.paths import config_root
from tests.support.common import settings

CONF = config_root()
FRAMES = 4  # in a step of an Atari game
ATARI = {"env.frame_stack": 4, "env.frame_skip": 4, "env.sticky": False, "env.reward_clip": 1.0}
MNIH = {  # 2015, extended data table 1
    "agent.batch_size": 32,
    "replay.capacity": 1_000_000,
    "agent.target_every": 10_000 * 4,  # in updates, of which there is one every 4 actions
    "gamma": 0.99,
    "agent.train_every": 4,
    "agent.lr": 0.00025,
    "explore.start": 1.0,
    "explore.end": 0.1,
    "explore.over": 1_000_000,
    "agent.learning_starts": 50_000,
    "env.noop_max": 30,
    **ATARI,
}
HESSEL = {  # 2018, tables 1, 3 and 4
    "agent.learning_starts": 80_000 // FRAMES,
    "agent.lr": 0.0000625,
    "explore.start": 0.0,
    "explore.end": 0.0,
    "agent.target_every": 32_000 // FRAMES,
    "agent.adam_epsilon": 1.5e-4,
    "replay.name": "prioritized",
    "replay.alpha": 0.5,
    "replay.beta": 0.4,
    "replay.beta_fraction": 1.0,
    "agent.n_step": 3,
    "agent.atoms": 51,
    "agent.v_min": -10.0,
    "agent.v_max": 10.0,
    "env.life_loss": True,
    "env.max_episode_steps": 108_000 // FRAMES,
    "agent.hidden": [512],
    "gamma": 0.99,
    "replay.capacity": 1_000_000,
    "agent.train_every": 4,
    "agent.batch_size": 32,
    "total_steps": 200_000_000 // FRAMES,
    "agent.max_grad_norm": None,
    "agent.double": True,
    "agent.dueling": True,
    "agent.distributional": True,
    "agent.noisy": True,
    **ATARI,
}
SCHULMAN = {  # 2017, table 5
    "agent.n_steps": 128,
    "agent.lr": 2.5e-4,
    "agent.lr_end": 0.0,
    "agent.epochs": 3,
    "agent.batch_size": 32 * 8,
    "gamma": 0.99,
    "agent.trace_decay": 0.95,
    "env.num_envs": 8,
    "agent.clip": 0.1,
    "agent.value_coef": 1.0,
    "agent.entropy_coef": 0.01,
    "total_steps": 40_000_000 // FRAMES,
    **ATARI,
}
LILLICRAP = {  # 2016, section 7
    "agent.lr": 1e-3,
    "agent.actor_lr": 1e-4,
    "gamma": 0.99,
    "agent.weight_decay": 1e-2,
    "agent.tau": 0.001,
    "agent.hidden": [400, 300],
    "agent.action_layer": 2,
    "agent.batch_size": 64,
    "replay.capacity": 1_000_000,
    "explore.name": "ornstein_uhlenbeck",
    "explore.theta": 0.15,
    "explore.start": 0.2,
    "agent.norm": "batch",
    "agent.norm_obs": True,
    "agent.norm_critic": "trunk",
    "agent.max_grad_norm": None,
}
FUJIMOTO = {  # 2018, section 6.1
    "agent.hidden": [400, 300],
    "agent.action_layer": 1,
    "agent.lr": 1e-3,
    "agent.actor_lr": None,
    "agent.batch_size": 100,
    "agent.target_noise": 0.2,
    "agent.target_noise_clip": 0.5,
    "agent.actor_every": 2,
    "agent.twin": True,
    "agent.tau": 0.005,
    "agent.learning_starts": 1_000,
    "explore.name": "gaussian",
    "explore.start": 0.1,
    "total_steps": 1_000_000,
    "eval.every": 5_000,
    "eval.episodes": 10,
    "seeds": 10,
    "gamma": 0.99,
    "agent.max_grad_norm": None,
}
HAARNOJA = {  # 2018, appendix D, table 1
    "agent.lr": 3e-4,
    "gamma": 0.99,
    "replay.capacity": 1_000_000,
    "agent.hidden": [256, 256],
    "agent.batch_size": 256,
    "agent.tau": 0.005,
    "agent.train_every": 1,
    "agent.gradient_steps": 1,
    "agent.ent_coef": None,
    "agent.target_entropy": None,
    "agent.max_grad_norm": None,
}
PAPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "dqn_nature": ("dqn", MNIH),
    "rainbow_paper": ("rainbow", HESSEL),
    "ppo_atari": ("ppo", SCHULMAN),
    "ddpg_paper": ("ddpg", LILLICRAP),
    "td3_paper": ("td3", FUJIMOTO),
    "sac_paper": ("sac", HAARNOJA),
}

LACKS = {
    "dqn_nature": "evaluations are greedy, the paper's have an epsilon of .05",
    "rainbow_paper": "the score is that of the last weights in separate episodes",
    "ppo_atari": "its clipping range falls to 0 like the learning rate, here it is constant",
    "ddpg_paper": "does not say whether its batch normalization comes before or after",
    "td3_paper": "last layers start in ±3e-3 (as in DDPG), the paper does not say how",
    "sac_paper": "a network of the state's value, which the agent does not have",
}
"""What the head of each file says about the difference from the paper."""


def value_of(given: Any, key: str) -> Any:
    for part in key.split("."):
        given = given[part]
    return given


def text_of(name: str) -> str:
    return (CONF / f"{name}.yaml").read_text("utf-8")


@pytest.mark.parametrize("experiment", PAPERS)
def test_the_values_are_those_of_the_paper(experiment: str) -> None:
    agent, table = PAPERS[experiment]
    given = settings(f"experiment={experiment}")
    assert given["agent"]["name"] == agent
    assert {key: value_of(given, key) for key in table} == table


@pytest.mark.parametrize("experiment", PAPERS)
def test_the_values_are_valid_for_the_environment(experiment: str) -> None:
    given = settings(f"experiment={experiment}")
    if given["replay"]["name"] is not None:
        given["replay"]["capacity"] = 1_000  # not the memory of this machine is tested
    build.validate(given)


@pytest.mark.parametrize("experiment", PAPERS)
def test_each_setting_names_its_place_in_the_paper(experiment: str) -> None:
    text = text_of(f"experiment/{experiment}")
    values = yaml.safe_load(text)
    values.pop("defaults")
    own = sum(len(value) if isinstance(value, dict) else 1 for value in values.values())
    lines = re.findall(r"^ *\w+: +[^#\n]+(?:# (.*))?$", text, re.MULTILINE)
    assert len(lines) == own
    place = r"table|section|algorithm|figure|methods|the paper|not in the paper"
    assert [line for line in lines if not re.search(place, line)] == []


@pytest.mark.parametrize("experiment", PAPERS)
def test_it_uses_no_tuned_settings_and_says_what_it_lacks(experiment: str) -> None:
    text = text_of(f"experiment/{experiment}")
    assert "  - override /tuned: none\n" in text
    assert LACKS[experiment] in text.replace("\n# ", " ")
    continuous = experiment in ("ddpg_paper", "td3_paper", "sac_paper")
    assert continuous == ("MuJoCo, which is not among the dependencies" in text)


@pytest.mark.parametrize("experiment", PAPERS)
def test_the_agents_file_says_that_it_differs_from_the_paper(experiment: str) -> None:
    head = re.match(r"(?:#.*\n)+", text_of(f"agent/{PAPERS[experiment][0]}"))
    assert head is not None
    assert f"experiment={experiment}" in head[0]
    assert "aper" in head[0]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("tuned/rainbow/_ALE", ["alpha .6 instead of .5", "clipped", "epsilon", "rainbow_paper"]),
        ("tuned/dqn/_ALE", ["Adam", "clipped", "sticky", "dqn_nature"]),
    ],
)
def test_tuned_files_for_games_say_how_they_differ(file: str, words: list[str]) -> None:
    text = text_of(file)
    assert [word for word in words if word not in text] == []
    given = settings(f"agent={file.split('/')[1]}", "env=ALE/Pong-v5")
    assert given["agent"]["max_grad_norm"] == 10.0 and given["env"]["sticky"]
    assert given["replay"].get("alpha", 0.6) == 0.6
