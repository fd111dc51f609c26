"""Reels and frames of videos."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from rlrun.media import video
from rlrun.media.video import Reel
from tests.support.videos import animation


def test_a_reel_keeps_every_second_frame_where_there_are_too_many() -> None:
    """Of ten at most four: 0 to 3, then 0 2 4 6, then 0 4 8, each shown four times as long."""
    reel = Reel(fps=10, most=4, side=6)
    for number in range(10):
        reel.add(np.full((6, 12, 3), 20 * number, np.uint8))
    assert reel.size == (6, 3)
    shown = animation(reel.encoded("gif"))
    assert [int(frame[0, 0, 0]) for frame in shown] == [0, 80, 160]
    assert Image.open(io.BytesIO(reel.encoded("gif"))).info["duration"] == 400


def test_small_and_odd_pictures_fit_a_video() -> None:
    fitted = video._even_size(np.arange(81 * 3, dtype=np.uint8).reshape(9, 9, 3))
    assert fitted.shape == (162, 162, 3)
    assert (fitted[::18, ::18] == np.arange(81 * 3).reshape(9, 9, 3)).all()
    assert video._even_size(np.zeros((201, 333, 3), np.uint8)).shape == (202, 334, 3)
