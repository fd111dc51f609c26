"""The ranges of observed numbers, by which features scale them to [0, 1]."""

from __future__ import annotations

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Spec

LARGEST = 1e18  # bounds beyond it, such as the largest float32, say nothing about the observations


class Scale:
    """Scales observations from their ranges to [0, 1]; numbers outside are moved to the ends.

    The ranges are those of env.bins, or the bounds of the observation space.

    Raises:
        BadInput: the observations are discrete, or the ranges are not known.
    """

    def __init__(self, spec: Spec) -> None:
        if spec.obs.kind != "vector":
            raise BadInput(
                f"agent.features needs continuous observations, and those of {spec.env_id} are "
                f"{spec.obs.kind.replace('_', '-')}: write agent.features=null, for a table.",
                "agent.features",
            )
        low, high = np.array(_ranges(spec), np.float64).T
        self.low, self._factor = low, 1.0 / (high - low)
        self.numbers = len(low)
        """How many numbers an observation has."""

    def __call__(self, obs: Array) -> Array:
        """Return ``[..., number]``, in float64."""
        scaled = (obs - self.low) * self._factor
        inside: Array = np.minimum(np.maximum(scaled, 0.0), 1.0)
        return inside


def _ranges(spec: Spec) -> tuple[tuple[float, float], ...]:
    """Return the range of each observed number. Raises BadInput if it is not known."""
    numbers = spec.obs.shape[0]
    example = f"env.bins=[{','.join(['[-1,1,8]'] * min(numbers, 2))}{',...' * (numbers > 2)}]"
    if spec.bins is not None:
        if len(spec.bins) != numbers:
            raise BadInput(
                f"{spec.env_id} has {numbers} continuous observations, but env.bins has "
                f"{len(spec.bins)}: write '{example}' with their ranges.",
                "env.bins",
            )
        return tuple((low, high) for low, high, _ in spec.bins)
    wrong = [
        str(place + 1)
        for place, (low, high) in enumerate(spec.bounds)
        if not (max(-low, high) < LARGEST and low < high)
    ]
    if wrong:
        which = f"{'those' if len(wrong) > 1 else 'that'} at {', '.join(wrong[:5])}"
        more = ", ..." if len(wrong) > 5 else ""
        raise BadInput(
            f"agent.features needs the range of each of the {numbers} numbers that {spec.env_id} "
            f"has as observations, and its space has no bounds for {which}{more}: write "
            f"'{example}' with their ranges; how many bins does not matter.",
            "env.bins",
        )
    return spec.bounds
