"""From what agents see to the rows of a table: every observation becomes a state number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Spec


class States:
    """State numbers of observations.

    Discrete observations are their own numbers; several discrete ones, and continuous ones that
    are cut into bins, are counted as digits are, the last one fastest. What lies beyond the
    outermost bins belongs to them.

    Raises:
        BadInput: the observations are continuous and the bins do not fit them.
    """

    def __init__(self, spec: Spec) -> None:
        self._kind = spec.obs.kind
        self._sizes = spec.obs.choices
        if self._kind == "vector":
            bins = _checked_bins(spec)
            self._sizes = tuple(count for _, _, count in bins)
            low, high, count = np.array(bins, np.float64).T
            self._low, self._scale, self._most = low, count / (high - low), count - 1
        self.count = math.prod(self._sizes)
        """How many states there are."""
        if self.count >= 2**62:
            raise BadInput(
                f"{spec.env_id} has {self.count:.3g} different observations, and a table needs a "
                "row for each: no memory holds that."
            )
        weights = [math.prod(self._sizes[i + 1 :]) for i in range(len(self._sizes))]
        self._weights = np.array(weights, np.float64 if self._kind == "vector" else np.int64)

    def __call__(self, obs: Array) -> Array:
        """``[seed, env]``, int64, for observations ``[seed, env, ...]``."""
        if self._kind == "discrete":
            return obs
        if self._kind == "multi_discrete":
            numbers: Array = (obs * self._weights).sum(-1)
            return numbers
        bins = np.floor((obs - self._low) * self._scale)
        state: Array = (np.clip(bins, 0, self._most) * self._weights).sum(-1).astype(np.int64)
        return state

    def name(self, state: int) -> str:
        """The state in words for people: its number, or its digits."""
        if len(self._sizes) == 1:
            return str(state)
        return ",".join(str(int(digit)) for digit in np.unravel_index(state, self._sizes))


def _checked_bins(spec: Spec) -> Sequence[tuple[float, float, int]]:
    numbers = spec.obs.shape[0]
    if spec.bins is None or len(spec.bins) != numbers:
        given = "none" if spec.bins is None else f"{len(spec.bins)}"
        raise BadInput(
            f"{spec.env_id} has {numbers} continuous observations: a table needs bins, "
            f"[from, to, how many], for each, and env.bins has {given}: write "
            f"'env.bins=[{','.join(['[-1,1,8]'] * min(numbers, 2))}{',...' * (numbers > 2)}]' "
            "with its ranges.",
            "env.bins",
        )
    return spec.bins
