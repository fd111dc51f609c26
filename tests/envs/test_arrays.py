"""`env.vector=arrays` gives the same numbers as separate environments."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.errors import RunFailed
from rlrun.core.types import Step
from tests.support.arrays import CLASSIC, actions, opened, played
from tests.support.common import agent_and_envs, differences, host

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("env_id", CLASSIC)
def test_steps_and_scores_are_those_of_separate_environments(env_id: str) -> None:
    results, expected = (played(opened(env_id, vector=each), 130) for each in ("arrays", "sync"))
    assert differences(results, expected) == []
    assert any(step["last"].any() for step in results)


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("CartPole-v1", ("env.shaping=pole_angle", "env.reward_scale=0.5", "gamma=0.9")),
        ("MountainCar-v0", ("env.scale_obs=true", "env.reward_clip=0.5")),
        ("Pendulum-v1", ("env.scale_obs=true", "env.reward_scale=0.1", "env.obs=vector")),
    ],
)
def test_what_is_done_to_observations_and_rewards_is_the_same(
    env_id: str, words: tuple[str, ...]
) -> None:
    results, expected = (
        played(opened(env_id, *words, vector=vector), 60) for vector in ("arrays", "sync")
    )
    assert differences(results, expected) == []


@pytest.mark.parametrize("env_id", CLASSIC)
def test_a_seed_in_a_stack_gives_what_it_gives_alone(env_id: str) -> None:
    """By default: alone, all but MountainCar-v0 are stepped by Gymnasium."""
    stack = agent_and_envs(f"env={env_id}", "agent=random", "seeds=5")[1]
    alone = agent_and_envs(f"env={env_id}", "agent=random", "seed=3", "seeds=1")[1]
    for action in actions(stack, 300):
        one, two = stack.step(action), alone.step(action[3:4])
        for name in Step._fields[:8]:
            assert getattr(one, name)[3:4].tobytes() == getattr(two, name).tobytes(), name


@pytest.mark.parametrize("env_id", CLASSIC)
@pytest.mark.parametrize("saved", ["arrays", "sync"])
@pytest.mark.parametrize("loaded", ["arrays", "sync"])
def test_a_state_is_restored_within_episodes_by_either(
    env_id: str, saved: str, loaded: str
) -> None:
    envs, other = opened(env_id, vector=saved), opened(env_id, vector=loaded)
    played(envs, 70)
    state = host(envs.state_dict())
    assert other.load_state_dict(state) == []
    assert differences(state, host(other.state_dict())) == []
    assert differences(played(envs, 60, seed=1), played(other, 60, seed=1)) == []


def test_an_episode_of_more_actions_than_are_kept_begins_anew() -> None:
    words = ("env.resume_actions=10", "env.num_envs=4")
    results = []
    for vector in ("arrays", "sync"):
        envs, other = (opened("CartPole-v1", *words, vector=vector) for _ in range(2))
        played(envs, 65)
        sentences = other.load_state_dict(host(envs.state_dict()))
        assert "more than env.resume_actions=10 actions into an episode" in sentences[0]
        results.append([*sentences, *played(other, 60, seed=1)])
    assert results[0][0] == results[1][0]
    assert differences(results[0][1:], results[1][1:]) == []


def test_an_action_that_does_not_exist_ends_the_run_with_its_place() -> None:
    envs = opened("CartPole-v1")
    for wrong in (-1, 2):
        action = np.zeros((2, 2), np.int64)
        action[1, 0] = wrong
        with pytest.raises(RunFailed, match=f"environment 0 of seed 4.*the action {wrong} is not"):
            envs.step(action)


def test_an_action_that_is_not_finite_fails_its_seed_alone() -> None:
    results = []
    for vector in ("arrays", "sync"):
        envs = opened("Pendulum-v1", vector=vector)
        action = np.zeros((2, 2, 1), np.float32)
        action[1, 0] = np.nan
        results.append([host(envs.step(action)._asdict()), envs.faults])
    assert differences(results[0][0], results[1][0]) == []
    assert results[0][1] == results[1][1] and results[0][1].keys() == {1}
