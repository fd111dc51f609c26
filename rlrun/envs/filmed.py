"""A wrapper that passes a picture of every step to a callback."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np

from rlrun.core.types import Array

Film: TypeAlias = Callable[[Array], None]
"""Receives each frame, uint8 ``[height, width, 3]``, from an episode's start to its last step."""
ATARI_FPS = 60  # frames per second of the game itself
USUAL_FPS = 30


class Filmed(gym.Wrapper[Any, Any, Any, Any]):
    """Passes on the frames that an environment renders, or the images it observes if it cannot.

    The frame of a reset is passed on with the first step, so that an episode without steps leaves
    no frame.
    """

    def __init__(self, env: gym.Env[Any, Any], film: Film) -> None:
        super().__init__(env)
        for driver in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
            os.environ.setdefault(driver, "dummy")  # no window: pygame looks for a screen otherwise
        self._film = film
        self._first: Array | None = None

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self._first = self._picture(result[0])
        return result

    def step(self, action: Any) -> Any:
        if self._first is not None:
            self._film(self._first)
            self._first = None
        result = self.env.step(action)
        self._film(self._picture(result[0]))
        return result

    def _picture(self, obs: Any) -> Array:
        image = self.env.render() if self.env.render_mode == "rgb_array" else obs
        if image is None:
            raise ValueError("its render() returned no picture")
        return picture(np.asarray(image))


def picture(image: Array) -> Array:
    """Convert an image of any layout to uint8 ``[height, width, 3]``; always a copy.

    Grey images and those of one channel become RGB; of stacked frames the last one is taken.
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
    """Return the frames per second in an environment's metadata, or a default."""
    return float(metadata.get("render_fps") or USUAL_FPS)
