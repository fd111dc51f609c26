"""How many states or pairs a seed has visited."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Array, Space
from rlrun.curiosity.count import Count, CountSettings
from rlrun.curiosity.coverage import TAG, Coverage
from tests.curiosity.test_count import VECTOR, spec, transitions


def drawn(seeds: int, envs: int) -> list[tuple[Array, Array]]:
    """States and actions of 9 random steps."""
    rng = np.random.default_rng(3)
    return [
        (rng.integers(0, 3, (seeds, envs)), rng.integers(0, 2, (seeds, envs))) for _ in range(9)
    ]


@pytest.mark.parametrize("counts", ["pairs", "states"])
def test_coverage_is_the_number_of_different_places(counts: str) -> None:
    """Of each seed; two environments in the same place at the same time count once."""
    settings = CountSettings(counts=counts)  # type: ignore[arg-type]
    one, other = Count(spec(envs=2), 4, settings), Coverage(spec(envs=2), 4)
    places: list[set[tuple[int, ...]]] = [set() for _ in range(4)]
    states: list[set[int]] = [set() for _ in range(4)]
    for obs, action in drawn(4, 2):
        one.observe(transitions(obs, action))
        other.observe(transitions(obs, action))
        for seed, env in np.ndindex(4, 2):
            state = int(obs[seed, env])
            pair = (state, int(action[seed, env]))
            places[seed].add(pair if counts == "pairs" else pair[:1])
            states[seed].add(state)
        found = one.learn(transitions(obs, action))[TAG]
        assert found.tolist() == [len(each) for each in places]
        assert other.metrics[TAG].tolist() == [len(each) for each in states]


@pytest.mark.parametrize("counted", [True, False])
def test_a_restored_coverage_continues(counted: bool) -> None:
    made = [Count(spec(), 2, CountSettings()) if counted else Coverage(spec(), 2) for _ in "ab"]
    steps = drawn(2, 1)
    for n, (obs, action) in enumerate(steps):
        made[0].observe(transitions(obs, action))
        if n == 4:
            made[1].load_state_dict(made[0].state_dict())
        if n > 4:
            made[1].observe(transitions(obs, action))
    t = transitions(*steps[0])
    found = [each.learn(t) if isinstance(each, Count) else each.metrics for each in made]
    assert found[0][TAG].tolist() == found[1][TAG].tolist()


@pytest.mark.parametrize(
    "space", [VECTOR, Space("image", (4, 36, 36), stack=4), Space("discrete", (), (2**50,))]
)
def test_what_cannot_be_counted_has_no_coverage(space: Space) -> None:
    one = Coverage(spec(space), 2)
    one.observe(transitions(np.zeros((2, 1, 2)), np.zeros((2, 1), int)))
    assert one.metrics == {} and one.state_dict() == {}
