"""n-step returns (Sutton 1988), computed when a batch is sampled."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array


def n_step(reward: Array, discount: Array, stop: Array) -> tuple[Array, Array, Array]:
    """Compute returns of up to n steps, their bootstrap factors, and how far they reach.

    Args:
        reward, discount: ``[..., n]``, the current step first.
        stop: ``[..., n]``, true at steps that a return must not cross: the last one of an episode,
            or the newest one stored.

    Returns:
        ``(returns, discounts, reach)``, each ``[...]``: the rewards summed up to the first stop
        (or all n), the product of their discounts, and the offset of the last step summed, from
        whose next observation to bootstrap.
    """
    n, reach = reward.shape[-1], _reach(stop)
    returns = reward[..., 0].copy()
    product = discount[..., 0].copy()
    for k in range(1, n):
        within = reach >= k
        returns += np.where(within, product * reward[..., k], 0)
        product *= np.where(within, discount[..., k], 1)
    return returns, product, reach


def up_to_stop(place: Array, stop: Array) -> Array:
    """Return places ``[..., n]`` of steps, with those after the first stop replaced by its own."""
    offset = np.minimum(np.arange(place.shape[-1]), _reach(stop)[..., None])
    return np.take_along_axis(place, offset, -1)


def _reach(stop: Array) -> Array:
    reach: Array = np.where(stop.any(-1), stop.argmax(-1), stop.shape[-1] - 1)
    return reach
