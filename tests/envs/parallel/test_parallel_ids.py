"""Which ids name environments of several agents, and what is said of those that do not fit."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.errors import BadInput
from rlrun.envs.environment import Environment
from rlrun.envs.ids import env_spec, is_parallel
from rlrun.envs.parallel.array_grid import ArrayAgentGrid
from rlrun.envs.parallel.grid import ParallelGrid
from rlrun.envs.settings import EnvSettings
from tests.support.common import differences, host
from tests.support.players import Meeting, Pulling


def refusal(env_id: str, **more: Any) -> str:
    with pytest.raises(BadInput) as info:
        Environment(EnvSettings(id=env_id, **more), 0.9).spec  # noqa: B018
    return str(info.value)


@pytest.fixture
def games(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module ``games``, without any."""
    module = ModuleType("games")
    monkeypatch.setitem(sys.modules, "games", module)
    return module


def test_modules_and_objects_with_parallel_env_are_found() -> None:
    assert is_parallel(env_spec("mpe2:simple_spread_v3"))
    assert is_parallel(env_spec("tests.support.players:meeting"))
    assert not is_parallel(env_spec("CartPole-v1"))


def test_an_unknown_name_is_still_answered_as_before() -> None:
    assert "there is no environment 'simple_sprad_v3'" in refusal("mpe2:simple_sprad_v3")


def test_games_in_turns_are_refused_in_a_sentence(games: ModuleType) -> None:
    turns = ModuleType("games.chess")
    turns.env = lambda: None  # type: ignore[attr-defined]
    sys.modules["games.chess"] = turns
    try:
        assert refusal("games:chess") == (
            "env=games:chess: its agents act in turns, and rlrun's act at the same time: it needs "
            "a function parallel_env, which chess does not have."
        )
    finally:
        del sys.modules["games.chess"]


def test_an_unknown_argument_is_refused_with_those_there_are() -> None:
    said = refusal("mpe2:simple_spread_v3", kwargs={"n": 2})
    assert said.startswith("unknown setting env.kwargs.n: simple_spread_v3 takes N, ")
    assert "Did you mean N?" in said


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("frame_stack", 2),
        ("last_action", True),
        ("scale_obs", True),
        ("rebuild", True),
        ("vector", "async"),
        ("shaping", "pole_angle"),
    ],
)
def test_settings_for_a_single_agent_are_refused(setting: str, value: Any) -> None:
    said = refusal("tests.support.players:meeting", **{setting: value})
    assert said.startswith(f"env.{setting}")
    assert "does not apply to tests.support.players:meeting, which has several agents" in said


class Mixed(Pulling):
    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(2) if agent == "left" else super().action_space(agent)


class Images(Meeting):
    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(0, 255, (8, 8), np.uint8)


class Wrong(Meeting):
    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(-9, 9, (4,))


@pytest.mark.parametrize(
    ("game", "why"),
    [
        (Mixed, "its agents need actions of one kind"),
        (Images, "observations of several agents must be numbers, not Box(0, 255, (8, 8), uint8)"),
        (Wrong, "its observation has the shape (1,), but its observation space has (4,)"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(games: ModuleType, game: type, why: str) -> None:
    games.mine = SimpleNamespace(parallel_env=game)  # type: ignore[attr-defined]
    assert why in refusal("games:mine")


def test_tasks_of_mpe2_are_stepped_as_arrays_unless_asked_otherwise() -> None:
    def grid(**more: Any) -> type:
        settings = EnvSettings(id="mpe2:simple_spread_v3", **more)
        envs: Any = Environment(settings, 0.9).open([0], 1)
        return type(envs._envs)

    assert grid() is grid(kwargs={"N": 2, "max_cycles": 9}) is ArrayAgentGrid
    assert grid(vector="arrays") is ArrayAgentGrid
    assert grid(vector="sync") is grid(kwargs={"curriculum": True}) is ParallelGrid
    said = refusal("mpe2:simple_spread_v3", vector="arrays", kwargs={"curriculum": True})
    assert said == (
        "env.vector=arrays is not possible for mpe2:simple_spread_v3, since the array version does "
        "not know the argument curriculum: write env.vector=auto."
    )


@pytest.mark.parametrize("continuous", [False, True])
def test_arrays_and_the_library_give_the_same_grid(continuous: bool) -> None:
    rng = np.random.default_rng(1)
    kwargs = {"max_cycles": 7, "continuous_actions": continuous}
    one, other = (
        Environment(EnvSettings(id="mpe2:simple_tag_v3", vector=how, kwargs=kwargs), 0.9).open(
            [4, 5], 2
        )
        for how in ("arrays", "sync")
    )
    for k in range(30):
        shape = (2, 2, 4)
        action = rng.uniform(-1, 1, (*shape, 5)) if continuous else rng.integers(0, 5, shape)
        assert differences(host(one.step(action)), host(other.step(action))) == [], k
