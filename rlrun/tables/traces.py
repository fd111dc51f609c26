"""Eligibility traces: how much each weight, or each pair of a table, is moved by an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import Array, State

TraceKind: TypeAlias = Literal["replacing", "accumulating", "dutch"]


class TracedStep(NamedTuple):
    """A step of one environment of each of the ``n`` seeds to update.

    The value of its pair is Σ_i x_i w_i over the weights w with the indices ``active``.
    """

    seed: Array
    """``[n]``, their positions in the stack."""
    active: Array
    """``[n, active]``, within the weights of the seed."""
    x: Array
    """``[n, active]``; 1 in a table."""
    rate: Array
    """``[n, active]``, the step size of each weight relative to ``lr``; 1 in a table."""
    lr: Any
    """``[n]``, or one number."""
    frozen: Array | None
    """``[n]``, bool: the weights must not change; None if all may."""
    value: Array
    """``[n]``, the value of the pair."""
    target: Array
    """``[n]``, reward + discount · bootstrap."""
    bootstrap: Array
    """``[n]``, the value of the next state."""
    discount: Array
    """``[n]``; 0 at the end of an episode, truncated or not."""


class Traces:
    """Traces of each environment, ``[seed, env, weight]``.

    With the trace z and the step size α, a step moves the weights w towards its target:

    - replacing (Singh and Sutton 1996): z ← γλz, then z_i ← 1 where x_i is 1; w ← w + α δ z
    - accumulating: z ← γλz + x; w ← w + α δ z
    - dutch, true online TD(λ) (van Seijen et al. 2016): z ← γλz + (1 - αγλ z·x) x and
      w ← w + α (target - v) z + α (v - value) x, where v is what the step before bootstrapped from,
      the value of this state by the weights of that time

    With step sizes of each weight, x is multiplied by them, except in z·x.

    Args:
        num_envs: environments per seed.
        weights: number of each seed's weights.
        decay: lambda, or one for each row; 0 for no traces.
        kind: replacing (which needs features of 0 or 1), accumulating or dutch.
    """

    def __init__(
        self, num_seeds: int, num_envs: int, weights: int, decay: Number, kind: TraceKind
    ) -> None:
        self._decay, self._kind = np.broadcast_to(decay, num_seeds), kind
        self.used = bool(self._decay.any())
        """Whether there are traces."""
        grid = (num_seeds, num_envs)
        self.values: Array = np.zeros((*grid, weights if self.used else 0))
        """They are multiplied by gamma and lambda already, for the next step."""
        self._bootstrap = np.zeros(grid)  # of the latest step; without traces it is not used

    def move(self, weights: Array, env: int, t: TracedStep) -> Array:
        """Move ``weights [seed, weight]`` in proportion to their traces; return errors ``[n]``."""
        everyone = len(t.seed) == len(weights)  # then there is no need for copies
        seed: Any = slice(None) if everyone else t.seed
        rows = np.arange(len(t.seed))[:, None]
        at = t.seed[:, None], t.active
        error: Array = t.target - t.value
        trace = self.values[seed, env]  # [n, weight]
        towards, previous = error, self._bootstrap[seed, env]
        if self._kind == "replacing":
            trace[rows, t.active] = t.rate
        elif self._kind == "accumulating":
            trace[rows, t.active] += t.rate * t.x
        else:
            inner = (trace[rows, t.active] * t.x).sum(-1)
            trace[rows, t.active] += (1.0 - t.lr * inner)[:, None] * (t.rate * t.x)
            towards = t.target - previous
        weights[seed] += _change(t, towards) * trace
        if self._kind == "dutch":
            weights[at] += _change(t, previous - t.value) * (t.rate * t.x)
        self.values[seed, env] = self._decay[seed, None] * t.discount[:, None] * trace
        self._bootstrap[seed, env] = t.bootstrap
        return error

    def cut(self, where: Array | None = None) -> None:
        """Remove the traces, everywhere or in the environments of a mask ``[seed, env]``."""
        self.values[... if where is None else where] = 0.0

    def state_dict(self) -> State:
        bootstrap = {"bootstrap": self._bootstrap} if self.used and self._kind == "dutch" else {}
        return {"trace": self.values, **bootstrap}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, array in self.state_dict().items():
            restore_into(array, state[name], "the eligibility traces")


def _change(t: TracedStep, error: Array) -> Array:
    """Return the errors multiplied by the step sizes, 0 for frozen seeds, ``[n, 1]``."""
    change = t.lr * error
    return (change if t.frozen is None else np.where(t.frozen, 0.0, change))[:, None]
