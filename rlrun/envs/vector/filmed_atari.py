"""An Atari game that is filmed in its own colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rlrun.core.types import Array
from rlrun.envs.filmed import Film, picture
from rlrun.envs.vector.atari import Atari, AtariGrid


class FilmedAtari(AtariGrid):
    """One game that is filmed in its own colours and size.

    ALE's vector environment shows small grey images. A second one that begins with the same seeds
    and is given the same actions plays the same game, frame by frame, and shows it whole.
    """

    def __init__(self, atari: Atari, frame_stack: int, film: Film) -> None:
        super().__init__(atari, 1, frame_stack)
        own = ("img_height", "img_width", "grayscale")
        kwargs = {name: value for name, value in atari.kwargs.items() if name not in own}
        kwargs |= {"img_height": 210, "img_width": 160, "grayscale": False}
        self._shown = AtariGrid(dataclasses.replace(atari, kwargs=kwargs), 1, 1)
        self._film = film
        self._first: Array | None = None

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        if self._first is not None:
            self._film(self._first)
            self._first = None
        played, shown = super().step(actions), self._shown.step(actions)
        if not all((a == b).all() for a, b in zip(played[1:3], shown[1:3], strict=True)):
            raise RuntimeError("the game in colour is not the one that is played")
        self._film(picture(shown[0][0, 0]))
        return played

    def reset(
        self, *, seed: Sequence[int | None], options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        begun, shown = (
            super().reset(seed=seed, options=options),
            self._shown.reset(seed=seed, options=options),
        )
        self._first = picture(shown[0][0, 0])
        return begun

    def close(self) -> None:
        self._shown.close()
        super().close()
