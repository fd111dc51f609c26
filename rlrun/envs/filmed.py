"""Environments that hand over a picture of every step."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np

from rlrun.core.types import Array

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
