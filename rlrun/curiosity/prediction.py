"""Bonuses that are the errors of predictors: what they have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from rlrun.core.fields import Count, Fraction, Natural, NonNegative, PerRow, Positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Metrics, Spec, State, Step
from rlrun.curiosity.coverage import Coverage
from rlrun.curiosity.scale import BonusScale, Whitening

LOSS = "train/predictor_loss"


@dataclass(frozen=True, kw_only=True)
class PredictionSettings:
    """The settings of every bonus that is the error of a predictor."""

    scale: PerRow[NonNegative] = 1.0
    """Bonus that equals one standard deviation of the discounted sums of bonuses."""
    lr: PerRow[Positive] = 3e-4
    """Learning rate of the predictor, whose optimizer is Adam."""
    hidden: tuple[Count, ...] = (256,)
    """Widths of the hidden layers; images and grids go through convolutions first."""
    features: Count = 64
    """Numbers that are predicted."""
    batch_size: Count = 256
    """Transitions of an update; what an agent learns from at once is divided into as many."""
    discount: PerRow[Fraction] = 0.99
    """Discount factor of bonuses, in their normalization and where they have their own values."""
    episodic: bool = False
    """Whether bonuses are added to the rewards of PPO and A2C, instead of having their own values.

    Their own values do not end with an episode (Burda et al. 2018). Other agents add them.
    """
    warm_up: Natural = 1000
    """Observations before the first bonus; the second half also begins their normalization."""


class Transitions(NamedTuple):
    """What a predictor sees; arrays ``[seed, batch, ...]``, observations whitened."""

    obs: Array
    action: Array
    next_obs: Array


class Predictor(Protocol):
    """Predicts something of a transition that becomes known; its error is the bonus."""

    def errors(self, t: Transitions) -> Array:
        """Return the errors ``[seed, batch]``, float64."""
        ...

    def update(self, t: Transitions, lr: Number, frozen: Collection[int]) -> dict[str, Array]:
        """Learn from one batch; return metrics ``[seed]``, among them `LOSS`."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class PredictionBonus:
    """A bonus of scale times the normalized error of a predictor.

    Errors are computed when a bonus is asked for, with the predictor as it is then. Their
    normalization, and that of observations, is updated with each observed step alone.
    """

    def __init__(
        self, spec: Spec, seeds: Sequence[int], predictor: Predictor, settings: PredictionSettings
    ) -> None:
        self._settings, self._predictor = settings, predictor
        self._whitening = Whitening(spec, len(seeds))
        self._scale = BonusScale(len(seeds), spec.num_envs, settings.discount)
        self._coverage = Coverage(spec, len(seeds))
        self._draws = Streams(seeds, Purpose.CURIOSITY)
        self._observed = 0
        self._frozen: set[int] = set()
        self.stream = None if settings.episodic else settings.discount
        self.faults: dict[int, str] = {}

    def observe(self, t: Step) -> None:
        """Add a step to the statistics of observations, and of errors after half the warm-up."""
        self._coverage.observe(t)
        still = {*self._frozen, *self.faults}
        self._whitening.add(t.next_obs, still)
        self._observed += t.reward.shape[1]
        if 2 * self._observed > self._settings.warm_up:
            self._scale.add(self._predictor.errors(self._transitions(t)), still)

    def bonus(self, t: Step) -> Array:
        if self._observed <= self._settings.warm_up:
            return np.zeros(t.reward.shape)
        normalized = self._scale(self._predictor.errors(self._transitions(t)))
        bonus: Array = column(self._settings.scale, 2) * normalized
        return bonus.reshape(t.reward.shape)

    def learn(self, t: Step) -> Metrics:
        """Update the predictor once for each batch of the transitions, in a random order."""
        found: list[dict[str, Array]] = []
        for batch in self._batches(self._transitions(t)):
            still = {*self._frozen, *self.faults}
            found.append(self._predictor.update(batch, self._settings.lr, still))
            self._record(found[-1][LOSS])
        means = {tag: np.mean([each[tag] for each in found], axis=0) for tag in found[0]}
        return {**means, **self._coverage.metrics}

    def _record(self, loss: Array) -> None:
        for position in np.flatnonzero(~np.isfinite(loss)).tolist():
            self.faults.setdefault(position, f"the loss of the curiosity is {loss[position]}")

    def _transitions(self, t: Step) -> Transitions:
        """Return the transitions ``[seed, ...]`` as one batch each, observations whitened."""
        lead, axes = (len(t.reward), t.reward[0].size), t.reward.ndim
        obs, action, next_obs = (
            each.reshape(*lead, *each.shape[axes:]) for each in (t.obs, t.action, t.next_obs)
        )
        return Transitions(self._whitening(obs), action, self._whitening(next_obs))

    def _batches(self, t: Transitions) -> Iterator[Transitions]:
        size, most = t.action.shape[1], self._settings.batch_size
        if size <= most:
            yield t
            return
        draws = self._draws.uniform(size)  # a view whose rows are not contiguous
        order, rows = np.ascontiguousarray(draws).argsort(-1), np.arange(len(draws))[:, None]
        for start in range(0, size, most):
            chosen = rows, order[:, start : start + most]
            yield Transitions(*(each[chosen] for each in t))

    def freeze(self, position: int) -> None:
        self._frozen.add(position)

    def state_dict(self) -> State:
        return {
            "predictor": self._predictor.state_dict(),
            "whitening": self._whitening.state_dict(),
            "scale": self._scale.state_dict(),
            "coverage": self._coverage.state_dict(),
            "draws": self._draws.state_dict(),
            "observed": np.full(len(self._scale.state_dict()["sum"]), self._observed),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._predictor.load_state_dict(state["predictor"])
        self._whitening.load_state_dict(state["whitening"])
        self._scale.load_state_dict(state["scale"])
        self._coverage.load_state_dict(state["coverage"])
        self._draws.load_state_dict(state["draws"])
        observed = np.zeros(len(state["observed"]), np.int64)
        restore_into(observed, state["observed"], "the number of observations")
        self._observed = int(observed[0])
