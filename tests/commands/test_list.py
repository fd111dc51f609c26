"""`rlrun list` says what there is and what goes together, quickly."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from rlrun.agents import AGENTS, agent_class
from rlrun.cli.commands import VERBS
from rlrun.cli.config.paths import config_root
from rlrun.compatibility import capabilities_of, incompatibility
from rlrun.envs.games import PROBES
from rlrun.envs.survey import newest_ids, spaces_by_id
from tests.support.common import parts_and_env, settings
from tests.support.trained import said


def rows(*words: str) -> list[dict[str, str]]:
    code, out, err = said("list", *words, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert isinstance(told, list)
    return told


def names(*words: str) -> list[str]:
    return [next(iter(row.values())) for row in rows(*words)]


@pytest.mark.parametrize("name", AGENTS)
def test_what_is_read_of_an_agents_class_is_what_it_says(name: str) -> None:
    module, _, attribute = AGENTS[name].partition(":")
    cls: Any = getattr(importlib.import_module(module), attribute)
    takes = capabilities_of(AGENTS[name])
    told = (cls.observes, cls.acts, getattr(cls, "needs", ""))
    assert (takes.observes, takes.acts, takes.needs) == told
    settings = {each.name for each in dataclasses.fields(cls.settings_class)}
    assert takes.has_features == ("features" in settings)


def test_agents() -> None:
    listed = {row["agent"]: row for row in rows("agents")}
    assert list(listed) == list(AGENTS)
    assert all(row["what"] for row in listed.values())
    assert listed["ppo"] == {
        "agent": "ppo",
        "observations": "any",
        "actions": "any",
        "what": "PPO (Schulman et al. 2017)",
    }
    assert listed["sarsa"]["observations"] == "discrete, bins or features"
    assert listed["monte_carlo"]["observations"] == "discrete, or bins"
    assert listed["value_iteration"]["observations"] == "a known model"
    assert listed["td3"]["actions"] == "continuous"
    assert names("agents", "williams") == ["reinforce"]


@pytest.mark.parametrize(
    "env", ["Pendulum-v1", "FrozenLake-v1", "Blackjack-v1", "ALE/Pong-v5", "CartPole-v1"]
)
def test_the_agents_that_fit_are_those_that_a_run_takes(env: str) -> None:
    """Of the classes themselves, in the environment that a run would open."""
    spec = parts_and_env(f"env={env}", "agent=random")[1].spec
    takers = [name for name in AGENTS if not incompatibility(agent_class(name), spec)]
    assert names("agents", f"env={env}") == takers


@pytest.mark.slow
def test_environments() -> None:
    listed = {row["environment"]: row for row in rows("envs")}
    assert {"CartPole-v1", "ALE/Pong-v5", "rlrun/MarsRover-v0"} <= listed.keys()
    assert {"rlrun/MarkovChain-v0", "rlrun/GridWorld-v0", "rlrun/Vacuum-v0"} <= listed.keys()
    assert {"rlrun/Xor-v0", "rlrun/DeepSea-v0", "rlrun/FrozenLake-v0"} <= listed.keys()
    assert not {"CartPole-v0", "Pong-v4", "PongNoFrameskip-v4"} & listed.keys()
    assert listed["CartPole-v1"]["observations"] == "continuous 4"
    assert listed["Taxi-v4"]["observations"] == "discrete 500, with a model"
    assert listed["CarRacing-v3"] == {
        "environment": "CarRacing-v3",
        "observations": "image 3x96x96",
        "actions": "continuous 3",
    }
    assert names("envs", "lander") == ["LunarLander-v3", "LunarLanderContinuous-v3"]
    assert names("envs", "agent=td3", "lander") == ["LunarLanderContinuous-v3"]
    games = [name.startswith("ALE/") for name in listed]
    assert games == sorted(games) and any(games)  # the Atari games come last
    others = [name for name in listed if not name.startswith("ALE/")]
    assert others == sorted(others)
    assert not any(f"rlrun/{name}-v0" in listed for name in PROBES)  # they test learners
    planned = names("envs", "agent=value_iteration")
    assert planned == [row for row in listed if "with a model" in listed[row]["observations"]]


def test_what_a_game_is_said_to_look_like_is_so() -> None:
    assert "ALE/Pong-v5" in newest_ids()
    said_so = spaces_by_id(["ALE/Pong-v5"])["ALE/Pong-v5"]
    spec = parts_and_env("env=ALE/Pong-v5")[1].spec
    assert said_so.obs == spec.obs
    assert said_so.action.kind == spec.action.kind


def test_experiments() -> None:
    listed = {row["experiment"]: row["what"] for row in rows("experiments")}
    files = {path.stem for path in (config_root() / "experiment").glob("*.yaml")}
    assert listed.keys() == files
    assert listed["bench_dqn"].startswith("The settings that `make bench` compares")


@pytest.mark.parametrize("group", ["replay", "explore", "curiosity"])
def test_the_options_of_a_group(group: str) -> None:
    listed = {row[group]: row["what"] for row in rows(group)}
    assert listed.keys() == {path.stem for path in (config_root() / group).glob("*.yaml")}
    assert all(listed.values())


def test_a_bonus_is_listed_with_what_it_does() -> None:
    assert rows("curiosity", "strehl") == [
        {
            "curiosity": "count",
            "what": "A bonus of scale / √N for the N-th visit of a state and action "
            "(Strehl and Littman 2008)",
        }
    ]


def test_the_settings_of_an_agent() -> None:
    (row,) = rows("agents", "double_dqn")
    settings: Any = row["settings"]
    found = {each["setting"]: each for each in settings}
    assert found["agent.lr"] == {
        "setting": "agent.lr",
        "default": "0.001",
        "values": "positive number",
        "meaning": "Learning rate at the start.",
    }
    assert found["agent.double"]["default"] == "true"  # as its own file says, not the class
    assert found["agent.hidden"]["default"] == "[128,128]"
    assert found["agent.hidden"]["values"] == "list of whole numbers of at least 1"
    assert found["agent.tau"]["values"] == "number above 0 and at most 1"
    assert found["agent.loss"]["values"] == "huber, squared, cross_entropy, quantile_huber or null"
    assert "linear beyond errors of 1" in found["agent.loss"]["meaning"]
    code, out, _ = said("list", "agents", "sarsa")
    assert code == 0
    assert re.search(r"^agent.bootstrap=taken +max, taken or expected$", out, re.MULTILINE)
    assert "\n    Rewards summed before the bootstrap." in out
    code, out, _ = said("list", "agents", "random")
    assert (code, out.count("\n")) == (0, 2)  # it has no settings


@pytest.mark.parametrize("name", AGENTS)
def test_the_defaults_that_are_listed_are_those_of_a_run(name: str) -> None:
    (row,) = rows("agents", name)
    run = settings(f"agent={name}", "tuned=none")["agent"]
    listed: Any = row["settings"]
    words = [f"{each['setting']}={each['default']}" for each in listed]
    assert settings(f"agent={name}", "tuned=none", *words)["agent"] == run
    assert {each["setting"].removeprefix("agent.") for each in listed} == run.keys() - {"name"}


def test_lines_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = said("list", "agents", "dueling")
    assert code == 0
    head, first, *more = out.splitlines()
    assert head.split() == ["agent", "observations", "actions", "what"]
    assert head.index("what") == first.index("Dueling")
    assert all(line[: head.index("what")].strip() == "" for line in more)
    assert max(map(len, out.splitlines())) <= 80
    assert said("list", "envs", "nothing-like-it")[1] == "no matches.\n"
    assert said("list", "agents", "dqnn")[1] == "no matches. Did you mean dqn?\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["agnets"], "there is no list of 'agnets'. Did you mean agents?"),
        (["--json"], "there is no list of ''."),
        (["agents", "agent=dqn"], "rlrun list agents does not take agent."),
        (["envs", "--all"], "rlrun list envs does not take --all."),
        (["envs", "agent=dqnn"], "there is no agent 'dqnn'. Did you mean dqn?"),
        (["agents", "env=CartPol-v1"], "Did you mean CartPole-v1?"),
    ],
)
def test_mistakes_are_told_in_a_sentence(words: list[str], sentence: str) -> None:
    code, out, err = said("list", *words)
    assert (code, out) == (2, "")
    assert err.startswith("rlrun: ")
    assert sentence in err


def test_agents_are_listed_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['rlrun', 'list', 'agents', 'env=Pendulum-v1'];"
        "from rlrun.__main__ import main; main(); import rlrun; rlrun.load_run;"
        "print([m for m in ('torch', 'hydra', 'omegaconf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    code, out, _ = said(verb, "--help")
    assert code == 0
    assert out.startswith(f"rlrun {verb}")
    assert max(map(len, out.splitlines())) <= 100
    assert said(verb)[0] == 2
