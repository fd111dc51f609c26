"""Goals in observations: where they are, and the rewards of steps under other ones."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.goals import Goals
from rlrun.core.types import Array
from tests.support.common import agent_and_envs, parts_and_env
from tests.support.goals import NEAR, OneByOne, Place

PLACE, ONE_BY_ONE = "tests.support.goals:Place-v0", "tests.support.goals:OneByOne-v0"
SIGNS = "tests.support.goals:Signs-v0"


def goals(*words: str) -> Goals | None:
    return parts_and_env("agent=random", *words)[1].spec.goals


def there(*words: str) -> Goals:
    found = goals(*words)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("words", "achieved", "desired", "size"),
    [
        ((f"env={PLACE}",), 5, 3, 2),  # in the order of its space
        ((f"env={SIGNS}",), 0, 2, 2),  # Gymnasium sorts the keys
        ((f"env={SIGNS}", "env.obs=vector"), 0, 2, 2),
        (("env=rlrun/BitFlip-v0", "env.kwargs.bits=4"), 4, 8, 4),
    ],
)
def test_where_goals_are(words: tuple[str, ...], achieved: int, desired: int, size: int) -> None:
    found = there(*words)
    assert (found.achieved, found.desired, found.size) == (achieved, desired, size)
    # and there they are in observations, which differ between seeds
    _, envs = agent_and_envs("agent=random", "seeds=4", *words)
    for seed, (ours, given) in enumerate(zip(envs.obs, raw(envs, *words), strict=True)):
        numbers = ours[0]
        assert numbers[achieved : achieved + size] == pytest.approx(given["achieved_goal"].ravel())
        assert numbers[desired : desired + size] == pytest.approx(given["desired_goal"].ravel()), (
            seed
        )


def raw(envs: Any, *words: str) -> list[dict[str, Array]]:
    """The environments' own observations at the start of each seed's first episode."""
    _, env = parts_and_env("agent=random", *words)
    seeds = [envs._episode_seed(s, 0, 0) for s in range(4)]
    return [env.make().reset(seed=seed)[0] for seed in seeds]


def test_parts_before_the_goals_are_counted_as_they_are_flattened() -> None:
    class First(gym.ObservationWrapper[Any, Any, Any]):
        """With a number before the goals."""

        def __init__(self, **_: Any) -> None:
            super().__init__(gym.make("Signs-v0").unwrapped)
            given = self.env.observation_space
            assert isinstance(given, gym.spaces.Dict)
            names = ("a_number", "achieved_goal", "desired_goal", "observation")
            parts = [gym.spaces.Discrete(5), given["achieved_goal"], given["desired_goal"]]
            self.observation_space = gym.spaces.Dict(
                dict(zip(names, [*parts, given["observation"]], strict=True))
            )

        def observation(self, observation: Any) -> Any:
            return {"a_number": np.int64(3), **observation}

    gym.register("First-v0", First, max_episode_steps=5)
    try:
        assert (there("env=First-v0").achieved, there("env=First-v0").desired) == (1, 3)
        one_hot = there("env=First-v0", "env.obs=vector")
        assert (one_hot.achieved, one_hot.desired) == (5, 7)
        reward, _ = one_hot.outcomes(np.ones((1, 1, 2)), np.ones((1, 1, 2)))
        assert reward.tolist() == [[2.0]]
    finally:
        del gym.registry["First-v0"]


@pytest.mark.parametrize(
    "words",
    [
        ("env=CartPole-v1",),
        (f"env={PLACE}", "env.frame_stack=2"),
        (f"env={PLACE}", "env.last_action=true"),
        ("env=rlrun/BitFlip-v0", "env.scale_obs=true"),
        ("env=ALE/Pong-v5",),
        ("env=Blackjack-v1",),
    ],
)
def test_no_goals_that_can_be_replaced(words: tuple[str, ...]) -> None:
    assert goals(*words) is None


def drawn(count: int) -> tuple[Array, Array]:
    """Goals ``[seed, batch, number]``, of which some are near each other."""
    rng = np.random.default_rng(0)
    achieved = rng.uniform(-1, 1, (2, count, 2)).astype(np.float32)
    desired = achieved + rng.uniform(-0.2, 0.2, achieved.shape).astype(np.float32)
    return achieved, desired


@pytest.mark.parametrize(("env", "cls"), [(PLACE, Place), (ONE_BY_ONE, OneByOne)])
def test_outcomes_are_those_of_the_environment_for_each_pair(env: str, cls: type[Place]) -> None:
    scaled = ("gamma=0.9", "env.reward_scale=3", "env.reward_clip=0.5")
    achieved, desired = drawn(40)
    reward, discount = there(f"env={env}", *scaled).outcomes(achieved, desired)
    near = np.linalg.norm(achieved.astype(float) - desired.astype(float), axis=-1) <= NEAR
    assert 10 < near.sum() < 70
    assert reward.tolist() == np.where(near, 0.0, -1.5).tolist()
    if cls is Place:  # without compute_terminated
        assert discount is None
    else:
        assert discount is not None
        assert discount.tolist() == np.where(near, 0.0, 0.9).tolist()


@pytest.mark.parametrize(("cls", "calls"), [(Place, 2), (OneByOne, 80)])
def test_functions_of_batches_are_called_once_for_each_seed(
    cls: type[Place], calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = there(f"env=tests.support.goals:{cls.__name__}-v0").outcomes
    counted = []
    original = cls.compute_reward

    def count(self: Place, achieved: Array, desired: Array, info: object) -> object:
        counted.append(achieved.shape)
        return original(self, achieved, desired, info)

    monkeypatch.setattr(cls, "compute_reward", count)
    outcomes.prepare()
    counted.clear()
    outcomes(*drawn(40))
    assert len(counted) == calls
    assert set(counted) == {(40, 1, 2) if cls is Place else (1, 2)}


def test_a_reward_that_cannot_be_computed_is_refused() -> None:
    with pytest.raises(BadInput, match=r"cannot use compute_reward of .*Broken-v0, .*KeyError"):
        there("env=tests.support.goals:Broken-v0").outcomes.prepare()
