"""Frames of a replay that begins in the middle of episodes: against a plain list of transitions."""

from __future__ import annotations

import pytest

from rlrun.core.types import Step
from tests.replay.test_frames import assert_as_told, make, play
from tests.support.common import differences, host


def renumbered(steps: list[Step]) -> list[Step]:
    """Steps with actions that count from the first of these."""
    envs = steps[0].last.shape[1]
    return [t._replace(action=t.action % envs + n * envs) for n, t in enumerate(steps)]


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("stack", [1, 2, 4])
@pytest.mark.parametrize("slots", [1, 2, 3, 9])
@pytest.mark.parametrize("missed", [1, 2, 7])
def test_a_replay_may_begin_in_the_middle_of_episodes(
    kind: str, stack: int, slots: int, missed: int
) -> None:
    """What was before its first step is in the stacks all the same, also after a resume."""
    steps = renumbered(play(30, 2, 2, stack, often=0.08)[missed:])
    one = make(kind, (4, 9), stack, 2, slots)
    for count, t in enumerate(steps, start=1):
        one.add(t)
        assert one.check_valid() == (True, "")
        assert_as_told(one, steps[:count], slots, 3)
        saved, one = host(one.state_dict()), make(kind, (4, 9), stack, 2, slots)
        one.load_state_dict(saved)
        assert differences(saved, host(one.state_dict())) == []


@pytest.mark.parametrize("before", [1, 2, 5, 12, 13, 30])
@pytest.mark.parametrize("missed", [0, 3])
def test_an_episode_that_continues_after_a_cut_keeps_its_frames(before: int, missed: int) -> None:
    """A cut is for all environments of a replay, though only some of them begin anew."""
    steps = renumbered(play(40, 2, 2, 4, often=0.0)[missed:])
    one, told = make("uniform", (4, 9), 4, 2, 12), list(steps)
    told[before - 1] = steps[before - 1]._replace(last=steps[0].last | True)
    for count, t in enumerate(steps, start=1):
        one.add(t)
        if count == before:
            one.cut()
        assert one.check_valid() == (True, "")
        assert_as_told(one, told[:count], 12, 3)


@pytest.mark.parametrize("count", [0, 3, 9, 20])
def test_states_of_0_1_0_are_read(count: int) -> None:
    """They have nothing from before the first step, with which an episode began."""
    one, other = (make("uniform", (7, 8), 4, 2, 10) for _ in range(2))
    steps = play(25, 2, 2, 4)
    for t in steps[:count]:
        one.add(t)
    saved = host(one.state_dict())
    del saved["observations"]["before"]
    other.load_state_dict(saved)
    for number, t in enumerate(steps[count:], start=count + 1):
        other.add(t)
        assert_as_told(other, steps[:number], 10, 3)
