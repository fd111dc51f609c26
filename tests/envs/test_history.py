"""The actions of the episodes under way, beside a plain list of everything that was done."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Array
from rlrun.envs.history import ActionHistory


@pytest.mark.parametrize("limit", [0, 1, 5, 40, 10**6])
@pytest.mark.parametrize("trim", [0, 8192])
def test_it_is_what_a_list_of_everything_says(
    monkeypatch: pytest.MonkeyPatch, limit: int, trim: int
) -> None:
    monkeypatch.setattr("rlrun.envs.history.TRIM", trim)
    rng = np.random.default_rng(limit)
    history = ActionHistory(3, limit)
    everything: list[Array] = []
    begun = [0, 0, 0]
    overlong = False
    for _ in range(300):
        action = rng.integers(0, 9, 3)
        everything.append(action.copy())
        ages = [len(everything) - start for start in begun]
        answer = history.add(action)
        action[:] = -1  # what is kept is a copy
        if not overlong and max(ages) > limit:
            overlong = True
            assert answer is not None and ages[answer] == max(ages)
        else:
            assert answer is None
        ended = [env for env, chance in enumerate((0.2, 0.05, 0.02)) if rng.random() < chance]
        history.begin(ended)
        for env in ended:
            begun[env] = len(everything)
        ages = [len(everything) - start for start in begun]
        oldest = max((age for age in ages if age <= limit), default=0)
        actions, first = history.saved()
        assert first.tolist() == [oldest - age if age <= limit else -1 for age in ages]
        want = everything[len(everything) - oldest :]
        assert np.array_equal(np.reshape(actions, (-1, 3)), np.reshape(want, (-1, 3)))
        if rng.random() < 0.1:  # as a resumed run has it
            history = ActionHistory(3, limit)
            history.load(actions, first)
            begun = [
                start if age <= limit else len(everything)
                for start, age in zip(begun, ages, strict=True)
            ]
            overlong = False


def test_what_was_saved_under_a_larger_limit_is_cut_to_this_one() -> None:
    """As from a version that had no limit."""
    history = ActionHistory(2, 3)
    history.load([np.full(2, k) for k in range(5)], np.array([0, 3]))
    actions, begun = history.saved()
    assert (np.array(actions).tolist(), begun.tolist()) == ([[3, 3], [4, 4]], [-1, 0])
    assert history.add(np.full(2, 5)) == 0
