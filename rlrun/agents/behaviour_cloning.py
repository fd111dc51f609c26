"""Behavioural cloning: a policy learnt from demonstrations alone (Pomerleau 1991)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rlrun.agents.parts.cloning import Clone, CloningSettings
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.replay.demonstrations import Demonstrations

VALIDATE_EVERY = 100  # updates


class BehaviourCloning:
    """Fit a policy to an expert's actions; no environment is stepped except in evaluations.

    Each step of the clock is one update. The error of such a policy can grow with the square of the
    length of an episode, since its own states are not those of the expert (Ross and Bagnell 2010).
    It acts by the likeliest actions, or the means.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[CloningSettings]] = CloningSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        demos: Demonstrations,
        settings: CloningSettings,
    ) -> None:
        self._clone = Clone(spec, seeds, horizon, device, demos, settings, 1)
        self.faults, self.networks = self._clone.faults, self._clone.actor.networks

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return the likeliest actions ``[seed, env, ...]``, or the means."""
        return self._clone.act(obs, legal)

    def imitate(self, step: int) -> Metrics:
        """Do one update, and validate after every hundredth."""
        metrics = self._clone.update(self._clone.lr.of_update(step))
        return {**metrics, **self._clone.validation()} if step % VALIDATE_EVERY == 0 else metrics

    def learn(self, t: Step, step: int) -> Metrics:
        """Do one update: the step itself is not learnt from."""
        return self.imitate(step)

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
