"""PPO (Schulman et al. 2017); A2C (Mnih et al. 2016) is one unclipped update per rollout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.minibatches import (
    BonusStream,
    Minibatch,
    Minibatches,
    rollout_to_batch,
)
from rlrun.agents.parts.ppo_settings import PPOSettings
from rlrun.agents.parts.proximal import Proximal
from rlrun.core.rows import column
from rlrun.core.types import Array, Mask, SpaceKinds, Spec, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.device import Device
from rlrun.nets.parameters import Pieces


class PPO(Proximal[StochasticActor]):
    """Proximal policy optimisation: several epochs of clipped updates on each rollout.

    Weights start orthogonal, with gain √2, 0.01 in the policy's last layer and 1 in the value's,
    biases at 0; the two networks share only the convolutions. Advantages are those of GAE;
    truncated episodes are bootstrapped from the value of their true last observation. Bonuses of a
    curiosity that asks for it have their own values, which do not end with an episode: the value
    network then has a second output, and both advantages are added (Burda et al. 2018).
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[PPOSettings]] = PPOSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: PPOSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        s = settings
        two = curiosity is not None and curiosity.stream is not None
        net = s.policy(spec, device.products, value=True, values=1 + two)
        actor = StochasticActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        batches = Minibatches(seeds, s.n_steps * spec.num_envs, s.batch_size, s.epochs)
        given = spec, seeds, horizon, device, s, curiosity
        super().__init__(*given, actor, batches, two_values=two)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``: samples of the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore, legal=legal)

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the estimated return of the policy, ``[seed, env]``."""
        value = self._actor.value(obs, legal)
        return value if self._rewards is None else value * self._rewards.unit

    def _collected(self, steps: Step, stream: BonusStream | None) -> tuple[Minibatch, Array]:
        decay = column(self._settings.trace_decay, 3)
        return rollout_to_batch(self._actor, self._device, steps, decay, stream)

    def _forward(self, pieces: Pieces, batch: Minibatch) -> tuple[list[Tensor], list[Any]]:
        return self._actor.net.forward(pieces, batch.obs)
