"""Saved arrays: rows taken for some of the seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rlrun.core.restore import take_rows


def test_every_part_of_a_state_is_taken_by_seed() -> None:
    state: dict[str, Any] = {
        "q": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        "net": {"weight": torch.tensor([[10.0], [20.0], [30.0]])},
        "unfinished": ["a", "b", "c"],
        "size": 7,
        "total": np.array(9.0),
    }
    taken = take_rows(state, [2, 0, 2])
    assert taken["q"].tolist() == [[5, 6], [1, 2], [5, 6]]
    assert taken["net"]["weight"].tolist() == [[30], [10], [30]]
    assert taken["unfinished"] == ["c", "a", "c"]
    assert (taken["size"], taken["total"]) == (7, 9.0)
    assert state["q"].shape == (3, 2)
