"""The settings of a stack whose rows differ: numbers become arrays, the rest must be equal."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.fields import fields_of
from rlrun.core.schema import construct
from rlrun.settings import Settings, stack_rows
from tests.support.common import settings
from tests.support.rows import LEARNERS


def test_equal_rows_are_plain_numbers() -> None:
    runs = [construct(Settings, settings("agent=dqn", f"seed={n}", "seeds=2"), "") for n in (0, 7)]
    parts, seeds = stack_rows(runs)
    assert seeds == (0, 1, 7, 8)
    assert isinstance(parts.agent.settings.lr, float)
    assert parts.gamma == runs[0].gamma


def test_numbers_become_arrays_by_row() -> None:
    words = (("agent.lr=1e-3", "seeds=2"), ("agent.lr=2e-3", "gamma=.5", "seeds=1", "seed=4"))
    runs = [construct(Settings, settings("agent=dqn", "tuned=none", *each), "") for each in words]
    parts, seeds = stack_rows(runs)
    assert seeds == (0, 1, 4)
    assert parts.agent.settings.lr.tolist() == [1e-3, 1e-3, 2e-3]
    assert np.asarray(parts.gamma).tolist() == [0.99, 0.99, 0.5]
    assert runs[0].agent.settings.lr == 1e-3  # the settings of the runs are unchanged


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("agent.batch_size=32", "agent.batch_size must be the same in all rows of a stack"),
        ("agent.max_grad_norm=null", "agent.max_grad_norm must be null in all rows"),
        ("env=Acrobot-v1", "env.id must be the same"),
        ("replay=prioritized", "replay must be the same"),
        ("total_steps=7", "total_steps must be the same"),
    ],
)
def test_what_must_be_the_same_is_refused(words: str, message: str) -> None:
    lines = (("agent=dqn", "tuned=none"), ("agent=dqn", "tuned=none", words))
    runs = [construct(Settings, settings(*line), "") for line in lines]
    with pytest.raises(BadInput, match=message):
        stack_rows(runs)


def test_rows_that_share_a_plan_have_one_gamma() -> None:
    line = ("agent=value_iteration", "env=FrozenLake-v1")
    runs = [construct(Settings, settings(*line, f"gamma={g}"), "") for g in (0.9, 0.5)]
    with pytest.raises(BadInput, match="gamma must be the same"):
        stack_rows(runs)


def test_marks_are_on_numbers_alone() -> None:

    for agent in LEARNERS:
        parts = construct(Settings, settings(f"agent={agent}", "tuned=none"), "")
        for options in (parts.agent.settings, parts.replay.settings, parts.explore.settings):
            for each in fields_of(type(options)):
                value = getattr(options, each.name)
                assert not each.per_row or value is None or type(value) in (int, float)
