"""Bonuses by counts and constant ones, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Space, Spec, Step
from rlrun.curiosity.constant import Constant
from rlrun.curiosity.count import Count, CountSettings

STATE, CHOICE = Space("discrete", (), (3,)), Space("discrete", (), (2,))
VECTOR = Space("vector", (2,))


def spec(obs: Space = STATE, action: Space = CHOICE, envs: int = 1, **more: Any) -> Spec:
    return Spec("Test-v0", obs, action, envs, **more)


def transitions(obs: Any, action: Any) -> Step:
    """Transitions of which only the states and actions matter."""
    obs, action = np.array(obs), np.array(action)
    lead: Array = np.zeros(action.shape)
    return Step(obs, action, lead, lead, obs, lead.astype(bool))


def counted(one: Count, *steps: tuple[Any, Any]) -> None:
    for obs, action in steps:
        one.observe(transitions(obs, action))


def test_visits_of_pairs() -> None:
    one = Count(spec(), 1, CountSettings(scale=6.0))
    counted(one, ([[2]], [[1]]), ([[2]], [[1]]), ([[2]], [[1]]), ([[2]], [[1]]), ([[2]], [[0]]))
    batch = transitions([[2, 2, 0]], [[1, 0, 1]])
    # four visits, one, and none, which counts as one
    assert one.bonus(batch).tolist() == [[6 / 2, 6.0, 6.0]]


def test_visits_of_states() -> None:
    one = Count(spec(), 1, CountSettings(scale=6.0, counts="states"))
    counted(one, ([[2]], [[1]]), ([[2]], [[1]]), ([[2]], [[1]]), ([[2]], [[0]]), ([[1]], [[0]]))
    assert one.bonus(transitions([[2, 2, 1]], [[1, 0, 1]])).tolist() == [[3.0, 3.0, 6.0]]


def test_a_bonus_counts_the_step_itself_and_those_of_the_other_environments() -> None:
    one = Count(spec(envs=4), 1, CountSettings(scale=1.0))
    t = transitions([[0, 0, 0, 0]], [[1, 1, 1, 1]])
    one.observe(t)
    assert one.bonus(t).tolist() == [[0.5] * 4]
    assert one.bonus(t).tolist() == [[0.5] * 4]  # asking does not count


def test_each_seed_counts_its_own_visits() -> None:
    one = Count(spec(), 2, CountSettings(scale=np.array([1.0, 8.0])))
    counted(one, ([[1], [1]], [[0], [1]]), *[([[0], [1]], [[0], [1]])] * 3)
    batch = transitions([[1, 0], [1, 0]], [[0, 0], [1, 0]])
    assert one.bonus(batch).tolist() == [[1.0, 1 / np.sqrt(3)], [4.0, 8.0]]


def test_a_rollout_has_the_bonuses_of_its_transitions() -> None:
    """``[seed, time, env]`` gives what ``[seed, batch]`` gives."""
    rng = np.random.default_rng(0)
    one = Count(spec(envs=2), 3, CountSettings())
    obs, action = rng.integers(0, 3, (3, 5, 2)), rng.integers(0, 2, (3, 5, 2))
    for time in range(5):
        one.observe(transitions(obs[:, time], action[:, time]))
    rollout = one.bonus(transitions(obs, action))
    batch = one.bonus(transitions(obs.reshape(3, 10), action.reshape(3, 10)))
    assert rollout.shape == (3, 5, 2)
    assert rollout.reshape(3, 10).tolist() == batch.tolist()
    for s, time, env in np.ndindex(3, 5, 2):
        same = (obs[s] == obs[s, time, env]) & (action[s] == action[s, time, env])
        assert rollout[s, time, env] == 0.1 / np.sqrt(same.sum())


def test_observations_in_bins_and_actions_of_several_parts() -> None:
    """Two bins of each number, and 2 x 3 actions: (0, 2) is another one than (1, 0)."""
    space = Space("multi_discrete", (2,), (2, 3))
    bins = ((-1.0, 1.0, 2), (0.0, 10.0, 2))
    one = Count(spec(VECTOR, space, bins=bins), 1, CountSettings(scale=1.0))
    pairs = [([-0.5, 2.0], [0, 2]), ([-0.9, 3.0], [0, 2]), ([-0.1, 4.0], [1, 0])]
    for obs, action in pairs:
        one.observe(Step(*(np.array([[each]]) for each in (obs, action, 0.0, 0.0, obs, False))))
    numbers = np.array([[[-0.2, 1.0], [-0.2, 1.0], [-0.2, 9.0]]])
    parts, zeros = np.array([[[0, 2], [1, 0], [0, 2]]]), np.zeros((1, 3))
    batch = Step(numbers, parts, zeros, zeros, numbers, zeros.astype(bool))
    assert one.bonus(batch).tolist() == [[1 / np.sqrt(2), 1.0, 1.0]]


def test_a_constant_is_the_same_everywhere_and_each_rows_own() -> None:
    t = transitions(np.zeros((2, 4, 3), int), np.zeros((2, 4, 3), int))
    assert np.array_equal(Constant(-0.25).bonus(t), np.full((2, 4, 3), -0.25))
    rows = Constant(np.array([1.0, 2.0])).bonus(t)
    assert rows[0].tolist() == [[1.0] * 3] * 4 and rows[1].tolist() == [[2.0] * 3] * 4


@pytest.mark.parametrize(
    ("space", "action", "sentence"),
    [
        (Space("image", (4, 36, 36), stack=4), CHOICE, "the images that Test-v0 has as observa"),
        (Space("grid", (1, 5, 5)), CHOICE, "the grids that Test-v0 has as observations are too"),
        (VECTOR, CHOICE, "2 continuous observations: a table needs bins"),
        (Space("discrete", (), (2**50,)), CHOICE, "2,251,799,813,685,248 counts for Test-v0"),
    ],
)
def test_what_cannot_be_counted_is_refused(space: Space, action: Space, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"curiosity=count .*{sentence}"):
        CountSettings().check(spec(space, action), 1)


def test_continuous_actions_are_only_counted_by_state() -> None:
    continuous = spec(STATE, VECTOR)
    with pytest.raises(ValueError, match=r"^counts must be states where actions are continuous"):
        CountSettings().check(continuous, 1)
    CountSettings(counts="states").check(continuous, 1)


def test_actions_too_many_to_count_do_not_matter_for_visits_of_states() -> None:
    many = Space("multi_discrete", (80,), (2,) * 80)
    one = Count(spec(action=many), 1, CountSettings(scale=6.0, counts="states"))
    counted(one, *[([[2]], [[0]])] * 4)
    assert one.bonus(transitions([[2]], [[0]])).tolist() == [[3.0]]
