"""Configurations drawn at random: whatever is asked for, an answer comes, and never a traceback."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlrun.__main__ import main
from rlrun.agents import AGENTS, agent_class
from rlrun.checks import parameters_of
from rlrun.core.schema import settings_of
from rlrun.explore.options import CHOOSERS, NOISES

pytestmark = pytest.mark.slow

MODELS = ("FrozenLake-v1", "Taxi-v4", "rlrun/ThreeStates-v0", "rlrun/StochasticMarsRover-v0")
TABLES = (*MODELS, "CartPole-v1", "Blackjack-v1", "MountainCar-v0")
CONTROL = ("Pendulum-v1", "MountainCarContinuous-v0", "BipedalWalker-v3")
ANY = (*TABLES, *CONTROL, "rlrun/Endless-v0", "nonsense")
RUN = (
    *("seed", "gamma", "eval.episodes", "eval.final_episodes", "eval.max_steps", "log.every"),
    *("checkpoint.every_steps", "checkpoint.every_minutes", "checkpoint.replay", "env.bins"),
    *("env.num_envs", "env.max_episode_steps", "env.rebuild", "env.kwargs.nonsense", "nonsense"),
)
PLAUSIBLE = ("0", "1", "2", "3", "7", "0.5", "0.1", "1e-3", "null", "true", "false", "[2,3]")
ODD = (
    *("-1", "1e9", "", "nan", "inf", "[]", "[[0,1,2]]", "{a: 1}", "episodes", "steps", "max"),
    *("taken", "expected", "every", "uniform", "squared", "policy", "text", "${seed}", "'quoted'"),
)
TINY = ("total_steps=40", "eval.every=20", "hydra.run.dir=run")
SMALL = ("seeds=2", "eval.episodes=2", "eval.final_episodes=2", "eval.max_steps=20")
codes: Counter[int] = Counter()


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command line most of which fits together."""
    agent = draw(st.sampled_from(list(AGENTS)))
    cls = agent_class(agent)
    fitting: tuple[str, ...] = MODELS if agent.endswith("iteration") else TABLES
    if "discrete" not in cls.acts:
        fitting = CONTROL
    env = draw(st.sampled_from(fitting) | st.sampled_from(fitting) | st.sampled_from(ANY))
    chosen = [f"agent={agent}", f"env={env}"]
    keys = [*RUN, *(f"agent.{name}" for name in settings_of(cls.settings_class))]
    ways: dict[str, dict[str, Any]] = {"explore": {**CHOOSERS}, "noise": {**NOISES}}
    for part in ways.keys() & parameters_of(cls):
        if draw(st.booleans()):
            explore = draw(st.sampled_from(list(ways[part])))
            chosen.append(f"explore={explore}")
            keys += [f"explore.{name}" for name in settings_of(ways[part][explore])]
    value = st.sampled_from(PLAUSIBLE) | st.sampled_from(PLAUSIBLE) | st.sampled_from(ODD)
    more = draw(st.lists(st.tuples(st.sampled_from(keys), value), max_size=2))
    given_keys = [key for key, _ in more]
    small = [word for word in (*TINY, *SMALL) if word.partition("=")[0] not in given_keys]
    return [*chosen, *small, *(f"{key}={value}" for key, value in more)]


def answer(line: list[str]) -> tuple[int, str]:
    """The exit code of a command line, and what it says on standard error."""
    before, err = sys.argv, io.StringIO()
    sys.argv = ["rlrun", *line]
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            return main(), err.getvalue()
    finally:
        sys.argv = before


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(lines())
def check_line(line: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        code, err = answer(line)
        codes[code] += 1
        assert "Traceback" not in err, err
        assert code in (0, 1, 2), err
        if code == 2:
            assert err.startswith("rlrun: ") and err.count("\n") == 1, err
            assert not Path("run").exists()
        if code == 0:
            assert Path("run", "result.json").exists()


def test_any_command_line_is_answered() -> None:
    check_line()
    assert codes[0] > 40 and codes[2] > 20, codes  # both kinds are tried


@pytest.mark.parametrize("line", [["resume"], ["resume", "a", "b"], ["resume", "", "="]])
def test_resume_answers_too(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, err = answer(line)
    assert code == 2
    assert "Traceback" not in err
