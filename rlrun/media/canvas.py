"""Drawing shapes and text into images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rlrun.core.types import Array

Colour: TypeAlias = tuple[int, int, int]


@lru_cache(maxsize=64)  # loading a font takes longer than writing a word
def _font(size: float) -> Any:
    return ImageFont.load_default(size)


class Picture:
    """Shapes and text on a coloured background, in pixels; the origin is at the top left."""

    _FINE = 3  # factor of supersampling: Pillow's shapes have jagged edges

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self._image = Image.new("RGB", (width * self._FINE, height * self._FINE), colour)
        self._pen = ImageDraw.Draw(self._image)

    def box(
        self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0
    ) -> None:
        corners = [length * self._FINE for length in (x, y, x + width, y + height)]
        self._pen.rounded_rectangle(corners, radius * self._FINE, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.box(x - radius, y - radius, 2 * radius, 2 * radius, colour, radius)

    def shape(self, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
        self._pen.polygon([(x * self._FINE, y * self._FINE) for x, y in corners], colour)

    def line(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """Draw a line through at least two points."""
        scaled = [(x * self._FINE, y * self._FINE) for x, y in points]
        self._pen.line(scaled, colour, round(width * self._FINE), joint="curve")

    def image(self, x: float, y: float, width: float, height: float, pixels: Array) -> None:
        """Draw ``pixels``, uint8 ``[row, column, colour]``, as large as a box, without blurring."""
        size = round(width * self._FINE), round(height * self._FINE)
        enlarged = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
        self._image.paste(enlarged, (round(x * self._FINE), round(y * self._FINE)))

    def text(
        self, x: float, y: float, words: str, size: float, colour: Colour, anchor: str = "mm"
    ) -> None:
        """Draw text at a point; ``anchor`` is Pillow's: ``mm`` centred, ``lm`` to its right."""
        font = _font(size * self._FINE)
        self._pen.text((x * self._FINE, y * self._FINE), words, colour, font, anchor)

    @staticmethod
    def width_of(words: str, size: float) -> float:
        """Return the width of a text in the size, in pixels."""
        return float(_font(100.0).getlength(words)) * size / 100

    def array(self) -> Array:
        """Return the image, uint8 ``[height, width, colour]``."""
        return np.array(self._image.reduce(self._FINE))
