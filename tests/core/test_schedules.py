"""Schedules and the test for a crossing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rlrun.core.rows import Number
from rlrun.core.schedules import Exponential, Linear, due


def test_linear_by_hand() -> None:
    schedule = Linear(1.0, 0.2, 100)
    assert [schedule(s) for s in (0, 25, 50, 100, 1000)] == pytest.approx([1, 0.8, 0.6, 0.2, 0.2])


def test_linear_over_no_steps_is_its_end() -> None:
    assert Linear(1.0, 0.1, 0)(0) == 0.1


@pytest.mark.parametrize("length", [0.0, 7, 333.3, np.array([0.0, 50.0, 7.7])])
@pytest.mark.parametrize("end", [0.05, np.array([0.1, 0.2, 0.3])])
def test_many_steps_of_a_line_are_those_of_single_ones(length: Number, end: Number) -> None:
    line, steps = Linear(0.9, end, length), np.arange(0, 400, 3)
    many = line.many(steps)
    for step, values in zip(steps.tolist(), many, strict=True):
        assert values.tobytes() == np.broadcast_to(line(step), values.shape).tobytes()


def test_exponential_by_hand() -> None:
    schedule = Exponential(0.9, 0.1, 1000)
    assert schedule(0) == pytest.approx(0.9)
    assert schedule(1000) == pytest.approx(0.1 + 0.8 / math.e)
    assert schedule(10**6) == pytest.approx(0.1)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("every", [1, 2, 5, 10])
def test_due_counts_every_multiple_once_whatever_the_stride(stride: int, every: int) -> None:
    steps = range(stride, 40 * stride + 1, stride)
    counted = sum(due(step, every, stride) for step in steps)
    assert counted == (40 * stride) // every


def test_due_by_hand() -> None:
    assert [due(s, 5, 1) for s in range(1, 12)] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    assert due(12, 5, 12) == 2
    assert due(100, 0, 1) == 0
