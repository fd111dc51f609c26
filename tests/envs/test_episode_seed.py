"""``env.episode_seed=fixed``: all training episodes of a seed begin alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.rng import Purpose
from rlrun.core.types import Array, Envs, Step
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.table_envs import TableEnvs
from tests.support.common import differences, host, parts_and_env, seeds_of

FIXED = "env.episode_seed=fixed"
SHORT = "env.max_episode_steps=20"


def opened(*words: str, purpose: Purpose = Purpose.TRAIN_EPISODES) -> Envs:
    parts, env = parts_and_env("agent=random", "seed=3", "seeds=2", "env.num_envs=2", *words)
    return env.open(parts.seed_numbers, parts.env.num_envs, purpose=purpose)


def actions(envs: Envs, count: int) -> list[Array]:
    """The same ones in all environments, drawn anew for each step."""
    rng, space = np.random.default_rng(0), envs.spec.action
    drawn: Array = rng.uniform(-1, 1, (count, *space.shape)).astype(np.float32)
    if space.kind == "discrete":
        drawn = rng.integers(0, space.choices[0], count)
    return [np.broadcast_to(each, (2, 2, *space.shape)).copy() for each in drawn]


def episode(envs: Envs, given: list[Array], position: int, env: int) -> list[tuple[Any, ...]]:
    """What the first episode there gives from a restart on."""
    envs.restart()
    parts: list[tuple[Any, ...]] = [(envs.obs[position, env].tolist(),)]
    for action in given:
        t = envs.step(action)
        row = (t.next_obs, t.reward, t.discount, t.last)
        parts.append(tuple(each[position, env].tolist() for each in row))
        if t.last[position, env]:
            break
    return parts


@pytest.mark.parametrize(
    "words",
    [
        ("env=CartPole-v1", SHORT, "env.vector=sync"),
        ("env=CartPole-v1", SHORT, "env.vector=arrays"),
        ("env=CartPole-v1", SHORT, "env.vector=async"),
        ("env=Pendulum-v1", SHORT),
        ("env=LunarLander-v3", SHORT),
        ("env=FrozenLake-v1",),  # slippery: its chance belongs to the episode's seed
        ("env=Taxi-v4", SHORT),
        ("env=Blackjack-v1",),
    ],
)
def test_the_same_actions_give_the_same_episode(words: tuple[str, ...]) -> None:
    envs = opened(*words, FIXED)
    given = actions(envs, 20)
    first = [episode(envs, given, s, e) for s in (0, 1) for e in (0, 1)]
    assert first[0] == first[1] and first[2] == first[3]  # the environments of a seed
    again: dict[int, list[Step]] = {0: [], 1: []}
    envs.restart()
    begins = {0: 0, 1: 0}  # when the episode under way in the second environment began
    for time in range(200):
        t = envs.step(np.stack([given[min(time - begins[s], 19)][s] for s in (0, 1)]))
        for s in (0, 1):
            again[s].append(t)
            if t.last[s, 1]:
                begins[s] = time + 1
    for s in (0, 1):
        reached = [each.next_obs[s, 1].tolist() for each in again[s]]
        length = len(first[2 * s]) - 1
        assert bool(again[s][length - 1].last[s, 1])
        for start in range(0, 200 - length, length):
            assert reached[start : start + length] == [each[0] for each in first[2 * s][1:]]
    envs.close()


@pytest.mark.slow
def test_an_atari_game_begins_alike() -> None:
    envs = opened("env=ALE/Pong-v5", "env.max_episode_steps=12", FIXED)
    given = actions(envs, 12)
    steps = [envs.step(each) for each in given * 2]
    for t, later in zip(steps[:12], steps[12:], strict=True):
        assert differences(host(list(t)), host(list(later))) == []
    envs.close()


def test_seeds_differ_and_fresh_episodes_too() -> None:
    fixed, fresh = opened("env=CartPole-v1", FIXED), opened("env=CartPole-v1")
    assert not np.array_equal(fixed.obs[0], fixed.obs[1])
    assert np.array_equal(fixed.obs[:, 0], fixed.obs[:, 1])
    assert np.array_equal(fixed.obs[:, 0], fresh.obs[:, 0])  # the first episode's seed
    assert not np.array_equal(fresh.obs[:, 0], fresh.obs[:, 1])


def test_evaluations_keep_their_own_seeds() -> None:
    words = ("env=CartPole-v1", SHORT)
    given = [opened(*words, *more, purpose=Purpose.EVAL_EPISODES) for more in ((), (FIXED,))]
    right = np.ones((2, 2), np.int64)
    for _ in range(60):
        assert differences(*(host(list(envs.step(right))) for envs in given)) == []
    assert not np.array_equal(given[1].obs[:, 0], given[1].obs[:, 1])


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("env=FrozenLake-v1",), GymEnvs),  # as a table its chance is drawn from a stream
        (("env=FrozenLake-v1", "env.kwargs.is_slippery=false"), TableEnvs),
        (("env=rlrun/DeepSea-v0",), TableEnvs),
        (("env=Taxi-v4",), GymEnvs),  # deterministic, but with many starts
    ],
)
def test_a_table_is_stepped_as_one_where_nothing_is_drawn(
    words: tuple[str, ...], kind: type
) -> None:
    assert type(opened(*words, FIXED)) is kind
    assert type(opened(*words)) is TableEnvs
    assert type(opened(*words, FIXED, purpose=Purpose.EVAL_EPISODES)) is TableEnvs


@pytest.mark.parametrize("env", ["FrozenLake-v1", "CartPole-v1", "rlrun/DeepSea-v0"])
def test_a_saved_state_continues_exactly_and_a_seed_is_the_seed_alone(env: str) -> None:
    words = (f"env={env}", FIXED)
    envs = opened(*words)
    given = actions(envs, 60)
    for each in given[:33]:
        envs.step(each)
    state = host(envs.state_dict())
    expected = [envs.step(each) for each in given[33:]]
    other = opened(*words)
    assert other.load_state_dict(state) == []
    for each, t in zip(given[33:], expected, strict=True):
        assert differences(host(list(t)), host(list(other.step(each)))) == []
    alone = opened(*words, "seed=4", "seeds=1")
    for each in given[:33]:
        alone.step(each[:1])
    for each, t in zip(given[33:], expected, strict=True):
        own = alone.step(each[:1])
        assert differences(host(list(seeds_of(t, slice(1, 2)))), host(list(own))) == []
