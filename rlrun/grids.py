"""Which of the grids runs the environments: in this process, in others, or ALE's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from rlrun.async_grid import AsyncGrid
from rlrun.atari_grid import Atari, AtariGrid
from rlrun.film import Filmed, FilmedAtari
from rlrun.grid import Grid, How
from rlrun.spaces import adapt


def open_grid(
    make: Callable[[], gym.Env[Any, Any]] | Atari, num_envs: int, how: How
) -> Grid | AsyncGrid | AtariGrid:
    """``num_envs`` environments, run as ``how`` says; the one that is filmed in this process."""
    film = how.film
    if isinstance(make, Atari):
        if film is not None:
            return FilmedAtari(make, how.frame_stack, film)
        return AtariGrid(make, num_envs, how.frame_stack)
    if film is not None:
        return Grid([lambda: adapt(Filmed(make(), film), how.frame_stack)], how.rebuild)
    makers = [lambda: adapt(make(), how.frame_stack)] * num_envs
    if how.vector == "async":
        return AsyncGrid(makers, how.rebuild, how.timeout)
    return Grid(makers, how.rebuild)
