"""Experience replay. Imports numpy and ``rlrun.core.types`` only; networks never come near it."""

from __future__ import annotations

from collections.abc import Callable

from rlrun.core.types import Draws, Spec
from rlrun.replay.ring import Replay, storage_bytes, window_of
from rlrun.replay.sampling import Prioritized, Uniform
from rlrun.replay.sumtree import tree_bytes


def uniform(spec: Spec, draws: Draws, num_seeds: int, *, capacity: int) -> Replay:
    """The newest ``capacity`` transitions of each seed, each as likely as the others."""
    return Replay(spec, num_seeds, Uniform(draws), capacity=capacity)


def prioritized(
    spec: Spec,
    draws: Draws,
    num_seeds: int,
    horizon: int,
    *,
    capacity: int,
    alpha: float,
    beta: float,
    beta_fraction: float,
    epsilon: float,
) -> Replay:
    """The newest ``capacity`` transitions of each seed, surprising ones more often."""
    sampler = Prioritized(
        draws, horizon, alpha=alpha, beta=beta, beta_fraction=beta_fraction, epsilon=epsilon
    )
    return Replay(spec, num_seeds, sampler, capacity=capacity)


REPLAY: dict[str, Callable[..., Replay]] = {"uniform": uniform, "prioritized": prioritized}


def bytes_needed(name: str, spec: Spec, num_seeds: int, capacity: int) -> int:
    """What the replay of that name takes once it is full, with all that belongs to it.

    Raises ValueError where the capacity is too small for a replay.
    """
    tree = 0
    if name == "prioritized":
        window = window_of(spec, capacity)
        tree = tree_bytes(window.length * window.envs)
    return num_seeds * (storage_bytes(spec, capacity) + tree)
