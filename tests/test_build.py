"""Every configuration that is shipped builds, and a few lines about what must not."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun import build
from rlrun.agents import AGENTS, agent_class
from rlrun.agents.dqn import DQNSettings
from rlrun.checks import parameters_of
from rlrun.cli.config.paths import config_root
from rlrun.core.errors import BadInput
from rlrun.core.fields import NoSettings
from rlrun.core.rng import Purpose
from rlrun.core.schema import construct
from rlrun.curiosity.options import CURIOSITY
from rlrun.envs.model import WITH_MODEL
from rlrun.explore.options import CHOOSERS, EXPLORE, NOISES, LinearSettings
from rlrun.loop import Actor
from rlrun.replay.options import REPLAY, UniformReplaySettings
from rlrun.settings import Option, Settings
from tests.support.common import parts_and_env, settings
from tests.support.searches import SMALL_SEARCHES

pytestmark = pytest.mark.slow

CONF = Path(config_root())


def options(group: str) -> list[str]:
    files = (CONF / group).rglob("*.yaml")
    return sorted(str(f.relative_to(CONF / group).with_suffix("")) for f in files)


TUNED = [name for name in options("tuned") if name != "none"]
PLANNERS = [name for name in AGENTS if name.endswith("iteration")]
NETWORKS = [name for name, path in AGENTS.items() if path.endswith(":DQN")]
CONTINUOUS = ("ddpg", "td3", "sac")
POLICIES = ("reinforce", "a2c", "ppo", "sac_discrete")
SEARCHES = tuple(SMALL_SEARCHES)
IMITATORS = ("behaviour_cloning", "dagger")
TEAMS = ("maddpg", "matd3")
ALONE = ("random", "scripted", "go_explore", "drqn")
OTHERS = (*PLANNERS, *NETWORKS, *CONTINUOUS, *POLICIES, *SEARCHES, *IMITATORS, *TEAMS, *ALONE)
TABLES = [name for name in AGENTS if name not in OTHERS]
ENVS = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "LunarLander-v3", "FrozenLake-v1", "Taxi-v4")


def check_builds(given: dict[str, Any]) -> None:
    """What passes the checks can be built, and its agent acts in its environments."""
    build.validate(given)
    parts = construct(Settings, given, "")
    env = build.environment(parts)
    agent = build.build_agent(parts, env.spec)
    with closing(env.open(parts.seed_numbers, env.spec.num_envs)) as envs:
        action = Actor(agent, envs).step(0).action
    agents = (len(env.spec.agents),) if env.spec.agents else ()
    assert action.shape == (parts.seeds, env.spec.num_envs, *agents, *env.spec.action.shape)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("env", ENVS)
def test_every_agent_builds_in_every_discrete_environment(agent: str, env: str) -> None:
    def make() -> None:
        fixed = ["env.episode_seed=fixed"] if agent == "go_explore" else []
        check_builds(settings(f"agent={agent}", f"env={env}", "seeds=2", *fixed))

    if agent in PLANNERS and env not in WITH_MODEL:
        with pytest.raises(BadInput, match="plans with a known model"):
            make()
    elif agent in TEAMS:
        with pytest.raises(BadInput, match="learns for several agents, while"):
            make()
    elif agent in IMITATORS:
        with pytest.raises(BadInput, match=r"imitates an expert: write demos\.expert=RUN_FOLDER"):
            make()
    elif agent == "scripted" and env in WITH_MODEL:
        with pytest.raises(BadInput, match="acts by a hand-written rule, and there is none"):
            make()
    elif agent in TABLES and env == "LunarLander-v3":
        with pytest.raises(BadInput, match="8 continuous observations: a table needs bins"):
            make()
    elif agent == "go_explore" and env == "LunarLander-v3":
        with pytest.raises(BadInput, match="8 continuous observations: cells need bins"):
            make()
    elif agent in SEARCHES and env in WITH_MODEL:
        with pytest.raises(BadInput, match="cannot learn from discrete observations"):
            make()
    elif agent in CONTINUOUS:
        with pytest.raises(BadInput, match=rf"cannot take discrete actions, which {env} has\. "):
            make()
    else:
        make()


@pytest.mark.parametrize("agent", [*CONTINUOUS, *SEARCHES, "random", "scripted"])
@pytest.mark.parametrize(
    "env", ["Pendulum-v1", "MountainCarContinuous-v0", "LunarLanderContinuous-v3"]
)
def test_agents_with_continuous_actions_build(agent: str, env: str) -> None:
    check_builds(settings(f"agent={agent}", f"env={env}", "seeds=2"))


def test_every_agent_has_a_file_and_every_file_an_agent() -> None:
    assert options("agent") == sorted(AGENTS)
    assert options("replay") == sorted([*REPLAY, "none"])
    assert options("curiosity") == sorted([*CURIOSITY, "none"])
    assert options("explore") == sorted([*EXPLORE, "brief", "none"])  # brief is a linear one


def pair_of(tuned: str) -> tuple[str, str]:
    """Agent and environment of a file; one of a family's for `dqn/_ALE`."""
    agent, _, env = tuned.partition("/")
    return agent, env.replace("_ALE", "ALE/Pong-v5")


@pytest.mark.parametrize("tuned", TUNED)
def test_tuned_files_hold_values_for_their_pair(tuned: str) -> None:
    agent, env = pair_of(tuned)
    check_builds(settings(f"agent={agent}", f"env={env}", "seeds=1"))
    text = (CONF / "tuned" / f"{tuned}.yaml").read_text()
    assert text.startswith("# @package _global_")
    assert "name:" not in text
    for line in text.splitlines():
        if line.startswith("defaults:"):
            assert re.fullmatch(r"defaults: \[/tuned/\w+/[\w/-]+, _self_\]", line)


@pytest.mark.parametrize("experiment", options("experiment"))
def test_experiments_build(experiment: str) -> None:
    given = settings(f"experiment={experiment}", "seeds=2")
    if "capacity" in given["replay"]:  # the size has no influence on what fits together
        given["replay"]["capacity"] = min(given["replay"]["capacity"], 100_000)
    check_builds(given)


@pytest.mark.parametrize("tuned", [*TUNED, "none"])
@pytest.mark.parametrize("group", ["replay", "explore"])
def test_tuned_settings_go_with_every_choice_of_the_other_groups(tuned: str, group: str) -> None:
    agent, env = pair_of(tuned)
    pair = (f"agent={agent}", f"env={env}") if env else ("tuned=none",)
    taken = parameters_of(agent_class(agent if env else "dqn"))
    features = settings(*pair)["agent"].get("features")
    counts = agent in ("q_learning", "sarsa") and features is None
    fits = {"bonus": counts, "hindsight": False}  # which needs goals, and none of these has any
    for part, fitting in (("replay", REPLAY), ("explore", CHOOSERS), ("noise", NOISES)):
        if part in taken and group == ("replay" if part == "replay" else "explore"):
            for choice in fitting:
                if fits.get(choice, True):
                    build.validate(settings(*pair, f"{group}={choice}", "seeds=1"))


@pytest.mark.parametrize("agent", ["dqn", "double_q_learning", "monte_carlo"])
def test_the_bonus_needs_counts(agent: str) -> None:
    with pytest.raises(BadInput, match=f"the agent {agent} has no use for explore=bonus"):
        build.validate(settings(f"agent={agent}", "env=FrozenLake-v1", "explore=bonus"))


class Liar(gym.Env[Any, Any]):
    """Its observations are not what its space says."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 0.0, False, False, {}


def test_an_environment_that_does_not_keep_to_its_spaces_is_refused() -> None:
    gym.register("test/Liar-v0", lambda **_: Liar())
    try:
        with pytest.raises(BadInput, match=r"shape \(1,\), but its observation space has \(3,\)"):
            build.validate(settings("env=test/Liar-v0"))
    finally:
        gym.registry.pop("test/Liar-v0")


@pytest.mark.parametrize("group", ["agent", "replay", "explore"])
@pytest.mark.parametrize("value", [3, None, [1], {"name": [1]}])
def test_a_group_that_names_no_option_is_refused(group: str, value: Any) -> None:
    """As a damaged config.yaml has it: the command line cannot say that."""
    given = {**settings("agent=dqn", "env=CartPole-v1"), group: value}
    with pytest.raises(BadInput, match=rf"\b{group}\b"):
        build.validate(given)


def test_the_options_of_groups_and_the_numbers_of_seeds() -> None:
    parts, _ = parts_and_env("agent=dqn", "env=CartPole-v1", "seed=4", "seeds=3", "tuned=none")
    assert (parts.seeds, parts.seed_numbers) == (3, (4, 5, 6))
    assert parts.agent == Option("dqn", DQNSettings())
    assert parts.replay == Option("uniform", UniformReplaySettings())
    assert parts.explore == Option("linear", LinearSettings())
    parts, _ = parts_and_env("agent=random", "env=CartPole-v1", "tuned=none")
    assert parts.replay == parts.explore == Option(None, NoSettings())


def test_a_pair_takes_its_tuned_settings_and_the_command_line_wins() -> None:
    plain = settings("tuned=none")
    tuned = settings()
    assert tuned != plain
    assert settings("agent.lr=0.5")["agent"]["lr"] == 0.5
    assert settings("env=MountainCar-v0")["agent"] == plain["agent"]


def test_evaluation_plays_other_episodes_than_training_and_each_seed_its_own() -> None:
    parts, env = parts_and_env("seeds=2")
    training = env.open(parts.seed_numbers, 3)
    evaluation = build.evaluation_envs(parts, env, 3)
    final = build.evaluation_envs(parts, env, 3, Purpose.FINAL_EPISODES)
    starts = [s for e in (training, evaluation, final) for s in e.obs.reshape(6, -1).tolist()]
    assert len({tuple(start) for start in starts}) == 18


@pytest.mark.parametrize(
    ("words", "longest"),
    [
        (("env=CartPole-v1",), 500),
        (("env=CartPole-v1", "eval.max_steps=30"), 30),
        (("env=CartPole-v1", "eval.max_steps=3000"), 500),
        (("env=CliffWalking-v1",), 200),
        (("env=rlrun/Endless-v0",), build.NO_LIMIT_STEPS),
        (("env=rlrun/Endless-v0", "eval.max_steps=3000"), 3000),
    ],
)
def test_the_longest_evaluation_episode(words: tuple[str, ...], longest: int) -> None:
    assert build.evaluation_limit(*parts_and_env(*words, "seeds=1")) == longest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("seeds=0",), "seeds must be between 1 and 10,000, got 0"),
        (("total_steps=-5",), "total_steps must be at least 1, got -5"),
        (("gamma=1.5",), "gamma must be between 0 and 1, got 1.5"),
        (("agent.lr=0",), "agent.lr must be positive"),
        (("agent.tau=0",), "agent.tau must be above 0"),
        (("agent.hidden=[64,0]",), r"agent.hidden\[1\] must be at least 1, got 0"),
        (("agent.batch_size=0",), "agent.batch_size must be at least 1"),
        (("replay.capacity=0",), "replay.capacity must be at least 1"),
        (("explore.start=2",), "explore.start must be between 0 and 1, got 2"),
        (("eval.episodes=0",), "eval.episodes must be at least 1"),
        (("env.num_envs=0",), "env.num_envs must be at least 1"),
        (("device.threads=0",), "device.threads must be at least 1"),
        (("env=Pendulum-v1",), "cannot take continuous actions.*Agents that fit: ddpg, td3, sac"),
        (("replay.capacity=1e13",), "of memory are free: the most that fits is"),
        (("explore=none",), "the agent dqn needs explore: write explore=linear"),
        (("replay=none",), "the agent dqn needs replay: write replay=uniform"),
        (("agent=random", "replay=uniform"), "random has no use for replay: write replay=none"),
    ],
)
def test_what_cannot_run_is_refused_in_a_sentence(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        build.validate(settings(*words))
