"""MiniGrid: its ids, its codes as 0 and 1, its text left out; skipped where it is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.api import load_run
from rlrun.compatibility import text_left_out
from rlrun.core.errors import BadInput
from rlrun.core.types import Space
from rlrun.envs.adapt import adapt
from rlrun.envs.codes import OneHotCodes
from rlrun.envs.conform import NotInSpace
from rlrun.envs.ids import env_ids, env_spec
from rlrun.envs.vector.sync import EnvOptions
from rlrun.run import start_run
from tests.support.common import SMALL_PPO, differences, grid_of, host, parts_and_env, settings

DOOR = "MiniGrid-DoorKey-5x5-v0"


@pytest.fixture
def made() -> Iterator[gym.Env[Any, Any]]:
    """A room with a door and a key, as MiniGrid has it."""
    pytest.importorskip("minigrid")
    env: gym.Env[Any, Any] = gym.make(env_spec(DOOR), disable_env_checker=True)
    yield env
    env.close()


def test_its_ids_are_known_without_a_package_in_front(made: object) -> None:
    assert env_spec(DOOR).id == DOOR
    assert {DOOR, "BabyAI-GoToRedBall-v0"} <= set(env_ids())
    with pytest.raises(BadInput, match=f"Did you mean {DOOR}"):
        env_spec("MiniGrid-DorKey-5x5-v0")


def test_without_it_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(BadInput, match=f"env={DOOR}: .* not installed: pip install minigrid"):
        env_spec(DOOR)


def test_codes_by_hand(made: gym.Env[Any, Any]) -> None:
    image = np.zeros((7, 7, 3), np.uint8)
    image[2, 5] = 4, 1, 2  # a green door, locked
    image[3, 6] = 5, 4, 0  # a yellow key
    obs = {"image": image, "direction": 3, "mission": "use the key"}
    shown = OneHotCodes(made).observation(obs)
    assert shown.shape == (7, 7, 24)
    assert shown.dtype == np.uint8
    assert np.flatnonzero(shown[2, 5]).tolist() == [4, 11 + 1, 17 + 2, 20 + 3]
    assert np.flatnonzero(shown[3, 6]).tolist() == [5, 11 + 4, 17, 20 + 3]
    assert np.flatnonzero(shown[0, 0]).tolist() == [0, 11, 17, 20 + 3]
    assert shown.sum() == 7 * 7 * 4


def test_other_codes_are_refused(made: gym.Env[Any, Any]) -> None:
    wrapped, image = OneHotCodes(made), np.full((7, 7, 3), 2, np.uint8)
    for wrong, message in (
        (
            {"image": image + 9, "direction": 0},
            r"up to \[11, 11, 11\] .* end at \[10, 5, 2\]",
        ),
        ({"image": image, "direction": 4}, r"the direction 4, .* its directions at 3"),
        ({"image": image[:6], "direction": 0}, r"the shape \(6, 7, 3\)"),
        ({"image": image}, "without an image of codes"),
    ):
        with pytest.raises(NotInSpace, match=message):
            wrapped.observation(wrong)


def test_pictures_stay_pictures(made: gym.Env[Any, Any]) -> None:
    wrappers = pytest.importorskip("minigrid.wrappers")
    pixels = adapt(wrappers.ImgObsWrapper(wrappers.RGBImgPartialObsWrapper(made)))
    assert pixels.observation_space.shape == (56, 56, 3)


@pytest.mark.parametrize(
    ("words", "space"),
    [
        ((), Space("grid", (24, 7, 7), top=(1,) * 24)),
        (("env.frame_stack=2",), Space("grid", (48, 7, 7), stack=2, top=(1,) * 48)),
        (("env.obs=vector",), Space("vector", (1176,))),
        (("env.obs=vector", "env.last_action=true"), Space("vector", (1183,))),
    ],
)
def test_what_agents_see(made: object, words: tuple[str, ...], space: Space) -> None:
    spec = parts_and_env(f"env={DOOR}", "agent=random", *words)[1].spec
    assert (spec.obs, spec.action) == (space, Space("discrete", (), (7,)))
    mission = f"the field 'mission' of its observation of {DOOR} is text, and is left out"
    assert text_left_out(spec) == mission


def test_separate_processes_and_resumed_runs_show_the_same(made: object) -> None:
    def opened(vector: Any) -> Any:
        options = EnvOptions(vector=vector, timeout=60.0, frame_stack=2)
        return grid_of(lambda: gym.make(DOOR), DOOR, (3, 4), 2, options=options)

    usual, other, later = opened("sync"), opened("async"), opened("sync")
    actions = np.random.default_rng(0).integers(0, 6, (40, 2, 2))
    try:
        for action in actions[:30]:
            a, b = usual.step(action), other.step(action)
            assert differences(host(list(a)), host(list(b))) == []
        assert later.load_state_dict(host(usual.state_dict())) == []
        for action in actions[30:]:
            a, b = later.step(action), other.step(action)
            assert differences(host(list(a)), host(list(b))) == []
    finally:
        other.close()


@pytest.mark.parametrize("stack", ["1", "2"])
def test_a_loaded_policy_acts_on_minigrids_own_observations(
    made: gym.Env[Any, Any], tmp_path: Path, stack: str
) -> None:
    words = (f"env={DOOR}", *SMALL_PPO, "seeds=1", "total_steps=40", f"env.frame_stack={stack}")
    short = ("eval.every=0", "eval.final_episodes=1", "eval.max_steps=5")
    start_run(settings(*words, *short), tmp_path, "rlrun")
    policy = load_run(tmp_path).policy()
    obs, _ = made.reset(seed=0)
    shown = OneHotCodes(made).observation(obs)
    inputs = np.concatenate([*[np.zeros_like(shown)] * (int(stack) - 1), shown], -1)
    agent = policy._player.agent
    expected = agent.act(inputs.transpose(2, 0, 1)[None, None], 0, explore=False)
    assert policy.act(obs) == expected[0, 0]
    with pytest.raises(BadInput, match="without an image of codes"):
        policy.act(shown)
