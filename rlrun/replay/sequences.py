"""A replay of sequences of consecutive steps, with the memory of the agent that took them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rlrun.core.memory import fits
from rlrun.core.types import Array, Spec
from rlrun.replay.bonuses import Bonus, bonuses
from rlrun.replay.nstep import n_step
from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Uniform
from rlrun.replay.sizes import storage_bytes


@dataclass(frozen=True)
class SequenceShape:
    """The parts of a sampled sequence, in steps."""

    burn_in: int
    """Steps that only bring the memory up to date (Kapturowski et al. 2019, section 3)."""
    length: int
    """Steps to learn from, which follow."""
    n_step: int
    """Steps of reward of each return; the last returns need n - 1 steps more."""

    @property
    def time(self) -> int:
        """Steps after the burn-in."""
        return self.length + self.n_step - 1

    @property
    def total(self) -> int:
        """All steps."""
        return self.burn_in + self.time


class Sequences(NamedTuple):
    """Sampled sequences; each array (or tensor) starts with ``[seed, sequence * time]``.

    ``time`` is the inner axis: that of the burn-in, of the steps after it, or of the steps to learn
    from.
    """

    memory: Any
    """The agent's memory before the burn-in, as it was, ``[seed, sequence, unit]``."""
    past_obs: Any
    """Observations of the burn-in."""
    past_first: Any
    """Where episodes begin in the burn-in."""
    obs: Any
    """Observations of the steps after it."""
    first: Any
    """Where episodes begin in them."""
    action: Any
    """Actions of the steps to learn from, and so on."""
    reward: Any
    """Their n-step returns, which end early at the end of an episode."""
    discount: Any
    """Factors applied to the values of ``next_obs``; 0 after a termination."""
    end: Any
    """Where in ``[sequence * time]`` of ``obs`` is the last step of each return."""
    next_obs: Any
    """The true successor of that step, never the observation after a reset."""
    next_legal: Any = None
    """Which actions are legal there; None if there are no masks."""


class SequenceReplay(Replay):
    """A `Replay` that stores the agent's memory before each step, and samples sequences.

    A sequence begins at any stored step with enough steps after it. It can contain the ends of
    episodes: all of its steps are real ones, and nothing is padded.

    Args:
        spec, num_seeds, capacity: those of `Replay`.
        sampler: draws where sequences begin.
        memory: numbers in the agent's memory of one environment.
    """

    def __init__(
        self, spec: Spec, num_seeds: int, sampler: Uniform, *, capacity: int, memory: int
    ) -> None:
        super().__init__(spec, num_seeds, sampler, capacity=capacity, memory=memory)
        self._starts = sampler.starts

    def sequences(
        self, size: int, shape: SequenceShape, *, bonus: Bonus | None = None
    ) -> Sequences:
        """Draw ``size`` sequences per seed, with replacement.

        A ``bonus`` is computed now, and added to each reward. Raises ValueError if fewer steps are
        stored than a sequence has.
        """
        first, env = self._starts(size, shape.total)
        steps = (first[..., None] + np.arange(shape.total)) % self._window.length
        row = steps * self._window.envs + env[..., None] + self._first[..., None]
        past, now = np.split(row, [shape.burn_in], axis=-1)  # [seed, sequence, time]
        reward, discount, reach = self._returns(now, shape.n_step, bonus)
        sequence, time = np.ogrid[:size, : shape.length]
        end = sequence * shape.time + time + reach
        end_row = _flat(np.take_along_axis(_flat(now), _flat(end), -1))
        begun = _flat(now[:, :, : shape.length])
        (past_obs, _), (obs, _), (_, next_obs) = (
            self._observations.pair(each, each) for each in (_flat(past), _flat(now), end_row)
        )
        return Sequences(
            memory=self._take("memory", row[..., 0]),
            past_obs=past_obs,
            past_first=self._take("first", _flat(past)),
            obs=obs,
            first=self._take("first", _flat(now)),
            action=self._take("action", begun),
            reward=_flat(reward),
            discount=_flat(discount),
            end=_flat(end),
            next_obs=next_obs,
            next_legal=self._take("next_legal", end_row) if "next_legal" in self._flat else None,
        )

    def _returns(self, row: Array, n: int, bonus: Bonus | None) -> tuple[Array, Array, Array]:
        """Return returns, discounts and their reach in steps, ``[seed, sequence, length]`` each.

        Rows are ``[seed, sequence, time]``.
        """
        reward = self._take("reward", row)
        if bonus is not None:
            reward = reward + bonuses(bonus, self._observations, self._flat, row)
        fields = reward, self._take("discount", row), self._take("last", row)
        return n_step(*(sliding_window_view(each, n, axis=-1) for each in fields))


def _flat(x: Array) -> Array:
    """Return ``x [seed, sequence, time]`` as ``[seed, sequence * time]``."""
    return x.reshape(len(x), -1)


def sequence_bytes(spec: Spec, num_seeds: int, capacity: int, memory: int) -> int:
    """Return the size of a full replay of sequences in bytes."""
    return num_seeds * storage_bytes(spec, capacity, memory)


def check_sequences(spec: Spec, num_seeds: int, capacity: int, memory: int, steps: int) -> None:
    """Raise ValueError if the capacity has no room for a sequence, or is too large for the memory.

    ``steps`` are those of a sequence.
    """
    if capacity < steps * spec.num_envs:
        raise ValueError(
            f"capacity must be at least {steps * spec.num_envs} (a sequence of {steps} steps of "
            f"each environment of a seed), got {capacity}"
        )
    fits("capacity", capacity, -(-sequence_bytes(spec, num_seeds, capacity, memory) // capacity))
