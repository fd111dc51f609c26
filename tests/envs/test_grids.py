"""Small whole numbers with rows and columns: what they are treated as, and how they are scaled."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Array, Space
from rlrun.envs.adapt import adapt
from rlrun.envs.arrays import EARLIER, ObsChoice, kind_of
from rlrun.envs.environment import Environment
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.settings import EnvSettings
from rlrun.envs.spaces import ObsMap
from rlrun.envs.vector.sync import EnvOptions, SyncGrid
from tests.support.common import agent_and_envs, settings

WRONG = "env=tests.envs.test_grids:Wrong-v0"
BOARD = "env=tests.envs.test_grids:Board-v0"


def box(low: Any, high: Any, shape: tuple[int, ...], dtype: Any) -> spaces.Box:
    return spaces.Box(np.broadcast_to(low, shape), np.broadcast_to(high, shape), dtype=dtype)


GRID = box(0, 10, (7, 7, 3), np.uint8)


class Board(gym.Env[Array, Any]):
    """Two by three cells from -1 to 1 in one channel that cycle; ends after four steps."""

    action_space = spaces.Discrete(2)
    observation_space: spaces.Space[Any] = box(-1, 1, (2, 3), np.int8)
    MOST = 1

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.time = 0
        return self._board(), {}

    def _board(self) -> Array:
        return np.array([[-1, 0, 1], [0, 0, self.time % 3 - 1]], np.int8) * np.int8(self.MOST)

    def step(self, action: Any) -> Any:
        self.time += 1
        return self._board(), 0.0, self.time == 4, False, {}


class Wrong(Board):
    """Has numbers that its space has not."""

    MOST = 3


gym.register("Board-v0", "tests.envs.test_grids:Board")
gym.register("Wrong-v0", "tests.envs.test_grids:Wrong")


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        (GRID, "grid"),
        (box(0, 1, (10, 10, 4), np.bool_), "grid"),  # MinAtar
        (box(0, 255, (7, 7, 3), np.uint8), "grid"),  # MiniGrid
        (box(0, 255, (35, 35), np.uint8), "grid"),
        (box(0, 255, (36, 20, 3), np.uint8), "image"),
        (box(0, 255, (4, 84, 84), np.uint8), "image"),
        (box(0, 255, (4, 96, 96, 3), np.uint8), "image"),
        (box(0, 6, (84, 84), np.uint8), "grid"),
        (box(-1, 1, (8, 8), np.int8), "grid"),
        (box(0, 10, (7, 7, 3), np.int64), "grid"),
        (box(0, 1, (8, 8, 111), np.bool_), "grid"),
        (box(0, 255, (4, 4, 3), np.int16), "vector"),
        (box(0, 10, (7, 7, 3), np.float32), "vector"),
        (box(0, 10, (147,), np.uint8), "vector"),
        (box(-(2**62), 2**62, (3, 3), np.int64), "vector"),
        (box(0, 9, (2, 2, 2, 2, 3), np.uint8), "vector"),
        (spaces.Discrete(5), None),
        (spaces.MultiBinary((3, 3)), None),  # tables have a row for each
    ],
)
def test_the_guess(space: spaces.Space[Any], kind: str | None) -> None:
    assert kind_of(space) == kind


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        (GRID, "image"),
        (box(0, 1, (10, 10, 4), np.bool_), "vector"),
        (box(0, 255, (48,), np.uint8), "vector"),
        (box(0, 9, (48, 48), np.int64), "vector"),
    ],
)
def test_runs_of_earlier_versions_keep_their_kind(space: spaces.Space[Any], kind: str) -> None:
    """Their settings have no ``env.obs``."""
    assert kind_of(space, EARLIER) == kind
    given = settings("env=tests.envs.test_grids:Board-v0")["env"]
    assert Environment(construct(EnvSettings, given, "env"), 0.9).spec.obs.kind == "grid"
    del given["obs"]
    earlier = Environment(construct(EnvSettings, given, "env"), 0.9)
    assert earlier.spec.obs == Space("vector", (6,))


@pytest.mark.parametrize(
    ("space", "choice", "expected"),
    [
        (GRID, "image", Space("image", (3, 7, 7))),
        (GRID, "vector", Space("vector", (147,))),
        (box(0, 255, (84, 84), np.uint8), "grid", Space("grid", (1, 84, 84), top=(255,))),
        (box(0, 255, (40, 40), np.int64), "image", Space("image", (1, 40, 40))),
        (spaces.MultiBinary((3, 4)), "grid", Space("grid", (1, 3, 4), top=(1,))),
        (
            spaces.MultiDiscrete(np.array([[3, 4], [2, 2]])),
            "grid",
            Space("grid", (1, 2, 2), top=(3,)),
        ),
        (spaces.Discrete(5), "vector", Space("vector", (5,))),
        (spaces.MultiBinary((3, 4)), "vector", Space("vector", (12,))),
    ],
)
def test_the_setting_decides(space: spaces.Space[Any], choice: ObsChoice, expected: Space) -> None:
    env: gym.Env[Any, Any] = Board()
    env.observation_space = space
    assert ObsMap(adapt(env, choice=choice).observation_space, choice=choice).space == expected


@pytest.mark.parametrize(
    ("space", "choice", "why"),
    [
        (box(0, 1, (10, 10, 4), np.bool_), "image", "whole numbers from 0 to 255"),
        (box(-1, 1, (8, 8), np.int8), "image", "whole numbers from 0 to 255"),
        (box(0, 1, (8, 8), np.float32), "grid", "of at most 256 different values"),
        (box(0, 300, (8, 8), np.int64), "grid", "of at most 256 different values"),
        (box(0, 3, (8,), np.int64), "grid", "two to four axes"),
        (spaces.Discrete(5), "grid", "of type Discrete: leave env.obs=null"),
    ],
)
def test_what_is_impossible_is_refused(
    space: spaces.Space[Any], choice: ObsChoice, why: str
) -> None:
    with pytest.raises(ValueError, match=rf"^env\.obs={choice} only applies to .*{why}"):
        kind_of(space, choice)


@pytest.mark.parametrize(
    ("shape", "space", "axes"),
    [
        ((10, 10, 4), (4, 10, 10), (2, 0, 1)),
        ((10, 10, 10), (10, 10, 10), (2, 0, 1)),  # MinAtar's Seaquest
        ((8, 8, 111), (111, 8, 8), (2, 0, 1)),  # PettingZoo's chess
        ((3, 3, 2), (2, 3, 3), (2, 0, 1)),
        ((6, 7, 2), (2, 6, 7), (2, 0, 1)),
        ((5, 4, 26), (26, 5, 4), (2, 0, 1)),
        ((4, 10, 10), (4, 10, 10), (0, 1, 2)),
        ((2, 6, 7), (2, 6, 7), (0, 1, 2)),
        ((6, 7), (1, 6, 7), (0, 1)),
    ],
)
def test_every_layout_becomes_channels_first(
    shape: tuple[int, ...], space: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    mapped = ObsMap(box(0, 1, shape, np.bool_))
    assert mapped.space == Space("grid", space, top=(1,) * space[0])
    raw = np.random.default_rng(0).integers(0, 2, shape).astype(np.bool_)
    obs = mapped(raw[None])[0]
    assert obs.dtype == np.uint8
    assert np.array_equal(obs.reshape(space), raw.transpose(axes).reshape(space))


def test_numbers_by_hand() -> None:
    """Each channel is counted from its lowest number, and what is out of bounds is marked."""
    mapped = ObsMap(box([0, -1, 5], [10, 1, 5], (2, 2, 3), np.int16))
    assert mapped.space == Space("grid", (3, 2, 2), top=(10, 2, 0))
    obs = mapped(np.array([[[[10, -1, 5], [3, 1, 5]], [[9, -1, 5], [0, 0, 5]]]], np.int16))
    assert obs.tolist() == [[[[10, 3], [9, 0]], [[0, 2], [0, 1]], [[0, 0], [0, 0]]]]
    assert mapped.wrong(obs) is None
    raw = np.array([[[[10, -1, 5], [3, 1, 5]], [[99, -9, 5], [0, 0, 5]]]], np.int16)
    wrong = mapped.wrong(mapped(raw))
    assert wrong is not None and np.argwhere(wrong).tolist() == [[0, 0, 1, 0], [0, 1, 1, 0]]
    assert mapped.ordered(raw)[wrong].tolist() == [99, -9]


class Leaving(Board):
    """A board whose numbers leave their bounds in the second step, where `leaves` is set."""

    leaves = False

    def _board(self) -> Array:
        return super()._board() + np.int8(5 * (self.leaves and self.time == 2))


def test_a_number_outside_of_a_grids_bounds_ends_its_seed() -> None:
    envs = GymEnvs(Leaving, "board", (0, 1), 1, gamma=0.9)
    assert isinstance(envs._vector, SyncGrid)
    envs._vector.envs[1].leaves = True  # type: ignore[attr-defined]
    for _ in range(2):
        assert envs.faults == {}
        envs.step(np.zeros((2, 1), np.int64))
    assert list(envs.faults) == [1]
    assert "an observation of board is" in envs.faults[1]
    assert "which is not in Box(-1, 1, (2, 3), int8)" in envs.faults[1]
    envs.close()


def test_the_whole_range_of_a_byte_is_exact() -> None:
    mapped = ObsMap(box(-128, 127, (2, 2), np.int8), choice="grid")
    assert mapped.space == Space("grid", (1, 2, 2), top=(255,))
    assert mapped(np.array([[[-128, -1], [0, 127]]], np.int8)).tolist() == [[[0, 127], [128, 255]]]


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_stack_begins_with_zeros(vector: Any) -> None:
    """Frames from before the episode are 0 for the agent, where the lowest number is -1."""
    how = EnvOptions(False, vector, 60.0, frame_stack=3)
    envs = GymEnvs(Board, "board", (0, 1), 1, gamma=0.9, options=how)
    assert envs.spec.obs == Space("grid", (3, 2, 3), stack=3, top=(2, 2, 2))
    first = [[0, 1, 2], [1, 1, 0]]
    none = [[0] * 3] * 2
    assert envs.obs[1, 0].tolist() == [none, none, first]
    action = np.zeros((2, 1), np.int64)
    steps = [envs.step(action) for _ in range(4)]
    assert steps[1].obs[1, 0, :, 1, 2].tolist() == [0, 0, 1]
    assert steps[3].next_obs[1, 0, :, 1, 2].tolist() == [2, 0, 1]
    assert envs.obs[1, 0].tolist() == [none, none, first]
    envs.close()


def test_numbers_out_of_their_bounds_are_refused_at_the_start() -> None:
    with pytest.raises(BadInput, match=r"which is not in Box\(-1, 1, .*write env\.obs=vector"):
        agent_and_envs(WRONG, "agent=random")
    _, envs = agent_and_envs(WRONG, "agent=random", "env.obs=vector")
    assert envs.obs[0, 0].tolist() == [-3, 0, 3, 0, 0, -3]


def test_tables_and_scaling_name_the_way_out() -> None:
    with pytest.raises(BadInput, match=r"grids of 6 cells \(env\.obs=vector makes them numbers"):
        agent_and_envs(BOARD, "agent=q_learning")
    with pytest.raises(BadInput, match=r"env\.scale_obs=true only applies to vectors"):
        agent_and_envs(BOARD, "agent=random", "env.scale_obs=true")
    _, envs = agent_and_envs(BOARD, "agent=random", "env.scale_obs=true", "env.obs=vector")
    assert envs.obs[0, 0].tolist() == [-1, 0, 1, 0, 0, -1]
