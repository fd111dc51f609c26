"""Arguments of the games: what makes no sense is refused."""

from __future__ import annotations

import pytest

from rlrun.core.errors import BadInput
from tests.support.common import parts_and_env
from tests.support.games import CHAIN, GRID, LAKE, SEA, VACUUM


@pytest.mark.parametrize(
    ("env_id", "words", "sentence"),
    [
        (CHAIN, ("reward=a",), "reward must be a finite number, got 'a'"),
        (GRID, ("rows=0",), "rows must be a whole number of at least 1, got 0"),
        (GRID, ("rows=1000", "columns=1000"), "rows times columns must be at most 10,000"),
        (GRID, ("slip=2",), "slip must be a finite number at least 0 and at most 1, got 2"),
        (GRID, ("step_reward=nan",), "step_reward must be a finite number, got nan"),
        (GRID, ("walls=1",), "walls must be a list of cells, such as [[1,1],[0,2]], got 1"),
        (GRID, ("walls=[[3,0]]",), "with rows from 0 to 2 and columns from 0 to 3, got [3, 0]"),
        (GRID, ("walls=[[0,3]]",), "[0, 3] is in both walls and terminals"),
        (GRID, ("start=[0.5,0]",), "start has [row, column] with rows from 0 to 2 and"),
        (GRID, ("start=[1,1]",), "start=[1, 1] is one of the walls: choose another cell"),
        (GRID, ("terminals=[[0,3]]",), "terminals has [row, column, reward] with rows"),
        (SEA, ("size=1",), "size must be a whole number from 2 to 100, got 1"),
        (SEA, ("size=10.5",), "size must be a whole number from 2 to 100, got 10.5"),
        (SEA, ("mapping_seed=-1",), "mapping_seed must be a whole number of at least 0, or null"),
        (LAKE, ("size=101",), "size must be a whole number from 2 to 100, got 101"),
        (LAKE, ("map_seed=a",), "map_seed must be a whole number of at least 0, got 'a'"),
        (LAKE, ("ice=0.1",), "ice must be a finite number at least 0.5 and at most 1, got 0.1"),
        (VACUUM, ("radius=0",), "radius must be a finite number at least 0.5 and at most 25"),
        (VACUUM, ("step_length=-1",), "step_length must be a finite number at least 0"),
        (VACUUM, ("dust=much",), "dust must be a finite number at least 0, got 'much'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    env_id: str, words: tuple[str, ...], sentence: str
) -> None:
    kwargs = [f"env.kwargs.{word}" for word in words]
    with pytest.raises(BadInput) as error:
        _ = parts_and_env(f"env={env_id}", "agent=random", *kwargs)[1].spec
    assert f"{env_id} cannot be used: " in str(error.value)
    assert sentence in str(error.value)
