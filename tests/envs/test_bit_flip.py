"""Bit flipping, by hand."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlrun.core.types import Array
from rlrun.envs.games.bit_flip import BitFlip
from tests.support.common import envs_of

BIT_FLIP = "rlrun/BitFlip-v0"


def begun(bits: list[int], goal: list[int]) -> BitFlip:
    """An episode with this state and this goal."""
    env = BitFlip(len(bits))
    env.reset(seed=0)
    env._state, env._goal = (np.array(each, np.float32) for each in (bits, goal))
    return env


def test_an_action_flips_its_bit_until_the_goal_is_achieved() -> None:
    env = begun([0, 1, 1], [1, 1, 0])
    obs, *rest = env.step(0)
    assert [obs[name].tolist() for name in sorted(obs)] == [[1, 1, 1], [1, 1, 0], [1, 1, 1]]
    assert rest == [-1.0, False, False, {"is_success": False}]
    obs, *rest = env.step(np.int64(2))
    assert obs["observation"].tolist() == obs["achieved_goal"].tolist() == [1, 1, 0]
    assert rest == [0.0, True, False, {"is_success": True}]


def test_without_success_it_is_truncated_after_as_many_steps_as_bits() -> None:
    env = begun([0, 0, 0], [1, 1, 1])
    steps = [env.step(0)[1:4] for _ in range(3)]
    assert steps == [(-1.0, False, False), (-1.0, False, False), (-1.0, False, True)]
    env = begun([0, 0, 0], [1, 1, 1])
    assert [env.step(action)[1:4] for action in range(3)][-1] == (0.0, True, False)


def test_rewards_of_single_goals_and_of_batches() -> None:
    env = BitFlip(2)
    achieved = np.array([[0, 1], [1, 1], [0, 0]], np.float32)
    desired = np.array([[0, 1], [0, 1], [1, 1]], np.float32)
    assert env.compute_reward(achieved, desired, {}).tolist() == [0, -1, -1]
    assert env.compute_terminated(achieved, desired, {}).tolist() == [True, False, False]
    assert float(env.compute_reward(achieved[0], desired[0], {})) == 0.0


def test_starts_and_goals_are_uniform_and_differ() -> None:
    env, pairs = BitFlip(2), np.zeros((4, 4))

    def number(bits: Array) -> int:
        return int(bits @ [1, 2])

    for seed in range(2400):
        obs, _ = env.reset(seed=seed)
        pairs[number(obs["observation"]), number(obs["desired_goal"])] += 1
    assert not pairs.diagonal().any()
    others = pairs[~np.eye(4, dtype=bool)]  # 200 expected of each, with a deviation of 13.5
    assert (np.abs(others - 200) < 4.5 * 13.5).all()


def test_return_and_length_add_up_to_success() -> None:
    envs = envs_of(BIT_FLIP, (3,), 4, bits=4)
    rng, sums = np.random.default_rng(0), set()
    for _ in range(300):
        t = envs.step(rng.integers(0, 4, (1, 4)))
        success = t.last & (t.discount == 0)
        assert np.array_equal((t.score + t.length)[t.last], success[t.last])
        sums |= set((t.score + t.length)[t.last].tolist())
    assert sums == {0.0, 1.0}


def test_the_picture_frames_the_bits_to_flip() -> None:
    env = begun([0, 1, 1], [1, 1, 0])
    env.render_mode = "rgb_array"
    picture = env.render()
    assert picture.shape == (132, 64 + 3 * 36 + 16, 3)

    def colour(row: int, place: int) -> tuple[list[int], bool]:
        """The colour in the middle of a bit, and whether it has a frame."""
        x, y = 64 + 36 * place + 18, 16 + 64 * row
        return picture[y + 18, x].tolist(), picture[y - 1, x].tolist() == [214, 120, 20]

    one, zero = [37, 99, 176], [255, 255, 255]
    assert [colour(0, k) for k in range(3)] == [(zero, True), (one, False), (one, True)]
    assert [colour(1, k) for k in range(3)] == [(one, False), (one, False), (zero, False)]
    assert BitFlip(3).render() is None


@pytest.mark.parametrize("bits", [1, 15, 62])
def test_it_conforms_to_gymnasium(bits: int) -> None:
    check_env(gym.make(BIT_FLIP, bits=bits).unwrapped)


@pytest.mark.parametrize("bits", [0, 63, 2.0, True, "3"])
def test_another_number_of_bits_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits must be a whole number from 1 to 62"):
        BitFlip(bits)
