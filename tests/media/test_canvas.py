"""Lines and images drawn into a picture: which pixels they cover."""

from __future__ import annotations

import numpy as np

from rlrun.media.canvas import Picture

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def test_a_line_covers_its_width_and_turns_at_its_points() -> None:
    picture = Picture(12, 12, WHITE)
    picture.line([(2, 3), (9, 3), (9, 10)], 2, BLACK)
    grey = picture.array()[..., 0]
    assert (
        grey[2:4, 3:8] < 128
    ).all()  # across, between the heights 2 and 4; more than half covered
    assert (grey[5:9, 8:10] < 128).all()  # then down
    assert (grey[6:, :6] == 255).all()
    assert (grey[:, :1] == 255).all()


def test_an_image_is_enlarged_without_blurring() -> None:
    picture = Picture(6, 5, WHITE)
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    picture.image(1, 1, 4, 4, pixels)
    drawn = picture.array()
    assert np.array_equal(drawn[1:5, 1:5], pixels.repeat(2, 0).repeat(2, 1))
    assert (drawn[0] == 255).all()
    assert (drawn[:, [0, 5]] == 255).all()
