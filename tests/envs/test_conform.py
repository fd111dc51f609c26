"""Observations that do not keep to their space: a seed, or the run, ends with a sentence."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.errors import RunFailed
from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array
from rlrun.envs.conform import Conform, NotInSpace, one_number
from rlrun.envs.env_info import read_env_info
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.spaces import ObsMap
from rlrun.envs.vector.sync import EnvOptions
from tests.support.deviant import CASES, Deviant

pytestmark = pytest.mark.slow

SEEDS = (5, 6, 7)
VICTIM = Numbers(Purpose.TRAIN_EPISODES)(6, 0, 0)  # how seed 6's environment begins
ACTION = np.zeros((3, 1), np.int64)

GIVEN_UP = [
    ("below", "-1, which is not in Discrete(2)"),
    ("above", "3, which is not in Discrete(3)"),
    ("below its start", "4, which is not in Discrete(3, start=5)"),
    ("component", "4, which is not in MultiDiscrete([2 4])"),
    ("bits", "2, which is not in MultiDiscrete([2 2])"),
    ("part", "-2, which is not in MultiDiscrete([2 3])"),
    ("too large", "1e+39, which float32 cannot hold"),
    ("too large for us", "1e+39, which float32 cannot hold"),
    ("large field", "1e+39, which float32 cannot hold"),
]
ENDS = [
    ("one", "has the shape (1,), but its observation space has (2,)"),
    ("scalar", "has the shape (), but its observation space has (2,)"),
    ("row", "has the shape (1, 2), but its observation space has (2,)"),
    ("two for a number", "has the shape (2,), but its observation space has ()"),
    ("unit image", "holds 0.5, which uint8, the type of Box(0, 255, (4, 4), uint8), cannot hold"),
    ("bright", "holds 300, which uint8, the type of Box(0, 255, (2,), uint8), cannot hold"),
    ("negative", "holds -1, which uint8, the type of Box(0, 255, (2,), uint8), cannot hold"),
    ("fraction", "is 1.7, which int64, the type of Discrete(3), cannot hold"),
    ("nan number", "is nan, which int64, the type of Discrete(3), cannot hold"),
    ("too large number", "is 1180591620717411303424, but Discrete(3) holds numbers"),
    ("word", "is one, but Discrete(3) holds numbers"),
]
FIELDS = [
    ("one hot", "the field 'a' of its observation is -1, which is not in Discrete(2)"),
    (
        "stretched field",
        "the field 'b' of its observation has the shape (1, 2), but its observation space has (2,)",
    ),
    ("missing field", "its observation is {'a': 1}, without a field 'b'"),
]


def opened(case: str, vector: Any = "sync", stack: int = 1) -> GymEnvs:
    """Three seeds, of which the second one's environment is wrong from its fourth reset on."""
    how = EnvOptions(vector=vector, frame_stack=stack)
    return GymEnvs(partial(Deviant, case, VICTIM), "deviant", SEEDS, 1, gamma=0.5, options=how)


def ours(case: str) -> Array:
    """What an agent sees of the right observation, made by the same environment alone."""
    return GymEnvs(partial(Deviant, case), "deviant", (5,), 1, gamma=0.5).obs


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize(("case", "words"), GIVEN_UP)
def test_a_number_outside_its_space_ends_that_seed_alone(
    case: str, words: str, vector: str
) -> None:
    envs = opened(case, vector)
    try:
        for _ in range(5):
            envs.step(ACTION)
        assert envs.faults == {}
        t = envs.step(ACTION)  # the end of the third episode, and the fourth reset
        sentence = f"an observation of deviant is {words} (environment 0, 0 steps into its episode)"
        assert envs.faults == {1: sentence}
        assert t.last.all()
        t = envs.step(ACTION)
        for obs in (t.obs, t.next_obs, envs.obs):
            assert obs[[0, 2]].tolist() == np.repeat(ours(case), 2, 0).tolist()
            # what stands in its place is an observation, which nobody's row or array is left for
            assert np.isfinite(obs).all()
            assert (obs[1] >= 0).all()
            assert ObsMap(envs._vector.single_observation_space).wrong(obs) is None
    finally:
        envs.close()


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize(
    ("case", "words"), [(case, f"its observation {words}") for case, words in ENDS] + FIELDS
)
def test_what_no_array_can_hold_ends_the_run(case: str, words: str, vector: str) -> None:
    envs = opened(case, vector)
    try:
        for _ in range(5):
            envs.step(ACTION)
        with pytest.raises(RunFailed) as caught:
            envs.step(ACTION)
        assert str(caught.value) == (
            f"deviant failed in environment 0 of seed 6, 0 steps into its episode: {words}"
        )
    finally:
        envs.close()


def test_frames_are_looked_at_before_they_are_stacked() -> None:
    envs = opened("unit image", stack=2)
    for _ in range(5):
        envs.step(ACTION)
    with pytest.raises(RunFailed, match=r"its observation holds 0\.5, which uint8"):
        envs.step(ACTION)


def test_nothing_wrong_is_resumed() -> None:
    """An episode that is repeated on resume is looked at, too."""
    envs, other = opened("below"), opened("below")
    for _ in range(5):
        envs.step(ACTION)
    state = envs.state_dict()
    state["episode"][:] = 3
    other.load_state_dict(state)
    assert list(other.faults) == []
    deviant = GymEnvs(partial(Deviant, "fraction", None, 1), "deviant", (5,), 1, gamma=0.5)
    with pytest.raises(RunFailed, match=r"its observation is 1\.7"):
        deviant.load_state_dict(deviant.state_dict())


def first_step(env: Deviant) -> None:
    read_env_info(lambda: env, "deviant", EnvOptions(), 1.0)


@pytest.mark.parametrize(("case", "words"), [*ENDS, *FIELDS])
def test_what_is_wrong_at_the_start_is_refused_there(case: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        first_step(Deviant(case, resets=0))
    assert str(caught.value).endswith(words)


@pytest.mark.parametrize("case", ["below", "above", "below its start", "component", "bits", "part"])
def test_numbers_outside_their_space_are_refused_at_the_start(case: str) -> None:
    with pytest.raises(ValueError, match=r"which is not in (Discrete|MultiDiscrete)"):
        first_step(Deviant(case, resets=0))


@pytest.mark.parametrize(
    ("space", "given", "made"),
    [
        (spaces.Box(0, 255, (2,), np.uint8), np.array([0.0, 255.0]), [0, 255]),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([7, 255], np.int64), [7, 255]),
        (spaces.Box(-1, 1, (2,), np.float32), [0.5, -1], [0.5, -1.0]),
        (spaces.Box(-1, 1, (1,), np.float32), np.array([0.1]), [float(np.float32(0.1))]),
        (spaces.Box(-1, 1, (), np.float32), 0.5, 0.5),
        (spaces.Box(-1, 1, (2,), np.float16), np.array([np.inf, 2.0]), [np.inf, 2.0]),
        (spaces.Discrete(3), np.array(2.0), 2),
        (spaces.Discrete(3), np.uint8(2), 2),
        (spaces.Discrete(2), np.True_, 1),
        (spaces.MultiBinary(2), np.array([True, False]), [1, 0]),
        (spaces.MultiDiscrete([3, 3]), [1.0, 2.0], [1, 2]),
    ],
)
def test_casts_that_lose_nothing_are_silent(space: Any, given: Any, made: Any) -> None:
    conform = Conform(space)
    array = np.asarray(conform(given))
    assert array.shape == space.shape
    assert array.tolist() == made
    assert conform.too_large is None


def test_a_float_that_does_not_fit_is_remembered() -> None:
    conform = Conform(spaces.Box(-1, 1, (3,), np.float16))
    assert np.asarray(conform(np.array([1e5, np.inf, 1.0]))).tolist() == [np.inf, np.inf, 1.0]
    assert conform.too_large == 1e5


def test_a_reward_is_one_number() -> None:
    assert [one_number(each) for each in (1, 0.5, np.float32(2), np.array(3), True)] == [
        *(1.0, 0.5, 2.0, 3.0, 1.0)
    ]
    with pytest.raises(NotInSpace, match=r"its reward has the shape \(1,\), but a reward is one"):
        one_number(np.ones(1))
    with pytest.raises(NotInSpace, match="its reward is None, which is not a number"):
        one_number(None)


def test_every_case_is_tested() -> None:
    assert {case for case, _ in [*GIVEN_UP, *ENDS, *FIELDS]} == set(CASES)
