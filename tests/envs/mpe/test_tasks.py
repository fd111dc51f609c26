"""Particle tasks against numbers worked out by hand, and a copy alone against one in a stack."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from rlrun.core.types import Array
from rlrun.envs.mpe.registry import TASKS, Task
from rlrun.envs.mpe.world import Agent, Landmark, World
from tests.support.particles import VARIANTS, begin, random_action

STAY, LEFT, RIGHT, DOWN, UP = range(5)


class Draws:
    """What a generator would draw: the goals, and where agents and landmarks are."""

    def __init__(self, places: Sequence[Sequence[float]], goals: Sequence[int] = ()) -> None:
        self._places, self._goals = np.array(places, np.float64), iter(goals)

    def integers(self, high: int) -> int:
        goal = next(self._goals)
        assert goal < high
        return goal

    def uniform(self, low: float, high: float, size: tuple[int, int]) -> Array:
        part, self._places = np.split(self._places, size[:1])
        assert part.shape == size
        return part


def placed(task: Task, places: Sequence[Sequence[float]], *goals: int) -> None:
    task.reset(0, cast(Any, Draws(places, goals)))


def chosen(*moves: int) -> Array:
    return np.array([moves], np.int64)


def world_at(agents: Sequence[Agent], landmarks: Sequence[Landmark], *places: Any) -> World:
    world = World(1, False, agents, landmarks)
    world.show([world.velocity(agent) for agent in range(len(agents))])
    world.begin(0, np.array(places, np.float64))
    return world


def speeds(world: World) -> Array:
    """Velocities along the first axis, ``[agent]``."""
    row = world.rows[:, 0]
    count = world.place.shape[1]
    return row[1 + 2 * count :][: len(world.action_widths)]


def test_a_move_is_a_push_that_shows_in_the_position_one_step_later() -> None:
    """A force of 5 gives 0.5 in 0.1 s; a quarter of the speed is lost in every step."""
    task = TASKS["simple_spread_v3"].make(1, False, N=1)
    placed(task, [[0.2, -0.4], [0.0, 0.6]])
    assert task.obs[0, 0] == pytest.approx([0, 0, 0.2, -0.4, -0.2, 1.0])
    task.step(chosen(RIGHT))
    assert task.obs[0, 0] == pytest.approx([0.5, 0, 0.2, -0.4, -0.2, 1.0])
    task.step(chosen(DOWN))
    assert task.obs[0, 0] == pytest.approx([0.375, -0.5, 0.25, -0.4, -0.25, 1.0])
    task.step(chosen(STAY))
    assert task.obs[0, 0, :4] == pytest.approx([0.28125, -0.375, 0.2875, -0.45])


def test_numbers_push_by_the_difference_of_opposite_moves() -> None:
    task = TASKS["simple_spread_v3"].make(1, True, N=1)
    placed(task, [[0.0, 0.0], [0.0, 0.0]])
    task.step(np.array([[[1.0, 0.25, 0.75, 1.0, 0.0]]], np.float32))
    assert task.obs[0, 0, :2].tolist() == [0.25, -0.5]


def test_contacts_push_apart_and_landmarks_stay() -> None:
    """At a depth of 0.1 the force is 100 * 0.1; where two just touch, 100 * 0.001 * log 2."""
    solid = [Agent("one", 0.15, collides=True), Agent("two", 0.15, collides=True)]
    world = world_at(solid, [], [0.0, 0.0], [0.2, 0.0])
    world.step(chosen(STAY, STAY))
    assert speeds(world) == pytest.approx([-1.0, 1.0])
    world = world_at(solid, [], [0.0, 0.0], [0.3, 0.0])
    world.step(chosen(STAY, STAY))
    assert speeds(world) == pytest.approx([-0.01 * np.log(2), 0.01 * np.log(2)])
    world = world_at(solid[:1], [Landmark(0.2, collides=True)], [0.0, 0.0], [0.3, 0.0])
    world.step(chosen(STAY))
    assert speeds(world) == pytest.approx([-0.5]) and world.place[:, 1, 0].tolist() == [0.3, 0.0]
    world = world_at(solid[:1], [Landmark(0.2)], [0.0, 0.0], [0.3, 0.0])
    world.step(chosen(STAY))
    assert speeds(world).tolist() == [0.0]


def test_speeds_have_limits_in_tag() -> None:
    """Without limits they would be 3 * 0.1 / 0.25 = 1.2 and 4 * 0.1 / 0.25 = 1.6."""
    task = TASKS["simple_tag_v3"].make(1, False, num_adversaries=1, num_obstacles=0)
    placed(task, [[0.0, 0.0], [0.0, 1.0]])
    for _ in range(50):
        task.step(chosen(RIGHT, UP))
    assert task.obs[0, 0, :2] == pytest.approx([1.0, 0.0])
    assert task.obs[0, 1, :2] == pytest.approx([0.0, 1.3])


@pytest.mark.parametrize(("local_ratio", "reward"), [(0.0, -1.8), (1.0, -1.0), (0.25, -1.6)])
def test_spread_mixes_distances_and_contacts(local_ratio: float, reward: float) -> None:
    """The nearest agents are 1 and 0.8 away from the landmarks, and the two agents touch."""
    task = TASKS["simple_spread_v3"].make(1, False, N=2, local_ratio=local_ratio)
    placed(task, [[0.0, 0.0], [0.2, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert task.step(chosen(STAY, STAY))[0] == pytest.approx([reward, reward])


def test_adversaries_are_kept_from_the_goal() -> None:
    task = TASKS["simple_adversary_v3"].make(1, False)
    placed(task, [[0.0, 0.0], [0.0, 0.5], [2.0, 1.0], [-1.0, -1.0], [0.0, 1.0]], 1)
    assert task.obs_widths == (8, 10, 10)
    assert task.obs[0, 1, :2].tolist() == [0.0, 0.5]  # only good agents observe the goal
    assert task.step(chosen(STAY, STAY, STAY))[0] == pytest.approx([-1.0, 0.5, 0.5])


def test_tag_counts_contacts_and_distances_outside() -> None:
    """The first prey is caught; the second is 0.05 and 0.5 outside, for -0.5 and -e."""
    task = TASKS["simple_tag_v3"].make(1, False, num_good=2, num_adversaries=2, num_obstacles=1)
    placed(task, [[0.0, 0.0], [0.5, 0.5], [0.1, 0.0], [0.95, -1.5], [-0.5, -0.5]])
    reward = task.step(chosen(STAY, STAY, STAY, STAY))[0]
    assert reward == pytest.approx([10, 10, -10, -0.5 - np.e])
    placed(task, [[0.0, 0.0], [0.2, 0.0], [0.1, 0.0], [-9.0, 0.9], [-0.5, -0.5]])
    assert task.step(chosen(STAY, STAY, STAY, STAY))[0] == pytest.approx([20, 20, -20, -10])


def test_the_listener_hears_what_the_speaker_says() -> None:
    task = TASKS["simple_speaker_listener_v4"].make(1, False)
    placed(task, [[0.5, 0.5], [0.0, 0.0], [3.0, 4.0], [1.0, 0.5], [-1.0, 0.0]], 1)
    assert task.action_widths == (3, 5)
    assert task.obs[0, 0] == pytest.approx([0.15, 0.65, 0.15, *[0] * 8])
    assert task.obs[0, 1].tolist() == [0, 0, 3, 4, 1, 0.5, -1, 0, 0, 0, 0]
    assert task.step(chosen(2, STAY))[0] == pytest.approx([-1.25, -1.25])
    assert task.obs[0, 1, 8:].tolist() == [0, 0, 1]
    task.step(chosen(0, LEFT))
    assert task.obs[0, 1, 8:].tolist() == [1, 0, 0] and task.obs[0, 1, 0] == -0.5


def test_speakers_that_say_numbers_are_heard_exactly() -> None:
    task = TASKS["simple_speaker_listener_v4"].make(1, True)
    placed(task, [[0.0, 0.0]] * 5, 0)
    task.step(np.array([[[0.25, 0.5, 1.0, 9, 9], [0, 0, 0, 0, 1]]], np.float32))
    assert task.obs[0, 1].tolist() == [0, 0.5, *[0] * 6, 0.25, 0.5, 1.0]


def test_in_reference_each_agent_moves_and_speaks() -> None:
    """Agent 1 should go to landmark 2, which is 5 away, and agent 0 to landmark 0, 1 away."""
    task = TASKS["simple_reference_v3"].make(1, False, local_ratio=0.25)
    assert task.action_widths == (50, 50)
    placed(task, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [7.0, 7.0], [4.0, 4.0]], 2, 0)
    assert task.obs[0, 0, 8:11].tolist() == [0.25, 0.25, 0.75]
    reward = task.step(chosen(7 * 5 + UP, 3 * 5 + STAY))[0]
    assert reward == pytest.approx([-3 * 0.75 - 5 * 0.25, -3 * 0.75 - 1 * 0.25])
    assert task.obs[0, 0, 11:].tolist() == np.eye(10)[3].tolist()
    assert task.obs[0, 1, 11:].tolist() == np.eye(10)[7].tolist()
    assert task.obs[0, :, 1].tolist() == [0.5, 0.0]


@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_a_copy_alone_equals_the_copy_in_a_stack(
    name: str, arguments: dict[str, Any], continuous: bool
) -> None:
    stack = TASKS[name].make(7, continuous, **arguments)
    alone = [TASKS[name].make(1, continuous, **arguments) for _ in range(7)]
    rng = np.random.default_rng(0)
    for step in range(60):
        for env, one in enumerate(alone):
            if step % (10 + env) == 0:
                begin(stack, env, 100 * step + env)
                begin(one, 0, 100 * step + env)
        action = random_action(stack, continuous, rng)
        reward = stack.step(action)
        assert stack.obs.dtype == np.float32 and reward.dtype == np.float64
        for env, one in enumerate(alone):
            assert one.step(action[env : env + 1])[0].tobytes() == reward[env].tobytes()
            assert one.obs[0].tobytes() == stack.obs[env].tobytes()


@pytest.mark.parametrize("name", TASKS)
def test_other_arguments_than_the_listed_ones_are_refused(name: str) -> None:
    made = [*inspect.signature(TASKS[name].make).parameters]
    assert tuple(made) == ("num_envs", "continuous", *TASKS[name].arguments)
    with pytest.raises(TypeError, match="curriculum"):
        TASKS[name].make(1, False, curriculum=True)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("simple_spread_v3", {"N": 0}, "N must be at least 1, not 0"),
        ("simple_spread_v3", {"local_ratio": 1.5}, "local_ratio is a weight from 0 to 1, not 1.5"),
        ("simple_reference_v3", {"local_ratio": -1}, "local_ratio is a weight from 0 to 1, not -1"),
        ("simple_adversary_v3", {"N": -1}, "N must be at least 1, not -1"),
        ("simple_tag_v3", {"num_obstacles": -1}, "num_obstacles must be at least 0, not -1"),
        ("simple_tag_v3", {"num_adversaries": -1}, "num_adversaries must be at least 0"),
        ("simple_tag_v3", {"num_adversaries": 0, "num_good": 0}, "num_good must be at least 1"),
    ],
)
def test_arguments_out_of_range_are_refused(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TASKS[name].make(1, False, **arguments)
