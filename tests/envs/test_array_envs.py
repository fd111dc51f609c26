"""Array versions are the environments of the installed Gymnasium, bit for bit."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.array_envs.registry import ARRAY_VERSIONS
from rlrun.envs.vector.arrays import ArrayGrid

pytestmark = pytest.mark.slow

COPIES = 100
ALONE = 5_000  # steps of a single copy
STEPS = {  # of every copy: 1,000,000 in all; one of Acrobot takes Gymnasium 40 us
    "Acrobot-v1": 500,
    "CartPole-v1": 3500,
    "MountainCar-v0": 1500,
    "MountainCarContinuous-v0": 3500,
    "Pendulum-v1": 1000,
}


def chosen(space: gym.Space[Array], obs: Array, rng: np.random.Generator) -> Array:
    """Random actions in half of the copies; in the others in the direction of the last number.

    That is a speed, and such actions swing far, so that goals, walls and limits are reached.
    """
    along = obs[:, -1] > 0
    if isinstance(space, spaces.Discrete):
        action = rng.integers(0, space.n, len(obs))
        action[::2] = ((space.n - 1) * along)[::2]
        return action
    assert isinstance(space, spaces.Box)
    torque = rng.uniform(space.low, space.high, (len(obs), 1)).astype(space.dtype)
    torque[::2] = np.where(along[:, None], torque.max(), torque.min())[::2]
    return torque


@pytest.mark.parametrize("copies", [COPIES, 1])
@pytest.mark.parametrize("env_id", STEPS)
def test_every_number_is_that_of_gymnasium(env_id: str, copies: int) -> None:
    rng, seed = np.random.default_rng(0), copies
    separate = [gym.make(env_id, disable_env_checker=True) for _ in range(copies)]
    arrays = ArrayGrid(partial(gym.make, env_id, disable_env_checker=True), copies)
    expected = np.array([env.reset(seed=n)[0] for n, env in enumerate(separate)])
    obs, _ = arrays.reset(seed=range(copies))
    assert expected.dtype == obs.dtype and expected.tobytes() == obs.tobytes()
    terminations = truncations = 0
    for _ in range(STEPS[env_id] if copies > 1 else ALONE):
        actions = chosen(separate[0].action_space, obs, rng)
        obs, rewards, *ends, _ = arrays.step(actions)
        results = [env.step(action) for env, action in zip(separate, actions, strict=True)]
        numbers, *rest = zip(*(result[:4] for result in results), strict=True)
        assert np.array(numbers).tobytes() == obs.tobytes()
        assert np.array(rest[0], np.float64).tobytes() == rewards.tobytes()
        assert np.array(rest[1:]).tolist() == np.array(ends).tolist()
        terminations += ends[0].sum()
        truncations += ends[1].sum()
        ended = ends[0] | ends[1]
        assert arrays.ended == np.flatnonzero(ended).tolist()
        first = {n: separate[n].reset(seed=seed + n)[0] for n in arrays.ended}
        seeds = [seed + n for n in range(copies)]
        obs, _ = arrays.reset(seed=seeds, options={"reset_mask": ended})
        assert all(one.tobytes() == obs[n].tobytes() for n, one in first.items())
        seed += copies if first else 0
    assert terminations + truncations > 0, "no end was compared"
    if copies > 1:
        assert terminations > 0 or env_id == "Pendulum-v1"
        assert truncations > 0 or env_id == "CartPole-v1"


def test_the_tested_ones_are_those_of_the_registry() -> None:
    assert ARRAY_VERSIONS.keys() - STEPS.keys() == {"CartPole-v0"}  # CartPole-v1, but 200 steps
