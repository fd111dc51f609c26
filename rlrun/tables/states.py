"""The numbering of states: from observations to the rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Spec


class States:
    """Maps observations to state numbers.

    A single discrete observation is its own number. Several discrete ones, and continuous ones
    divided into bins, are the digits of a mixed-radix number, the last one changing fastest. Values
    beyond the outermost bins belong to those bins.

    Raises:
        BadInput: the bins do not match continuous observations, or there are too many states.
    """

    def __init__(self, spec: Spec) -> None:
        self._kind = spec.obs.kind
        self._sizes = spec.obs.choices
        if self._kind == "vector":
            self._bins = Bins(spec)
            self._sizes = self._bins.sizes
        self.count = math.prod(self._sizes)
        """The number of states."""
        if self.count >= 2**62:
            raise BadInput(
                f"{spec.env_id} has {self.count:.3g} different observations: a table needs a row "
                "for each, which does not fit into any memory."
            )
        self._weights = place_values(self._sizes)

    def __call__(self, obs: Array) -> Array:
        """Return state numbers ``[seed, env]``, int64, of observations ``[seed, env, ...]``."""
        if self._kind == "discrete":
            return obs
        if self._kind == "multi_discrete":
            numbers: Array = (obs * self._weights).sum(-1)
            return numbers
        state: Array = (self._bins(obs) * self._weights).sum(-1).astype(np.int64)
        return state

    def name(self, state: int) -> str:
        """Return a readable name of a state: its number, or its digits."""
        if len(self._sizes) == 1:
            return str(state)
        return ",".join(str(int(digit)) for digit in np.unravel_index(state, self._sizes))


def place_values(sizes: Sequence[int]) -> Array:
    """Return the factors of the digits of a mixed-radix number, the last of which is 1.

    Digit i is below ``sizes[i]``; the sum of digits times factors is the number.
    """
    return np.array([math.prod(sizes[i + 1 :]) for i in range(len(sizes))], np.int64)


class Bins:
    """Divides each number of continuous observations into bins, by ``env.bins``.

    Args:
        spec: the environment.
        what: who needs the bins, for the message.

    Raises:
        BadInput: the bins do not match the observations.
    """

    def __init__(self, spec: Spec, what: str = "a table needs") -> None:
        bins = _checked_bins(spec, what)
        self.sizes = tuple(count for _, _, count in bins)
        low, high, count = np.array(bins, np.float64).T
        self._low, self._scale, self._most = low, count / (high - low), count - 1

    def __call__(self, obs: Array) -> Array:
        """Return the bin of each number, whole numbers as floats; beyond the outermost, those."""
        bins: Array = np.clip(np.floor((obs - self._low) * self._scale), 0, self._most)
        return bins


def _checked_bins(spec: Spec, what: str) -> Sequence[tuple[float, float, int]]:
    """Return the bins; raises BadInput unless there are some for each observation."""
    numbers = spec.obs.shape[0]
    if spec.bins is None or len(spec.bins) != numbers:
        actual = "none" if spec.bins is None else f"{len(spec.bins)}"
        raise BadInput(
            f"{spec.env_id} has {numbers} continuous observations: {what} bins, "
            f"[from, to, number of bins], for each, but env.bins has {actual}: write "
            f"'env.bins=[{','.join(['[-1,1,8]'] * min(numbers, 2))}{',...' * (numbers > 2)}]' "
            "with its ranges.",
            "env.bins",
        )
    return spec.bins
