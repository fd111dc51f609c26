"""Installed packages that bring agents and configuration files; the example of docs/packages.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rlrun
from rlrun.cli.completion import complete
from rlrun.cli.config.packages import package_folders
from rlrun.core.errors import BadInput
from tests.contracts.test_contributing import block
from tests.support.cli import Rlrun, check_refused
from tests.support.trained import digests, said

PAGE = Path(rlrun.__file__).parents[1].joinpath("docs", "packages.md").read_text("utf-8")
SHORT = ("env=rlrun/Choice-v0", "seeds=2", "total_steps=400", "eval.every=0")
POINTS = {"rlrun.conf": {"other": "other.conf"}}


def page(language: str, number: int = 0) -> str:
    """A block of code of the page in that language, the first one by default."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number])


def install(
    site: Path, name: str, points: dict[str, dict[str, str]], files: dict[str, str]
) -> None:
    """Leave a package as an installer does: its files, and its entry points in a .dist-info."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = [
        "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in each.items())])
        for group, each in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups) + "\n")
    for file, text in files.items():
        (site / name / file).parent.mkdir(parents=True, exist_ok=True)
        (site / name / file).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the folders are compared
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{Path(rlrun.__file__).parents[1]}")
    for name in ("my_agents", "my_agents.action_means", "my_agents.uphill", "other"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


@pytest.fixture
def example(site: Path) -> Path:
    """The package of the page, installed."""
    points = tomllib.loads(page("toml"))["project"]["entry-points"]
    assert page("yaml") == block("yaml")
    files = {
        "__init__.py": "",
        "action_means.py": block("python"),
        "conf/agent/action_means.yaml": page("yaml"),
    }
    install(site, "my_agents", points, files)
    return site / "my_agents"


@pytest.mark.slow
def test_the_package_of_the_page_trains(example: Path) -> None:
    before = digests(example / "conf")
    code, _, err = said("agent=action_means", *SHORT, "hydra.run.dir=run")
    assert code == 0, err
    final = json.loads(Path("run/result.json").read_text())["final"]
    assert final["per_seed"] == [1.0, 1.0]  # the action that pays 1, and not the one that pays -1
    assert digests(example / "conf") == before
    (row,) = json.loads(said("list", "agents", "action_means", "--json")[1])
    assert row["what"] == "Average rewards of actions (Sutton and Barto 2018, section 2.4)"
    assert [each["setting"] for each in row["settings"]] == ["agent.prior"]


def test_the_rule_of_the_page_plays(site: Path) -> None:
    points = tomllib.loads(page("toml", 1))["project"]["entry-points"]
    install(site, "my_agents", points, {"__init__.py": "", "uphill.py": page("python")})
    (row,) = json.loads(said("list", "rules", "uphill", "--json")[1])
    assert row["what"] == "push to the right until the goal"
    words = ("agent=scripted", "agent.rule=uphill", "seeds=2", "eval.final_episodes=2")
    code, _, err = said(*words, "env=MountainCar-v0", "total_steps=20", "hydra.run.dir=run")
    assert code == 0, err
    final = json.loads(Path("run/result.json").read_text())["final"]
    assert final["per_seed"] == [-200.0, -200.0]  # the engine is too weak for that


def test_its_folder_is_found_without_an_import(example: Path) -> None:
    assert package_folders()["my_agents"] == example / "conf"
    assert "my_agents" not in sys.modules


@pytest.mark.slow
def test_its_agent_is_swept_and_resumed_in_other_processes(example: Path) -> None:
    words = ["-m", "agent=action_means,random", "agent.prior=2", *SHORT, "hydra.sweep.dir=s"]
    line = [sys.executable, "-m", "rlrun"]
    done = subprocess.run([*line, *words], capture_output=True, text=True)
    assert done.returncode == 2 and "agent.prior" in done.stderr  # random has no settings
    words[1:3] = ["agent=action_means", "agent.prior=1,2"]
    done = subprocess.run([*line, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*line, "resume", "s"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "s is done.\n")


@pytest.mark.slow
def test_its_files_serve_every_group(example: Path, rlrun: Rlrun) -> None:
    files = {
        "agent/means_of_nine.yaml": "# Nine.\ndefaults: [action_means, _self_]\nprior: 9\n",
        "env/choice.yaml": "id: rlrun/Choice-v0\n",
        "tuned/action_means/rlrun/Choice-v0.yaml": "# @package _global_\nseeds: 4\n",
        "experiment/means.yaml": "# @package _global_\n# Means.\ndefaults:\n"
        "  - override /agent: means_of_nine\n  - override /env: choice\n"
        "  - override /tuned: none\n",
    }
    for name, text in files.items():
        (example / "conf" / name).parent.mkdir(exist_ok=True, parents=True)
        (example / "conf" / name).write_text(text)
    ((given, _),) = rlrun("agent=action_means", "env=choice").runs
    assert (given["seeds"], given["tuned"]["name"]) == (4, "action_means/rlrun/Choice-v0")
    ((given, _),) = rlrun("experiment=means").runs
    assert given["agent"] == {"name": "action_means", "prior": 9}
    listed = {row["agent"]: row for row in json.loads(said("list", "agents", "--json")[1])}
    assert listed["means_of_nine"]["actions"] == "discrete"
    assert listed["means_of_nine"]["what"] == "Nine"
    assert complete("rlrun list agents means_of") == ["means_of_nine"]
    assert complete("rlrun list envs agent=action_m") == ["agent=action_means"]
    assert '"experiment": "means", "what": "Means"' in said("list", "experiments", "--json")[1]
    assert '"environment": "choice"' in said("list", "envs", "choice", "--json")[1]


@pytest.mark.parametrize(
    ("points", "files", "message"),
    [
        (POINTS, {"conf/agent/dqn.yaml": "name: dqn\n"}, "has the same name as a file of rlrun: "),
        (POINTS, {"conf/agent/action_means.yaml": "a: 1\n"}, "as a file of my_agents: rename it"),
        (
            POINTS,
            {"__init__.py": ""},
            "package other has no configuration folder other.conf, ",
        ),
        ({"rlrun.agents": {"dqn": "other:Q"}}, {}, "dqn = other:Q has the name of an agent of rlr"),
        (
            {"rlrun.agents": {"mine": "other:Mine"}},
            {"__init__.py": "import no_such_package\n"},
            "the agent mine cannot be imported from other:Mine: ModuleNotFoundError: No module ",
        ),
        (
            {"rlrun.agents": {"mine": "other:Mine"}},
            {
                "__init__.py": "from dataclasses import dataclass\n@dataclass\nclass S:\n"
                "  lr: float = 0.1\n  size: int = 2\nclass Mine:\n"
                "  settings_class = S\n  observes = acts = ('vector', 'discrete')\n"
            },
            "the settings of the agent mine (other.S) must be keyword-only, but lr, size can be",
        ),
        (
            {"rlrun.agents": {"mine": "other:Mine"}},
            {"__init__.py": "class Mine:\n  settings_class = dict\n  observes = acts = ()\n"},
            "the settings_class of the agent mine (other) is not a dataclass: CONTRIBUTING.md",
        ),
    ],
)
def test_a_package_that_does_not_fit_is_refused_in_a_sentence(
    example: Path,
    site: Path,
    tmp_path: Path,
    rlrun: Rlrun,
    points: dict[str, dict[str, str]],
    files: dict[str, str],
    message: str,
) -> None:
    install(site, "other", points, files)
    (tmp_path / "own" / "agent").mkdir(parents=True)
    (tmp_path / "own" / "agent" / "mine.yaml").write_text("name: mine\n")
    agent = "mine" if "mine" in message else "random"  # other mistakes concern every run
    line = f"--config-dir {tmp_path / 'own'} agent={agent}"
    check_refused(rlrun, tmp_path, line, message)
    code, out, err = said("list", "agents")
    assert (code, out) == (2, "") and message in err


def test_a_clash_of_two_packages_names_both(site: Path) -> None:
    for name in ("one", "two"):
        install(site, name, {"rlrun.conf": {name: f"{name}.conf"}}, {"conf/env/x.yaml": "id: x\n"})
    with pytest.raises(BadInput, match=r"two/conf/env/x\.yaml has the same name as a file of one:"):
        package_folders()


@pytest.mark.slow
def test_a_users_folder_is_listed_too(site: Path) -> None:
    (site / "mine/agent").mkdir(parents=True)
    (site / "mine/agent/small.yaml").write_text("# Small.\ndefaults: [ppo, _self_]\nlr: 0.5\n")
    for words in (
        ("--config-dir", str(site / "mine"), "list", "agents", "small", "--json"),
        (f"--config-dir={site / 'mine'}", "list", "agents", "small", "--json"),
        ("list", "agents", "--config-dir", str(site / "mine"), "small", "--json"),
    ):
        code, out, err = said(*words)
        assert code == 0, err
        (row,) = json.loads(out)
        assert (row["agent"], row["actions"], row["what"]) == ("small", "any", "Small")
        assert row["settings"][0]["default"] == "0.5"
    (site / "mine/agent/small.yaml").write_text("name: dqnn\n")
    code, out, err = said("--config-dir", str(site / "mine"), "list", "agents")
    assert (
        err == "rlrun: agent=small sets up 'dqnn', and there is no such agent. Did you mean dqn?\n"
    )
    assert (code, out) == (2, "")
    code, _, err = said("--config-dir", "nowhere", "list", "agents")
    assert (code, err) == (2, "rlrun: there is no folder nowhere, which --config-dir names.\n")
    code, _, err = said("--config-dir", str(site / "mine"), "resume", "last")
    assert (code, err.count("does not take --config-dir")) == (2, 1)
