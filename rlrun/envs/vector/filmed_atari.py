"""Filming of an Atari game in its own colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rlrun.core.types import Array
from rlrun.envs.filmed import Film, picture
from rlrun.envs.vector.atari import Atari, AtariGrid


class FilmedAtari(AtariGrid):
    """One game that is filmed in its own colours and size.

    ALE's vector environment returns small grey images. A second one with the same seeds and the
    same actions plays the same game, frame by frame, and returns images in full colour and size.
    """

    def __init__(self, atari: Atari, frame_stack: int, film: Film) -> None:
        super().__init__(atari, 1, frame_stack)
        replaced = ("img_height", "img_width", "grayscale")
        kwargs = {name: value for name, value in atari.kwargs.items() if name not in replaced}
        kwargs |= {"img_height": 210, "img_width": 160, "grayscale": False}
        self._colour_game = AtariGrid(dataclasses.replace(atari, kwargs=kwargs), 1, 1)
        self._film = film
        self._first: Array | None = None

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        if self._first is not None:
            self._film(self._first)
            self._first = None
        played, colour = super().step(actions), self._colour_game.step(actions)
        if not all((a == b).all() for a, b in zip(played[1:3], colour[1:3], strict=True)):
            raise RuntimeError("the game in colour differs from the game that is played")
        self._film(picture(colour[0][0, 0]))
        return played

    def reset(
        self, *, seed: Sequence[int | None], options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        result, colour = (
            super().reset(seed=seed, options=options),
            self._colour_game.reset(seed=seed, options=options),
        )
        self._first = picture(colour[0][0, 0])
        return result

    def close(self) -> None:
        self._colour_game.close()
        super().close()
