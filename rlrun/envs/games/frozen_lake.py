"""FrozenLake of any size, on a random map."""

from __future__ import annotations

from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

from rlrun.envs.games.table import real

LARGEST = 100  # size of the lake


class FrozenLake(FrozenLakeEnv):
    """Gymnasium's FrozenLake on a random map of ``size`` rows and columns.

    Each cell but the start, at the top left, and the goal, at the bottom right, is ice with
    probability ``ice`` and else a hole; maps without a way to the goal are drawn again. The map is
    a function of ``size``, ``ice`` and ``map_seed``, the same for all seeds and episodes of a run.
    The registered time limit is 400 steps (``env.max_episode_steps``).

    Args:
        size: the number of rows and of columns.
        ice: the probability that a cell is ice.
        map_seed: the seed of the map.
        is_slippery: whether a move goes to either side instead, with probability 1/3 each.
        render_mode: as in Gymnasium.

    Raises:
        ValueError: ``size`` is not a whole number from 2 to 100, ``ice`` no probability of at least
            0.5, or the seed not a whole number of at least 0.
    """

    def __init__(
        self,
        size: int = 20,
        ice: float = 0.8,
        map_seed: int = 0,
        is_slippery: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if type(size) is not int or not 2 <= size <= LARGEST:
            raise ValueError(f"size must be a whole number from 2 to {LARGEST}, got {size!r}")
        if type(map_seed) is not int or map_seed < 0:
            raise ValueError(f"map_seed must be a whole number of at least 0, got {map_seed!r}")
        ice = real("ice", ice, 0.5, 1.0)  # with less a large lake has hardly ever a way
        drawn = generate_random_map(size, ice, map_seed)
        super().__init__(render_mode=render_mode, desc=drawn, is_slippery=is_slippery)
