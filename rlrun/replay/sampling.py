"""Sampling strategies of a replay: uniform and prioritized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from rlrun.core.fields import Fraction, PerRow, Positive
from rlrun.core.rows import Number, column, power
from rlrun.core.types import Array, State
from rlrun.replay.sumtree import SumTree
from rlrun.replay.window import Window

LARGEST = 1e38  # priority: sums of these stay far below the largest float


class Draws(Protocol):
    """Uniform random numbers from one stream per seed (``rlrun.core.rng.Streams``)."""

    def uniform(self, count: int) -> Array:
        """Return ``[seed, count]`` numbers in [0, 1)."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Sampler(Protocol):
    """Draws places from one window, which `open` sets."""

    def open(self, num_seeds: int, window: Window) -> None:
        """Set the window to sample from, which must be empty."""
        ...

    def sample(self, size: int, step: int) -> tuple[Array, Array | None]:
        """Return places ``[seed, batch]`` and their importance weights; None if all are 1.

        ``step`` is the step of the run, for schedules.
        """
        ...

    def update(self, place: Array, error: Array) -> None:
        """Update priorities by the errors ``[seed, batch]`` of the last sample."""
        ...

    def priorities(self) -> Array | None:
        """Return the priorities ``[seed, n]`` of sampleable transitions; None if uniform."""
        ...

    def check_valid(self) -> tuple[bool, str]: ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state. Call this after restoring the window's time."""
        ...


class Uniform:
    """Uniform sampling with replacement.

    Args:
        draws: one stream of random numbers per seed.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def open(self, num_seeds: int, window: Window) -> None:
        self._window = window

    def sample(self, size: int, step: int) -> tuple[Array, Array | None]:
        number = (self._draws.uniform(size) * len(self._window)).astype(np.int64)
        return self._window.place(number), None

    def starts(self, size: int, steps: int) -> tuple[Array, Array]:
        """Return the first steps of sequences of so many steps, and their environments.

        Both are ``[seed, size]``; steps have numbers that count from the first one ever added.
        Raises ValueError if fewer are stored.
        """
        window = self._window
        stored = min(window.time, window.slots)
        if stored < steps:
            raise ValueError(f"{stored} steps are stored, and a sequence has {steps}")
        number = self._draws.uniform(size) * ((stored - steps + 1) * window.envs)
        first, env = np.divmod(number.astype(np.int64), window.envs)
        return window.time - stored + first, env

    def update(self, place: Array, error: Array) -> None:
        """Do nothing: uniform sampling has no priorities."""

    def priorities(self) -> None:
        return None

    def check_valid(self) -> tuple[bool, str]:
        return True, ""

    def state_dict(self) -> State:
        return {"draws": self._draws.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._draws.load_state_dict(state["draws"])


@dataclass(frozen=True, kw_only=True)
class PrioritizedSettings:
    """The settings of `Prioritized`."""

    alpha: PerRow[Fraction] = 0.6
    """0: uniform sampling, 1: in proportion to the errors."""
    beta: PerRow[Fraction] = 0.4
    """How much of that bias the importance weights correct at the start (1: all)."""
    beta_fraction: PerRow[Positive] = 1.0
    """Fraction of the run in which beta grows to 1, linearly."""
    priority: Literal["error", "loss"] = "error"
    """Priority of a transition: error (without sign) or loss (the squared error, weighted)."""
    epsilon: PerRow[Positive] = 1e-5
    """Added to that, so that every transition can be sampled."""


class Prioritized:
    """Proportional prioritized replay (Schaul et al. 2016, section 3.3).

    Transition i is drawn with P(i) = p_i^alpha / sum p^alpha, where p = |error| + epsilon, or
    weight error^2 + epsilon. Its weight in the loss is (N P(i))^-beta, divided by the largest
    weight in its seed's batch; N and the sum cancel. beta increases linearly to 1. New transitions
    get the largest priority that their seed has had so far (initially 1).

    New steps enter the tree at the next sample, many at once: nothing else changes priorities in
    between.

    Args:
        draws: one stream of random numbers per seed.
        horizon: the length of the run in steps.
        settings: the exponents, and how one of them changes.
    """

    def __init__(self, draws: Draws, horizon: int, settings: PrioritizedSettings) -> None:
        self._draws, self._alpha, self._epsilon = draws, settings.alpha, settings.epsilon
        self._beta, self._over = settings.beta, settings.beta_fraction * horizon
        self._by_loss = settings.priority == "loss"

    def open(self, num_seeds: int, window: Window) -> None:
        self._window = window
        self._tree = SumTree(num_seeds, window.length * window.envs)
        self._largest = np.ones((num_seeds, 1))  # largest priority p that each seed has had
        self._time = 0  # number of steps added to the tree

    def sample(self, size: int, step: int) -> tuple[Array, Array | None]:
        self._add_new()
        place, priority = self._tree.find(self._draws.uniform(size))
        weight = power(priority / priority.min(-1, keepdims=True), -self._exponent(step))
        self._weight = weight  # of the last sample
        return place, weight.astype(np.float32)

    def _exponent(self, step: int) -> Number:
        """Return beta at a step of the run, which may have begun long before this replay."""
        done: Number = np.minimum(1.0, step / self._over)
        return self._beta + (1.0 - self._beta) * done

    def update(self, place: Array, error: Array) -> None:
        """Set priorities from errors; a transition with a non-finite error counts as new."""
        self._add_new()
        size = np.abs(error, dtype=np.float64)
        if self._by_loss:
            size = self._weight * size**2
        priority = size + column(self._epsilon, 2)
        priority = np.where(priority < LARGEST, priority, self._largest)
        self._largest = np.maximum(self._largest, priority.max(-1, keepdims=True))
        self._tree.write(place, power(priority, self._alpha))

    def _add_new(self) -> None:
        """Give new steps their priority, and slots that are overwritten next a priority of 0."""
        window, since = self._window, self._time
        if window.time == since:
            return
        for start, stop, priority in (
            (
                max(since, window.time - window.slots),
                window.time,
                power(self._largest, self._alpha),
            ),
            (window.time, window.time + window.spare, 0.0),
        ):
            for span in window.spans(start, stop):
                places = slice(span.start * window.envs, span.stop * window.envs)
                self._tree.fill(places, priority)
        self._time = window.time

    def priorities(self) -> Array:
        self._add_new()
        places = self._window.place(np.arange(len(self._window)))
        return self._tree.leaves[:, places]

    def check_valid(self) -> tuple[bool, str]:
        self._add_new()
        valid = np.sort(self._window.place(np.arange(len(self._window))))
        for leaves in self._tree.leaves:
            if not np.array_equal(np.flatnonzero(leaves), valid):
                return False, "the places with a priority are not exactly those that can be sampled"
        return self._tree.check_valid()

    def state_dict(self) -> State:
        self._add_new()
        return {
            "draws": self._draws.state_dict(),
            "priority": self._tree.leaves,
            "largest": self._largest,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state["largest"].shape != self._largest.shape:
            raise ValueError(
                f"the largest priorities are {list(state['largest'].shape)}, but must be "
                f"{list(self._largest.shape)}"
            )
        self._tree.load(state["priority"])
        self._largest = state["largest"].copy()
        self._time = self._window.time
        self._draws.load_state_dict(state["draws"])
