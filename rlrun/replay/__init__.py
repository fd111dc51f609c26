"""Experience replay. Imports numpy and ``rlrun.types`` only; networks never come near it."""

from __future__ import annotations

from collections.abc import Callable

from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Prioritized, Uniform
from rlrun.types import Draws, Spec


def uniform(spec: Spec, draws: Draws, seeds: int, *, capacity: int) -> Replay:
    """The newest ``capacity`` transitions of each seed, each as likely as the others."""
    return Replay(spec, seeds, Uniform(draws), capacity=capacity)


def prioritized(
    spec: Spec,
    draws: Draws,
    seeds: int,
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
    return Replay(spec, seeds, sampler, capacity=capacity)


REPLAY: dict[str, Callable[..., Replay]] = {"uniform": uniform, "prioritized": prioritized}
