"""Unusual environments: what is wrong is named, and a text beside numbers is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.build import build_agent
from rlrun.core.errors import BadInput
from rlrun.core.types import Space, Spec
from rlrun.envs.ids import env_spec
from rlrun.run import start_run
from tests.support.common import SMALL_DQN, SMALL_PPO, agent_and_envs, parts_and_env, settings

pytestmark = pytest.mark.slow

HERE = "tests.support.deviant"


def spec_of(*words: str) -> Spec:
    return parts_and_env("agent=random", *words)[1].spec


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_text_beside_numbers_is_left_out(vector: str) -> None:
    words = (f"env={HERE}:WithText-v0", "agent=random", "seeds=2", f"env.vector={vector}")
    _, envs = agent_and_envs(*words, "env.kwargs.case=grid")
    assert envs.spec.obs == Space("vector", (8,))
    # direction 1 of 4 as ones and zeros, then the image
    assert envs.obs.tolist() == [[[0, 1, 0, 0, 1, 2, 3, 4]]] * 2
    envs.close()
    _, envs = agent_and_envs(*words, "env.kwargs.case=tuple")
    assert envs.spec.obs == Space("multi_discrete", (1,), (3,))
    assert envs.step(np.zeros((2, 1), np.int64)).next_obs.tolist() == [[[2]]] * 2
    envs.close()


def test_a_run_says_which_text_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("agent=random", "total_steps=4", "seeds=1", "eval.episodes=1", "eval.final_episodes=1")
    used = settings(*words, f"env={HERE}:WithText-v0", "env.kwargs.case=grid")
    start_run(used, tmp_path, "rlrun again")
    sentence = (
        f"the field 'mission' of its observation of {HERE}:WithText-v0 is text, and is left out"
    )
    assert sentence in (tmp_path / "run.log").read_text()
    assert sentence in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("env", "case", "words"),
    [
        ("WithText", "text alone", "the field 'mission' of its observation has no numbers"),
        ("WithText", "text", "its observation has no numbers to learn from, and nothing else"),
        ("Unusual", "reward array", "its reward has the shape (1,), but a reward is one number"),
        ("Unusual", "no reward", "its reward is None, which is not a number"),
        ("Unusual", "empty", "its observations have the shape (0,)"),
        ("Unusual", "wide actions", "float64 cannot hold their difference"),
        ("Unusual", "prints", "it prints '\\xef', which is not in ascii, the encoding of this"),
    ],
)
def test_what_is_wrong_is_named_before_the_run(env: str, case: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        spec_of(f"env={HERE}:{env}-v0", f"env.kwargs.case='{case}'")
    text = str(caught.value)
    assert text.startswith(f"{HERE}:{env}-v0 cannot be used: ")
    assert words in text


def test_bounds_at_the_end_of_float64_are_no_bounds_to_scale_by() -> None:
    words = (f"env={HERE}:Unusual-v0", "env.kwargs.case='wide observations'")
    assert spec_of(*words).obs == Space("vector", (1,))
    with pytest.raises(BadInput, match=r"finite bounds, .* a difference that float64 can hold"):
        spec_of(*words, "env.scale_obs=true")


@pytest.mark.parametrize("agent", [SMALL_DQN, SMALL_PPO])
@pytest.mark.parametrize("what", ["observations", "actions"])
def test_more_choices_than_any_memory_holds(agent: Any, what: str) -> None:
    words = (*agent, f"env={HERE}:Unusual-v0", f"env.kwargs.case='many {what}'")
    parts, env = parts_and_env(*words)
    with pytest.raises(BadInput, match=rf"weights for each of the 4\.61e\+18 {what} of {HERE}"):
        build_agent(parts, env.spec)
    agent_and_envs("agent=random", *words[-2:])[1].close()  # without a network it can be played


def test_a_package_that_registers_by_a_function() -> None:
    with pytest.raises(BadInput) as caught:
        env_spec(f"{HERE}:Later-v0")
    assert str(caught.value).endswith(
        f"write a two-line module my_envs.py that imports {HERE} and calls "
        f"{HERE}.register_all(); then use env=my_envs:Later-v0."
    )


@pytest.mark.slow
def test_a_terminal_without_the_letters_that_an_environment_prints(here: Path) -> None:
    (here / "prints.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Prints(CartPoleEnv):\n"
        "    def reset(self, **kwargs):\n"
        "        print('na\\u00efve')\n"
        "        return super().reset(**kwargs)\n"
        "gym.register('Prints-v0', Prints, max_episode_steps=5)\n",
        encoding="utf-8",
    )
    words = ("agent=random", "env=prints:Prints-v0", "seeds=1", "total_steps=20", "eval.every=0")
    command = [sys.executable, "-m", "rlrun", *words, "eval.final_episodes=1"]
    used = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=used)
    assert done.returncode == 0, done.stderr
    assert "na\\xefve\n" in done.stdout  # the run is not lost for a letter
