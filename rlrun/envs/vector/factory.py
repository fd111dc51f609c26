"""Which of the grids runs the environments: in this process, in others, or ALE's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from rlrun.envs.filmed import Filmed
from rlrun.envs.spaces import adapt
from rlrun.envs.vector.asynchronous import AsyncGrid
from rlrun.envs.vector.atari import Atari, AtariGrid
from rlrun.envs.vector.filmed_atari import FilmedAtari
from rlrun.envs.vector.sync import EnvOptions, SyncGrid


def open_grid(
    make: Callable[[], gym.Env[Any, Any]] | Atari, num_envs: int, how: EnvOptions
) -> SyncGrid | AsyncGrid | AtariGrid:
    """``num_envs`` environments, run as ``how`` says; the one that is filmed in this process."""
    film = how.film
    if isinstance(make, Atari):
        if film is not None:
            return FilmedAtari(make, how.frame_stack, film)
        return AtariGrid(make, num_envs, how.frame_stack)
    if film is not None:
        return SyncGrid(
            [lambda: adapt(Filmed(make(), film), how.frame_stack, how.obs)], how.rebuild
        )
    makers = [lambda: adapt(make(), how.frame_stack, how.obs)] * num_envs
    if how.vector == "async":
        return AsyncGrid(makers, how.rebuild, how.timeout, how.global_seed)
    return SyncGrid(makers, how.rebuild)
