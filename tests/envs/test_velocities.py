"""Observations without velocities."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.envs.velocities import VELOCITIES, WithoutVelocities
from tests.support.common import agent_and_envs, parts_and_env

NUMBERS = {  # the rest of an observation 0, 1, 2, ...
    "Acrobot-v1": [0, 1, 2, 3],
    "CartPole-v1": [0, 2],
    "LunarLander-v3": [0, 1, 4, 6, 7],
    "LunarLanderContinuous-v3": [0, 1, 4, 6, 7],
    "MountainCar-v0": [0],
    "MountainCarContinuous-v0": [0],
    "Pendulum-v1": [0, 1],
}


@pytest.mark.parametrize("env_id", NUMBERS)
def test_what_is_left_is_not_a_velocity(env_id: str) -> None:
    """From Gymnasium's documentation of each observation."""
    env = WithoutVelocities(gym.make(env_id))
    space = env.unwrapped.observation_space
    assert env.observation(np.arange(float(space.shape[0]))).tolist() == NUMBERS[env_id]  # type: ignore[index]
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    env.close()


def test_every_environment_is_covered() -> None:
    assert {env_id.partition("-")[0] for env_id in NUMBERS} == set(VELOCITIES)


def test_a_run_sees_and_steps_the_same_without_them() -> None:
    words = ("agent=random", "env=CartPole-v1", "seeds=2", "env.num_envs=2")
    (one, all_seen), (other, seen) = (
        agent_and_envs(*words, *more) for more in ((), ("env.mask=velocity",))
    )
    assert seen.spec.obs.shape == (2,)
    for step in range(50):
        assert np.array_equal(all_seen.obs[..., [0, 2]], seen.obs)
        t, u = all_seen.step(one.act(all_seen.obs, step)), seen.step(other.act(seen.obs, step))
        assert np.array_equal(t.next_obs[..., [0, 2]], u.next_obs)
        assert np.array_equal(t.last, u.last)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("FrozenLake-v1", "env.mask=velocity does not know the velocities of FrozenLake-v1: it is"),
        ("rlrun/Vacuum-v0", "does not know the velocities of rlrun/Vacuum-v0"),
        ("ALE/Pong-v5", "env.mask=velocity does not apply to Atari games"),
    ],
)
def test_refused_where_they_are_not_known(env: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parts_and_env("agent=random", f"env={env}", "env.mask=velocity")[1].spec.obs  # noqa: B018
