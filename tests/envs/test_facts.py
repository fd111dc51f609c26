"""The facts of a MiniGrid: `env.facts=true`."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from rlrun.core.errors import BadInput
from rlrun.envs.facts import Facts
from tests.support.common import parts_and_env

minigrid = pytest.importorskip("minigrid")
LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
KEY = 1 + 5 * 6  # the number of a red key: the first colour of the fifth kind
YELLOW = 4


def key_and_door() -> tuple[Facts, Any]:
    """A door and its key, put where these tests want them: the key below the agent."""
    env = gym.make("MiniGrid-DoorKey-5x5-v0")
    facts = Facts(env)
    facts.reset(seed=0)
    base: Any = env.unwrapped
    (key,) = (each for each in base.grid.grid if each is not None and each.type == "key")
    base.grid.grid[base.grid.grid.index(key)] = None
    base.agent_pos, base.agent_dir = (1, 1), 1  # down
    base.grid.set(1, 2, key)
    return facts, base


def test_the_numbers_are_position_direction_carried_object_and_doors() -> None:
    facts, base = key_and_door()
    assert facts.observation(None).tolist() == [1, 1, 1, 0, 2, *[0] * 11]  # a locked door
    assert facts.step(PICK_UP)[0].tolist() == [1, 1, 1, KEY + YELLOW, 2, *[0] * 11]
    assert facts.step(FORWARD)[0].tolist()[:4] == [1, 2, 1, KEY + YELLOW]
    (door,) = facts._doors
    x, y = door.cur_pos
    base.agent_pos, base.agent_dir = (x - 1, y), 0  # in front of it
    assert facts.step(TOGGLE)[0].tolist() == [x - 1, y, 0, KEY + YELLOW, 0, *[0] * 11]
    assert facts.step(TOGGLE)[0].tolist()[4] == 1  # closed, no longer locked
    assert facts.step(LEFT)[0].tolist()[2] == 3


def test_every_observation_is_in_the_space() -> None:
    facts = Facts(gym.make("MiniGrid-KeyCorridorS3R3-v0"))
    for seed in range(5):
        obs, _ = facts.reset(seed=seed)
        facts.action_space.seed(seed)
        for _ in range(100):
            assert facts.observation_space.contains(obs)
            obs = facts.step(facts.action_space.sample())[0]


def test_agents_get_them_as_numbers_of_choices() -> None:
    words = ("agent=random", "env=MiniGrid-MultiRoom-N4-S5-v1")
    spec = parts_and_env(*words, "env.facts=true")[1].spec
    assert (spec.obs.kind, spec.obs.choices) == ("multi_discrete", (25, 25, 4, 67, *[3] * 12))
    assert parts_and_env(*words)[1].spec.obs.kind == "grid"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("CartPole-v1", "env.facts=true only applies to MiniGrid (env=MiniGrid-KeyCorridor"),
        ("ALE/Pong-v5", "env.facts=true does not apply to Atari games, only to MiniGrid"),
    ],
)
def test_others_have_no_facts(env: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        parts_and_env("agent=random", f"env={env}", "env.facts=true")[1].spec.obs  # noqa: B018
    assert message in str(error.value)
