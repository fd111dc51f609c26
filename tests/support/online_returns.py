"""The online λ-return algorithm (Sutton and Barto 2018, section 12.3), by its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rlrun.core.types import Array


class Visit(NamedTuple):
    """One step of an episode."""

    x: Array
    """``[weight]``, the features of its pair."""
    step_size: Array
    """``[weight]``."""
    reward: float
    discount: float
    bootstrap: Callable[[Array], float]
    """From weights to the value of the next state."""


def online_lambda_return(weights: Array, episode: list[Visit], decay: float) -> Array:
    """Return the weights after an episode.

    At every step all updates of the episode are done again from its first weights, each towards
    the λ-return that ends at the latest step.
    """
    latest, values = weights, []
    for horizon in range(1, len(episode) + 1):
        values.append(episode[horizon - 1].bootstrap(latest))
        redone = weights.copy()
        for k in range(horizon):
            target = values[-1]
            for j in reversed(range(k, horizon)):
                mixed = target if j == horizon - 1 else (1 - decay) * values[j] + decay * target
                target = episode[j].reward + episode[j].discount * mixed
            x = episode[k].x
            redone += episode[k].step_size * (target - redone @ x) * x
        latest = redone
    return np.asarray(latest)
