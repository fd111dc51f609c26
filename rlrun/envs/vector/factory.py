"""The choice of the vector environment: in this process, in others, as arrays, or ALE's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium as gym

from rlrun.envs.adapt import adapt
from rlrun.envs.filmed import Filmed
from rlrun.envs.masks import Masked
from rlrun.envs.vector.arrays import ArrayGrid
from rlrun.envs.vector.asynchronous import AsyncGrid
from rlrun.envs.vector.atari import Atari, AtariGrid
from rlrun.envs.vector.filmed_atari import FilmedAtari
from rlrun.envs.vector.sync import EnvOptions, SyncGrid

Grid: TypeAlias = SyncGrid | ArrayGrid | AsyncGrid | AtariGrid


def open_grid(
    make: Callable[[], gym.Env[Any, Any]] | Atari, num_envs: int, options: EnvOptions
) -> Grid:
    """Open ``num_envs`` environments with ``options``; a filmed one is in this process."""
    film = options.film
    if isinstance(make, Atari):
        if film is not None:
            return FilmedAtari(make, options.frame_stack, film)
        return AtariGrid(make, num_envs, options.frame_stack)
    if options.vector == "arrays" and film is None:
        return ArrayGrid(make, num_envs)
    if film is not None:
        makers = [_maker(lambda: Filmed(make(), film), options)]
    else:
        makers = [_maker(make, options)] * num_envs
    if options.vector == "async" and film is None:
        return AsyncGrid(
            makers, options.rebuild, options.timeout, options.global_seed, masks=options.masks
        )
    return SyncGrid(makers, options.rebuild, options.masks)


def _maker(
    make: Callable[[], gym.Env[Any, Any]], options: EnvOptions
) -> Callable[[], gym.Env[Any, Any]]:
    """Return a function that makes an environment as agents observe it."""

    def adapted() -> gym.Env[Any, Any]:
        env = adapt(make(), options.frame_stack, options.obs, options.last)
        return Masked(env) if options.masks else env

    return adapted
