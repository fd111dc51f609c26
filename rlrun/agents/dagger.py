"""DAgger: the expert says what it would do in the states the learner visits (Ross et al. 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.cloning import Clone, CloningSettings
from rlrun.core.fields import Count
from rlrun.core.schedules import due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.replay.demonstrations import Demonstrations, Label, Pairs


@dataclass(frozen=True, kw_only=True)
class DAggerSettings(CloningSettings):
    """The settings of `DAgger`."""

    n_steps: Count = 500
    """Steps of each environment between two fits."""
    updates: Count = 500
    """Number of updates in a fit."""


class DAgger:
    """Aggregate the expert's actions in visited states with its episodes, and fit a policy again.

    The first fit, of the demonstrations alone, is at the first step; the learner acts from then on
    (beta is 1 in the first iteration and 0 in all others, as in the paper's experiments). Each step
    asks the expert once. It acts by the likeliest actions, or the means.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[DAggerSettings]] = DAggerSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        demos: Demonstrations,
        expert: Label | None,
        settings: DAggerSettings,
    ) -> None:
        self._settings, self._stride = settings, spec.num_envs
        self._every = settings.n_steps * spec.num_envs
        self._clone = Clone(spec, seeds, horizon, device, demos, settings, self._every)
        self._demos, self._expert = demos, expert
        self._discrete = spec.action.kind != "vector"
        self.faults, self.networks = self._clone.faults, self._clone.actor.networks

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return the likeliest actions ``[seed, env, ...]``, or the means."""
        return self._clone.act(obs, legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Ask the expert, keep its actions, and fit the policy if it is time."""
        assert self._expert is not None  # there is one in training
        label = self._expert(t.obs, t.legal)
        self._demos.add(Pairs(t.obs, label, t.legal))
        metrics = {"train/disagreement": self._disagreement(t.action, label)}
        first = not self._clone.updates.any()
        return (
            {**metrics, **self._fit(step)}
            if first or due(step, self._every, self._stride)
            else metrics
        )

    def _disagreement(self, action: Array, label: Array) -> Array:
        """Return the share of actions unlike the expert's, ``[seed]``.

        Of continuous ones it is the mean squared distance.
        """
        lead = (*action.shape[:2], -1)
        own, other = action.reshape(lead), label.reshape(lead)
        unlike = (own != other).any(-1) if self._discrete else np.square(own - other).sum(-1)
        mean: Array = np.ascontiguousarray(unlike, np.float64).mean(-1)
        return mean

    def _fit(self, step: int) -> Metrics:
        """Do the updates of a fit; return the mean loss."""
        lr, losses, metrics = self._clone.lr(step), [], {}
        for _ in range(self._settings.updates):
            metrics = dict(self._clone.update(lr))
            losses.append(metrics["train/loss"])
        mean = sum(losses[1:], losses[0]) / len(losses)
        return {**metrics, "train/loss": mean, **self._clone.validation()}

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        return self._clone.actor.histograms()

    def state_dict(self) -> State:
        return self._clone.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._clone.load_state_dict(state)
