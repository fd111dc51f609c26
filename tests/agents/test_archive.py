"""The parts of Go-Explore, by hand: cells, trajectories and the archive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.agents.parts.archive import Archive
from rlrun.agents.parts.cells import Cells
from rlrun.agents.parts.expedition import Expedition
from rlrun.agents.parts.trajectories import Numbered, Trajectory, action_dtype, restored
from rlrun.core.types import Array, Space, Spec

NONE = np.zeros((0,), np.uint8)


def trajectory(actions: list[int], score: float = 0.0, start: Trajectory | None = None) -> Any:
    return Trajectory(start, np.array(actions, np.uint8), score)


def archive(power: float = 0.5, by_chosen: bool = True) -> Archive:
    """Three cells: a is the start, b two steps away, c one more with the return 1."""
    made = Archive(power, by_chosen)
    a = trajectory([])
    b = trajectory([1, 0], 0.0, a)
    for key, each in ((b"a", a), (b"b", b), (b"c", trajectory([1], 1.0, b))):
        assert made.visit(key, each.score, each.length)
        made.store(key, each)
    return made


def test_better_returns_and_shorter_ways_are_stored() -> None:
    made = archive()
    assert not made.visit(b"c", 1.0, 3)  # neither
    assert not made.visit(b"c", 1.0, 4)
    assert not made.visit(b"c", 0.5, 1)  # shorter, but worse
    assert made.visit(b"c", 1.0, 2)
    assert made.visit(b"c", 1.5, 40)
    assert made.visits.tolist() == [1, 1, 6]
    assert len(made) == 3 and made.visit(b"d", -5.0, 9)


def test_a_stored_trajectory_begins_the_count_of_choices_anew() -> None:
    made = archive()
    for _ in range(3):
        assert made.choose(0.999) == 2
    assert made.chosen.tolist() == [0, 0, 3]
    made.store(b"c", trajectory([2], 2.0))
    assert (made.chosen.tolist(), made.visits.tolist()) == ([0, 0, 0], [1, 1, 1])
    assert made.trajectories[2].score == 2.0 and made.keys == [b"a", b"b", b"c"]


def test_weights_fall_with_the_root_of_the_count() -> None:
    made = archive()
    assert made.weights().tolist() == [1, 1, 1]
    for _ in range(3):
        made.choose(0.0)
    assert made.chosen.tolist() == [3, 0, 0]
    assert made.weights().tolist() == [0.5, 1, 1]
    # of the sum 2.5 the first has a fifth, the second two
    assert [made.choose(draw) for draw in (0.19, 0.2)] == [0, 1]
    made = archive(power=1.0, by_chosen=False)
    made.visit(b"b", 0.0, 2)
    assert made.weights().tolist() == [1 / 2, 1 / 3, 1 / 2]


def test_there_is_room_for_many_cells() -> None:
    made = archive()
    for number in range(1000):
        made.store(number.to_bytes(2, "big"), trajectory([0]))
    assert len(made) == 1003 and made.chosen.tolist() == [0] * 1003
    assert made.choose(1 - 1e-16) == 1002


def test_actions_are_those_of_all_parts() -> None:
    made = archive()
    assert [each.all_actions().tolist() for each in made.trajectories] == [[], [1, 0], [1, 0, 1]]
    assert [each.length for each in made.trajectories] == [0, 2, 3]


def test_a_part_that_was_replaced_remains_for_those_that_continue_it() -> None:
    made = archive()
    made.store(b"b", trajectory([3], 0.0, made.trajectories[0]))
    assert made.trajectories[2].all_actions().tolist() == [1, 0, 1]
    numbered = Numbered(made.trajectories)
    assert len(numbered.number) == 4
    made.store(b"c", trajectory([3], 3.0, made.trajectories[1]))
    assert len(Numbered(made.trajectories).number) == 3


def test_saved_trajectories_and_cells_come_back() -> None:
    made = archive()
    made.choose(0.5)
    numbered, like = Numbered(made.trajectories), np.zeros((0, 1), np.uint8)
    state = numbered.state_dict()
    assert state["start"].tolist() == [-1, 0, 1] and state["actions"].tolist() == [1, 0, 1]
    other = Archive(0.5, True)
    other.load_state_dict(made.state_dict(numbered.number, like), restored(state, NONE), like)
    assert (other.keys, other.chosen.tolist()) == (made.keys, [0, 1, 0])
    assert [each.score for each in other.trajectories] == [0, 0, 1]
    assert other.trajectories[2].start is other.trajectories[1]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("start", [-1, 2, 1]),
        ("start", [-1, 0, -1]),
        ("count", [0, 2, 2]),
        ("actions", [[1], [0], [1]]),
        ("actions", [1.0, 0.0, 1.0]),
    ],
)
def test_trajectories_that_are_no_tree_are_refused(name: str, wrong: Any) -> None:
    state = Numbered(archive().trajectories).state_dict()
    state[name] = np.array(wrong)
    with pytest.raises(ValueError, match=r"trajector|actions"):
        restored(state, NONE)


def expedition() -> Expedition:
    """One environment; cells are drawn by 0.999, so that it is the newest one."""
    keys = np.zeros((0, 1), np.uint8)
    made = Expedition(Archive(0.5, True), 1, lambda: 0.999, NONE, keys)
    made.begin([b"\0"])
    return made


def taken(made: Expedition, *steps: tuple[int, float, bytes]) -> None:
    for action, reward, key in steps:
        made.add(0, np.array(action), reward, key)


def test_an_episode_by_hand() -> None:
    made = expedition()
    taken(made, (1, 0.0, b"\1"), (2, 0.5, b"\2"), (3, -1.0, b"\1"))  # back in cell 1, worse
    cells = made.archive
    assert cells.keys == [b"\0", b"\1", b"\2"]
    assert [each.score for each in cells.trajectories] == [0.0, 0.0, 0.5]
    taken(made, (4, 2.0, b"\1"))  # with the return 1.5 better than before
    assert cells.trajectories[1].all_actions().tolist() == [1, 2, 3, 4]
    assert cells.trajectories[1].score == 1.5
    made.end(0, np.array(5), 1.25, 5)
    assert (made.best, made.found, made.policy.tolist()) == (1.25, (5, 5), [1, 2, 3, 4, 5])
    assert len(cells) == 3  # where it ended is no cell
    walk = made.walks[0]  # cell 2 is the newest: drawn, and returned to by its own actions
    assert (walk.plan.tolist(), walk.score, walk.returning) == ([1, 2], 0.5, True)
    taken(made, (1, 0.0, b"\1"), (2, 0.5, b"\2"))
    assert (made.returned, made.missed, walk.returning) == (2, 0, False)
    taken(made, (7, 0.0, b"\3"))
    assert cells.trajectories[3].all_actions().tolist() == [1, 2, 7]
    made.end(0, np.array(0), 1.25, 9)  # equal to the best in fewer steps: when is unchanged
    assert (made.best, made.found, made.policy.tolist()) == (1.25, (5, 5), [1, 2, 7, 0])


def test_a_return_that_arrives_elsewhere_is_counted() -> None:
    made = expedition()
    taken(made, (1, 0.0, b"\1"), (1, 0.0, b"\2"))
    made.end(0, np.array(0), 0.0, 3)
    taken(made, (1, 0.0, b"\1"), (1, 0.0, b"\5"))
    assert made.missed == 1
    made.end(0, np.array(0), 0.0, 6)
    made.end(0, np.array(0), 0.0, 7)  # while it returned
    assert (made.missed, made.returned) == (2, 3)


def spec(obs: Space) -> Spec:
    return Spec("made-up", obs, Space("discrete", (), (2,)), 1)


def test_an_image_is_scaled_down_by_areas() -> None:
    rng = np.random.default_rng(0)
    obs: Array = rng.integers(0, 256, (2, 3, 4 * 3, 36, 50), np.uint8)  # of four frames in colour
    cells = Cells(spec(Space("image", (12, 36, 50), stack=4)), 8, 11, 8)
    numbers = cells.numbers(obs)
    assert numbers.shape == (2, 3, 88) and numbers.dtype == np.uint8
    grey = obs[:, :, 9:].astype(np.int64).sum(2)  # the newest frame
    fine = grey.repeat(8, 2).repeat(11, 3).reshape(2, 3, 8, 36, 11, 50).sum((3, 5))
    assert np.array_equal(numbers, (fine * 8 // (256 * 3 * 36 * 50)).reshape(2, 3, 88))
    assert cells(obs)[1][2] == numbers[1, 2].tobytes()
    white = np.full((1, 1, 12, 36, 50), 255, np.uint8)
    assert set(cells.numbers(white).ravel().tolist()) == {7}


def test_other_observations_are_their_own_cells() -> None:
    grid = Cells(spec(Space("grid", (4, 3, 3), stack=2, top=(1,) * 4)), 8, 11, 8)
    obs = np.arange(36, dtype=np.uint8).reshape(1, 1, 4, 3, 3)
    assert grid.numbers(obs).ravel().tolist() == list(range(18, 36))
    several = Cells(spec(Space("multi_discrete", (2,), (5, 6))), 8, 11, 8)
    assert several(np.array([[[4, 5]]])) == [[np.array([4, 5]).tobytes()]]
    bins = Spec(
        "b", Space("vector", (2,)), Space("discrete", (), (2,)), 1, bins=((0, 1, 4), (-1, 1, 2))
    )
    inside = np.array([[[0.3, -0.5], [9.0, 0.0], [-1.0, 7.0]]], np.float32)
    assert Cells(bins, 8, 11, 8).numbers(inside).tolist() == [[[1, 0], [3, 1], [0, 1]]]


def test_actions_are_kept_in_few_bytes() -> None:
    assert action_dtype(Space("discrete", (), (18,))) == np.uint8
    assert action_dtype(Space("multi_discrete", (2,), (2, 257))) == np.uint16
    assert action_dtype(Space("vector", (3,))) == np.float32
