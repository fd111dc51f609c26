"""From observations to the rows of a table, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.memory import free_memory, in_words
from rlrun.core.types import Array, Space, Spec
from rlrun.tables.states import States

ACTION = Space("discrete", (), (2,))
VECTOR = Spec("box", Space("vector", (2,)), ACTION, 1, None, ((-1.0, 1.0, 4), (0.0, 3.0, 3)))


def states_of(spec: Spec, *obs: object) -> list[int]:
    seen: Array = np.array([obs])
    found: list[int] = States(spec)(seen)[0].tolist()
    return found


def test_bins_by_hand() -> None:
    """Four bins of 0.5 from -1 on, three of 1 from 0 on; the second number counts fastest."""
    assert States(VECTOR).count == 12
    inside = [(-1.0, 0.0), (-0.51, 0.0), (-0.5, 0.0), (0.99, 2.99), (0.0, 1.0)]
    assert states_of(VECTOR, *inside) == [0, 0, 3, 11, 7]


def test_what_lies_outside_belongs_to_the_outermost_bins() -> None:
    outside = [(-9.0, -9.0), (9.0, 9.0), (1.0, 3.0), (-np.inf, np.inf)]
    assert states_of(VECTOR, *outside) == [0, 11, 11, 2]


def test_several_numbers_are_digits() -> None:
    spec = Spec("digits", Space("multi_discrete", (3,), (3, 2, 5)), ACTION, 1)
    states = States(spec)
    assert states.count == 30
    every = np.stack(np.meshgrid(range(3), range(2), range(5), indexing="ij"), -1).reshape(1, 30, 3)
    assert states(every)[0].tolist() == list(range(30))
    assert [states.name(s) for s in (0, 4, 5, 29)] == ["0,0,0", "0,0,4", "0,1,0", "2,1,4"]


def test_one_number_is_the_state() -> None:
    spec = Spec("one", Space("discrete", (), (7,)), ACTION, 1)
    assert states_of(spec, 3, 6) == [3, 6]
    assert States(spec).name(6) == "6"


@pytest.mark.parametrize("bins", [None, ((0.0, 1.0, 2),)])
def test_continuous_observations_need_bins_for_each(bins: tuple[tuple[float, float, int]]) -> None:
    with pytest.raises(BadInput, match="box has 2 continuous observations: a table needs bins"):
        States(replace(VECTOR, bins=bins))


def test_memory_in_words() -> None:
    assert [in_words(n) for n in (0, 999, 1000, 7.3e9, 3.2e14, 5e20)] == [
        *("0 bytes", "999 bytes", "1 kB", "7.3 GB", "320 TB", "500 EB"),
    ]
    free = free_memory()
    assert free is None or 10**8 < free < 10**14
