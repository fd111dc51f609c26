"""Completion with the Tab key, as a shell asks for it, and in bash itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rlrun.agents import AGENTS
from rlrun.cli.commands import VERBS
from tests.support.cli import Rlrun, write_files

pytestmark = pytest.mark.slow
Completed = Callable[..., list[str]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def completed(rlrun: Rlrun, monkeypatch: pytest.MonkeyPatch) -> Completed:
    """The words that a command line is completed by."""

    def call(line: str, shell: str = "bash") -> list[str]:
        monkeypatch.setenv("COMP_LINE", line)
        outcome = rlrun("-sc", f"query={shell}")
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out.splitlines()

    return call


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "rlrun agent=d",
            ["agent=dagger", "agent=ddpg", "agent=double_dqn", "agent=double_q_learning"],
        ),
        ("rlrun env=Acr", ["env=Acrobot-v1"]),
        ("rlrun env=ALE/Br", ["env=ALE/Breakout-v5"]),
        (
            "rlrun agent=dqn agent.l",
            ["agent.learning_clock=", "agent.learning_starts="],
        ),
        ("rlrun agent=ppo agent.cl", ["agent.clip=", "agent.clip_value="]),
        ("rlrun -m agent=ddpg agent.hid", ["agent.hidden="]),
        ("rlrun agent.hid", ["agent.hidden="]),
        ("rlrun agent.hidden=", ["agent.hidden=[128,128]"]),
        ("rlrun tuned=none agent.double=", ["agent.double=false"]),
        ("rlrun env.kw", ["env.kwargs."]),
        ("rlrun tun", ["tuned="]),
        ("rlrun tuned=dqn/C", ["tuned=dqn/CartPole-v1"]),
        ("rlrun +exp", ["+experiment="]),
        (
            "rlrun re",
            ["record", "record-data", "record.", "replay.", "replay=", "report", "resume"],
        ),
        ("/some/where/rlrun resu", ["resume"]),
        ("rlrun hydra/launcher=l", ["hydra/launcher=local"]),
        ("rlrun nonsense", []),
        ("rlrun agent=dqnn agent.l", []),
        ("rlrun agent=dqn,dqnn agent.l", []),
        ("rlrun --config-dir ", []),
        ("rlrun --c", []),
        ("rlrun env=nomod:Foo-v0 agent.l", []),
    ],
)
def test_settings(completed: Completed, line: str, words: list[str]) -> None:
    found = completed(line)
    assert found[: len(words)] == words or set(words) == set(found)
    assert bool(found) == bool(words)


def test_the_users_files(completed: Completed, tmp_path: Path) -> None:
    write_files(tmp_path)
    assert completed("rlrun --config-dir my agent=dea") == ["agent=dead"]
    assert completed("rlrun --config-dir=my experiment=tw") == ["experiment=two"]
    assert completed("rlrun agent=dea") == []
    assert completed("rlrun --config-dir my rep") == ["report", "replay.", "replay="]
    assert completed("rlrun --config-dir my list agents dea") == ["dead"]
    assert completed("rlrun list --config-dir=my envs agent=dea") == ["agent=dead"]
    assert completed("rlrun list agents -cd my env=lak") == ["env=lake"]
    assert completed("rlrun list agents dea") == []
    assert completed("rlrun --config-dir nowhere list agents d") == []


@pytest.mark.parametrize("name", AGENTS)
def test_no_setting_of_an_agent_is_a_dead_end(completed: Completed, name: str) -> None:
    """Every one is completed to the = after it."""
    found = completed(f"rlrun agent={name} agent.")
    assert "agent.name=" in found
    assert all(word.endswith("=") for word in found)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rlrun ev", ["evaluate", "eval."]),
        (
            "rlrun list ",
            ["agents", "envs", "experiments", "replay", "explore", "curiosity", "rules"],
        ),
        ("rlrun list e", ["envs", "experiments", "explore"]),
        ("rlrun list agents e", ["env=", "expected_sarsa", "evolution_strategies"]),
        ("rlrun list agents env=Fro", ["env=FrozenLake-v1", "env=FrozenLake8x8-v1"]),
        ("rlrun list agents env=CliffWalkingS", ["env=CliffWalkingSlippery-v1"]),
        ("rlrun list agents dq", ["dqn"]),
        ("rlrun list envs agent=td", ["agent=td3", "agent=td_prediction"]),
        ("rlrun list experiments ", []),
        ("rlrun list nonsense ", []),
        ("rlrun resume ", ["last", "outputs/"]),
        ("rlrun evaluate la", ["last"]),
        ("rlrun record outp", ["outputs/"]),
        ("rlrun record outputs/", ["outputs/one/", "outputs/two/"]),
        ("rlrun record outputs/t", ["outputs/two/"]),
        ("rlrun record nowhere/", []),
        ("rlrun record .h", [".hidden/"]),
        ("rlrun resume last ", []),
        ("rlrun report ", ["outputs/"]),
        ("rlrun report outputs/one out", ["outputs/"]),
    ],
)
def test_words_after_a_verb(
    completed: Completed,
    tmp_path: Path,
    line: str,
    words: list[str],
) -> None:
    for name in ("outputs/one", "outputs/two", ".hidden", "a b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "outputs" / "file").touch()
    found = completed(line)
    assert [word for word in found if "Frost" not in word] == words


def test_verbs_come_line_by_line_for_fish(completed: Completed) -> None:
    assert completed("rlrun ", "fish")[: len(VERBS)] == list(VERBS)


def shell(tmp_path: Path, script: str) -> str:
    """What bash prints, with a program `rlrun` on its path."""
    program = tmp_path / "bin" / "rlrun"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from rlrun.__main__ import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_in_bash(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    script = """
        eval "$(rlrun -sc install=bash)"
        ask() { COMP_LINE="$1" COMP_WORDS=($1) COMP_POINT=${#1} COMP_CWORD=$2
                hydra_bash_completion; echo "${COMPREPLY[@]}"; }
        ask 'rlrun agent.hid' 1
        ask 'rlrun resume ' 2
        ask 'rlrun list agents env=Acr' 3
        complete -p rlrun
    """
    lines = shell(tmp_path, script).splitlines()
    assert lines[0] == "agent.hidden="
    assert set(lines[1].split()) == {"last", "outputs/", "bin/"}
    assert lines[2] == "env=Acrobot-v1"
    assert "-F hydra_bash_completion rlrun" in lines[3]


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_the_script_prepares_zsh(tmp_path: Path, name: str) -> None:
    """It has the functions of bash only after bashcompinit, which needs compinit."""
    script = shell(tmp_path, f"rlrun -sc install={name}")
    lines = [line.strip() for line in script.splitlines()]
    first = lines.index('if [ -n "$ZSH_VERSION" ]; then')
    assert first == 0
    assert lines[1] == "whence compdef > /dev/null || { autoload -Uz compinit && compinit; }"
    assert lines[2] == "autoload -Uz bashcompinit && bashcompinit"
    assert lines[3] == "fi"
    later = [number for number, line in enumerate(lines) if "complete -o nospace" in line]
    assert later and min(later) > 3


def test_fish_gets_its_own_script(tmp_path: Path) -> None:
    script = shell(tmp_path, "rlrun -sc install=fish")
    assert script.startswith("function hydra_fish_completion")
    assert "bashcompinit" not in script
