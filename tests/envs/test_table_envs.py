"""Tables stepped as arrays: the same laws and the same distribution as Gymnasium's own steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.rng import Streams
from rlrun.core.types import Array, Envs, Model
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.model import WITH_MODEL, read_model
from rlrun.envs.table_envs import TableEnvs
from tests.support.common import differences, ended, envs_of, grid_of, host, seeds_of

with_model = pytest.mark.parametrize("env_id", WITH_MODEL)


def tables(env_id: str, seeds: tuple[int, ...] = (0,), num_envs: int = 1, **kwargs: Any) -> Envs:
    envs = envs_of(env_id, seeds, num_envs, **kwargs)
    assert isinstance(envs, TableEnvs)
    return envs


def model_of(envs: Envs) -> Model:
    assert envs.spec.model is not None
    return envs.spec.model


def random_actions(envs: Envs, rng: np.random.Generator) -> Array:
    return rng.integers(0, envs.spec.action.choices[0], envs.obs.shape)


# What a chi-square statistic exceeds once in 10,000 times, from below, by Wilson and Hilferty:
# with df degrees of freedom it is about df (1 - 2/(9 df) + z √(2/(9 df)))³, z = 3.72.
def limit(freedom: int) -> float:
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + 3.72 * part**0.5) ** 3)


@with_model
def test_steps_have_the_distribution_of_the_model(env_id: str) -> None:
    """Chi-square over all (state, action, next state, reward, end) that occur often enough."""
    envs, rng = tables(env_id, (1, 2), 500), np.random.default_rng(0)
    model = model_of(envs)
    counts: dict[tuple[Any, ...], int] = {}
    for _ in range(250):
        t = envs.step(random_actions(envs, rng))
        columns = (t.obs, t.action, t.next_obs, t.reward, t.discount > 0)
        for key in zip(*(column.ravel().tolist() for column in columns), strict=True):
            counts[key] = counts.get(key, 0) + 1
    statistic, freedom = 0.0, 0
    for s, a in np.ndindex(model.possible.shape):
        due: dict[tuple[Any, ...], float] = {}
        for k in range(model.probability.shape[2]):
            if (chance := float(model.probability[s, a, k])) > 0:
                key = (
                    *(s, a, int(model.next_state[s, a, k])),
                    *(float(model.reward[s, a, k]), bool(model.alive[s, a, k])),
                )
                due[key] = due.get(key, 0.0) + chance
        if not due:  # impossible: nothing changes
            due = {(s, a, s, 0.0, True): 1.0}
        seen = {key: counts.pop(key, 0) for key in due}
        total = sum(seen.values())
        if min(due.values()) * total >= 5:
            expected = {key: chance * total for key, chance in due.items()}
            statistic += sum((seen[key] - n) ** 2 / n for key, n in expected.items())
            freedom += len(due) - 1
    assert counts == {}  # nothing happened that is not in the model
    assert statistic <= (limit(freedom) if freedom else 0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("FrozenLake-v1", {}),
        ("FrozenLake-v1", {"map_name": "8x8", "max_episode_steps": 30}),
        ("CliffWalkingSlippery-v1", {"max_episode_steps": 40}),
        ("Taxi-v4", {"is_rainy": True}),
        ("rlrun/MarsRover-v0", {}),
        ("rlrun/StochasticMarsRover-v0", {}),
        ("rlrun/ThreeStates-v0", {}),
        ("rlrun/MarkovChain-v0", {}),
        ("rlrun/GridWorld-v0", {"slip": 0.5}),
        ("rlrun/DeepSea-v0", {"size": 3}),
        ("rlrun/FrozenLake-v0", {"size": 6}),
    ],
)
def test_episodes_have_the_distribution_of_the_original(
    env_id: str, kwargs: dict[str, Any]
) -> None:
    """Returns and lengths of the same random policy: means within 4 standard errors."""
    make = partial(gym.make, env_id, **kwargs)
    rng = np.random.default_rng(5)
    means, errors = [], []
    for envs in (
        grid_of(make, env_id, (0, 1), 40),
        GymEnvs(make, env_id, (0, 1), 40, gamma=0.9),
    ):
        played: list[tuple[int, int, float, int]] = []
        while len(played) < 800:
            played += ended(envs.step(random_actions(envs, rng)))
        sums = np.array([(ret, length, ret**2) for _, _, ret, length in played])
        means.append(sums.mean(0))
        errors.append(sums.std(0) / len(sums) ** 0.5)
    gap = np.abs(means[0] - means[1])
    assert (gap <= 4 * np.hypot(*errors) + 1e-12).all(), (means, errors)


def test_starts_have_the_distribution_of_the_model() -> None:
    envs = tables("Taxi-v4", (3,), 3000)
    start = model_of(envs).start
    counts = np.bincount(envs.obs.ravel(), minlength=500)
    assert (counts[start == 0] == 0).all()
    expected = 3000 * start[start > 0]
    statistic = ((counts[start > 0] - expected) ** 2 / expected).sum()
    assert statistic <= limit(len(expected) - 1)


@with_model
def test_an_end_keeps_the_true_successor_and_only_termination_cuts(env_id: str) -> None:
    envs, rng = tables(env_id, (0, 1), 3, max_episode_steps=9), np.random.default_rng(1)
    length = np.zeros((2, 3), np.int64)
    for _ in range(200):
        before = envs.obs.copy()
        t = envs.step(random_actions(envs, rng))
        length += 1
        assert np.array_equal(t.obs, before)
        assert set(np.unique(t.discount)) <= {0.0, 0.9}
        assert np.array_equal(t.last, (t.discount == 0) | (length == 9))
        assert np.array_equal(envs.obs[~t.last], t.next_obs[~t.last])
        assert (model_of(envs).start[envs.obs[t.last]] > 0).all()
        assert np.array_equal(t.length, np.where(t.last, length, 0))
        length[t.last] = 0


def test_returns_are_sums_of_rewards() -> None:
    envs = tables("CliffWalking-v1", (0,), max_episode_steps=4)
    # up, right, down into the cliff (-100, back to the start), again
    steps = [envs.step(np.array([[action]])) for action in (0, 1, 2, 1)]
    assert ended(*steps) == [(0, 0, -1 - 1 - 100 - 100, 4)]


def test_the_same_episodes_after_a_restart() -> None:
    envs, rng = tables("FrozenLake-v1", (4, 9), 2), np.random.default_rng(2)
    actions = [random_actions(envs, rng) for _ in range(60)]
    first = [host(list(envs.step(a))) for a in actions]
    envs.restart()
    assert differences(first, [host(list(envs.step(a))) for a in actions]) == []


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "Taxi-v4", "rlrun/MarsRover-v0"])
def test_state_brings_everything_back(env_id: str) -> None:
    envs, rng = tables(env_id, (4, 9), 2, max_episode_steps=25), np.random.default_rng(3)
    for _ in range(70):
        envs.step(random_actions(envs, rng))
    state = host(envs.state_dict())
    later = [random_actions(envs, rng) for _ in range(80)]
    expected = [host(list(envs.step(a))) for a in later]
    other = tables(env_id, (4, 9), 2, max_episode_steps=25)
    other.load_state_dict(state)
    assert differences(expected, [host(list(other.step(a))) for a in later]) == []


def test_a_seed_sees_the_same_in_every_stack() -> None:
    stack, alone = tables("FrozenLake-v1", (4, 2, 9), 3), tables("FrozenLake-v1", (2,), 3)
    rng = np.random.default_rng(0)
    for _ in range(300):
        action = random_actions(stack, rng)
        a, b = stack.step(action), alone.step(action[1:2])
        assert not differences(list(seeds_of(a, slice(1, 2))), list(b))


def test_training_and_evaluation_have_episodes_of_their_own() -> None:
    parts = [host(list(envs_of("Taxi-v4", (s,), 30).obs)) for s in (0, 1)]
    assert differences(parts[0], parts[1]) != []


def test_no_draw_reaches_the_next_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest number below 1 plus a pair's number would be rounded to the next pair."""

    def highest(self: Streams, count: int) -> Array:
        return np.full((len(self._bits), count), (1 - 2**-53) * self._below)

    monkeypatch.setattr(Streams, "uniform", highest)
    envs = tables("FrozenLake8x8-v1", (0,), 64)
    model = model_of(envs)
    for s in range(64):
        envs.obs[...] = s
        envs._pair = envs.obs * 4  # type: ignore[attr-defined]
        t = envs.step(np.array([[3] * 64]))
        assert int(t.next_obs[0, 0]) in model.next_state[s, 3]


def test_gamma_zero_ends_nothing() -> None:
    make = partial(gym.make, "FrozenLake-v1")
    envs = grid_of(make, "FrozenLake-v1", gamma=0.0)
    t = envs.step(np.array([[0]]))
    assert (t.discount[0, 0], bool(t.last[0, 0])) == (0.0, False)
    assert read_model(make(), 0.0) is not None
