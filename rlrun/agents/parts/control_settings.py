"""The settings of the agents for continuous actions: DDPG, TD3 and SAC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from rlrun.agents.parts.settings import ActorCriticSettings
from rlrun.core.fields import OFF_AT_0, Count, NonNegative, PerRow, Positive, Share
from rlrun.core.types import Spec
from rlrun.nets.actor_critic import ActorNet
from rlrun.nets.parameters import check_memory
from rlrun.nets.products import TORCH, Products


@dataclass(frozen=True, kw_only=True)
class DDPGSettings(ActorCriticSettings):
    """The settings of `rlrun.agents.ddpg.DDPG`.

    Twin critics, ``actor_every=2`` and noise on the target's action make it TD3.
    """

    actor_lr: PerRow[Positive | None] = None
    """The actor's learning rate, which decays in the same proportion (null: lr)."""
    tau: PerRow[Share] = 0.005
    """Step of the target networks towards the online ones at each actor update (1: a copy)."""
    twin: bool = False
    """Use two critics and take the smaller of their values (Fujimoto et al. 2018)."""
    actor_every: Count = 1
    """Critic updates per update of the actor and of the target networks."""
    target_noise: Annotated[PerRow[NonNegative], OFF_AT_0] = 0.0
    """Standard deviation of noise on the target's action (0: none)."""
    target_noise_clip: PerRow[NonNegative] = 0.5
    """Clipping range of that noise, on both sides of 0."""
    max_grad_norm: PerRow[Positive | None] = 1.0

    def actor(self, spec: Spec, products: Products = TORCH) -> ActorNet:
        """Return the actor's network for the spaces of ``spec``."""
        return self.actor_net(spec, math.prod(spec.action.shape), products)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        self.check_inputs(spec, num_seeds)
        critics = (self.critic(spec).shapes,) * (1 + self.twin)
        check_memory(num_seeds, self.actor(spec).shapes, *critics)


@dataclass(frozen=True, kw_only=True)
class SACSettings(ActorCriticSettings):
    """The settings of `rlrun.agents.sac.SAC`.

    Actor, critics and temperature share the learning rate ``lr``.
    """

    tau: PerRow[Share] = 0.005
    """Step of the target critics towards the online ones at each update (1: a copy)."""
    ent_coef: PerRow[NonNegative | None] = None
    """Temperature, the weight of the entropy (null: learnt, from 1 on).

    Learning it is section 5 of "Soft actor-critic algorithms and applications" (Haarnoja et al.
    2018b).
    """
    target_entropy: PerRow[float | None] = None
    """Entropy that a learnt temperature aims at (null: minus the action's dimension)."""

    def actor(self, spec: Spec, products: Products = TORCH) -> ActorNet:
        """Return the actor's network; outputs are means and logarithms of standard deviations."""
        return self.actor_net(spec, 2 * math.prod(spec.action.shape), products)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        self.check_inputs(spec, num_seeds)
        check_memory(num_seeds, self.actor(spec).shapes, *(self.critic(spec).shapes,) * 2)
