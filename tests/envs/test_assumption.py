"""What arrays of numbers are assumed to be is said at the start of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gymnasium import spaces

from rlrun.envs.arrays import assumption
from tests.envs.test_grids import BOARD, GRID, box
from tests.support.trained import trained


def test_the_assumption_is_a_sentence() -> None:
    assert assumption(GRID) == (
        "observations of 7x7x3 uint8 are treated as a grid (7 rows, 7 columns, 3 channels, scaled "
        "by their bounds); if that is wrong, set env.obs=image or env.obs=vector"
    )
    image = assumption(box(0, 255, (96, 96, 3), np.uint8))
    assert "treated as an image (96 rows, 96 columns, 3 channels, scaled from 0..255)" in image
    planes = box(0, 1, (4, 4, 3), np.bool_)
    assert assumption(planes).endswith("bounds); if that is wrong, set env.obs=vector")
    floats = assumption(box(0, 1, (4, 4, 3), np.float32))
    assert floats.endswith("are treated as a vector (48 numbers without spatial structure)")
    assert assumption(box(0, 1, (4,), np.float32)) == assumption(spaces.Discrete(3)) == ""


def test_the_start_of_a_run_says_what_was_assumed(tmp_path: Path) -> None:
    log = (trained(tmp_path / "guess", "random", BOARD) / "run.log").read_text()
    assert "observations of 2x3 int8 are treated as a grid (2 rows, 3 columns, 1 channel," in log
    log = (trained(tmp_path / "chosen", "random", BOARD, "env.obs=vector") / "run.log").read_text()
    assert "are treated as" not in log
