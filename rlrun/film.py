"""Environments that hand over a picture of every step."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np

from rlrun.atari_grid import Atari, AtariGrid
from rlrun.types import Array

Film: TypeAlias = Callable[[Array], None]
"""Is given each frame, uint8 ``[height, width, 3]``, from an episode's start to its last step."""
ATARI_FPS = 60  # frames of the game itself in a second
USUAL_FPS = 30


class Filmed(gym.Wrapper[Any, Any, Any, Any]):
    """An environment that is filmed: what it renders, or the images it observes if it cannot.

    The picture of a beginning is handed over with the first step: who resets only to reset leaves
    nothing.
    """

    def __init__(self, env: gym.Env[Any, Any], film: Film) -> None:
        super().__init__(env)
        for driver in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
            os.environ.setdefault(driver, "dummy")  # no window: pygame looks for a screen otherwise
        self._film = film
        self._first: Array | None = None

    def reset(self, **kwargs: Any) -> Any:
        begun = self.env.reset(**kwargs)
        self._first = self._picture(begun[0])
        return begun

    def step(self, action: Any) -> Any:
        if self._first is not None:
            self._film(self._first)
            self._first = None
        stepped = self.env.step(action)
        self._film(self._picture(stepped[0]))
        return stepped

    def _picture(self, obs: Any) -> Array:
        shown = self.env.render() if self.env.render_mode == "rgb_array" else obs
        if shown is None:
            raise ValueError("its render() returned no picture")
        return picture(np.asarray(shown))


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


def picture(image: Array) -> Array:
    """uint8 ``[height, width, 3]`` of an image of any layout; its own copy.

    Grey ones and those of one channel become colours, of stacked frames the last one is shown.
    """
    if image.ndim == 4:
        image = image[-1]
    if image.ndim == 3 and image.shape[-1] not in (1, 3, 4):
        image = np.moveaxis(image, 0, -1)
    if image.ndim == 2:
        image = image[..., None]
    colours = image[..., :3] if image.shape[-1] >= 3 else image[..., -1:].repeat(3, -1)
    return np.array(colours, np.uint8)


def fps_of(metadata: dict[str, Any]) -> float:
    """Steps in a second, as an environment's metadata say."""
    return float(metadata.get("render_fps") or USUAL_FPS)
