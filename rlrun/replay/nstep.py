"""n-step returns (Sutton 1988), worked out when a batch is sampled."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array


def n_step(reward: Array, discount: Array, stop: Array) -> tuple[Array, Array, Array]:
    """The return of up to n steps, the factor of its bootstrap, and how far it reaches.

    Args:
        reward, discount: ``[..., n]``, the present step first.
        stop: ``[..., n]``, true where a step must not be looked past: an episode's last one, or
            the newest one stored.

    Returns:
        ``(returns, discounts, reach)``, each ``[...]``: the rewards summed up to the first stop
        (or all n), the product of their discounts, and the offset of the last step summed, whose
        own next observation is to be bootstrapped from.
    """
    n = reward.shape[-1]
    reach = np.where(stop.any(-1), stop.argmax(-1), n - 1)
    returns = reward[..., 0].copy()
    product = discount[..., 0].copy()
    for k in range(1, n):
        within = reach >= k
        returns += np.where(within, product * reward[..., k], 0)
        product *= np.where(within, discount[..., k], 1)
    return returns, product, reach
