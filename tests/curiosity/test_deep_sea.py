"""Deep Sea, solved with curiosity and not without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun.api import load_run
from rlrun.core.types import Array
from rlrun.run import start_run
from tests.support.common import settings

QUIET = ("eval.every=0", "eval.final_episodes=0", "checkpoint.every_minutes=null")


def first_treasure(folder: Path, *words: str) -> list[float]:
    """The first episode of each seed with the treasure; infinite if it has none."""
    start_run(settings(*words, *QUIET), folder, "rlrun again")
    found: Array = load_run(folder).episodes.returns > 0.5
    return [float(row.argmax() + 1) if row.any() else np.inf for row in found]


@pytest.mark.train
@pytest.mark.parametrize(("size", "episodes"), [(10, 110), (20, 550), (30, 1300), (50, 5200)])
def test_tables_with_counts_find_the_treasure(size: int, episodes: int, tmp_path: Path) -> None:
    """By chance one in 2^size episodes does."""
    words = ("experiment=deep_sea", f"env.kwargs.size={size}", f"total_steps={size * episodes}")
    found = first_treasure(tmp_path, *words, "seed=20", "seeds=8")
    assert max(found) <= episodes, found


@pytest.mark.train
def test_a_bonus_in_the_reward_alone_does_not_find_it(tmp_path: Path) -> None:
    """Values begin at 0, and an action never tried has no bonus yet: it is never tried."""
    words = ("experiment=deep_sea", "total_steps=20000", "agent.initial_value=0")
    assert first_treasure(tmp_path, *words, "seed=20", "seeds=8") == [np.inf] * 8
