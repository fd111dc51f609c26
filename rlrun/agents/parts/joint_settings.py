"""The settings of actor-critics of several agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlrun.agents.parts.settings import OffPolicySettings
from rlrun.core.fields import OFF_AT_0, Count, Natural, NonNegative, PerRow, Positive, Share
from rlrun.core.types import Space, Spec
from rlrun.nets.actor_critic import ActorNet, CriticNet
from rlrun.nets.method import Method
from rlrun.nets.parameters import check_memory
from rlrun.nets.products import TORCH, Products


@dataclass(frozen=True, kw_only=True)
class MADDPGSettings(OffPolicySettings):
    """The settings of `MADDPG`.

    Twin critics, ``actor_every=2`` and noise on the target's actions make it MATD3.
    """

    actor_lr: PerRow[Positive | None] = None
    """The actors' learning rate, which decays in the same proportion (null: lr)."""
    batch_size: Count = 1024
    """Steps of all agents in an update."""
    learning_starts: Natural = 1024
    """Steps (or episodes) before the first update; until then actions are uniformly random."""
    train_every: Count = 25
    tau: PerRow[Share] = 0.01
    """Step of the target networks towards the online ones at each actor update (1: a copy)."""
    independent: bool = False
    """Critics of each agent's own observations and actions, as DDPG alone has, not of all."""
    twin: bool = False
    """Use two critics for each agent and take the smaller of their values."""
    actor_every: Count = 1
    """Critic updates per update of the actors and of the target networks."""
    target_noise: Annotated[PerRow[NonNegative], OFF_AT_0] = 0.0
    """Standard deviation of noise on the targets' continuous actions (0: none)."""
    target_noise_clip: PerRow[NonNegative] = 0.5
    """Clipping range of that noise, on both sides of 0."""
    noise: PerRow[NonNegative] = 0.1
    """Standard deviation of the noise on continuous actions; choices are sampled."""
    temperature: PerRow[Positive] = 1.0
    """Temperature of the Gumbel-softmax that the gradients of choices pass through."""
    logit_penalty: PerRow[NonNegative] = 1e-3
    """Weight of the actors' mean squared outputs in their loss."""
    max_grad_norm: Positive | None = 0.5
    """Largest norm of the gradient of one agent's actor, or of its critics (null: not clipped)."""

    def actor(self, spec: Spec, width: int, products: Products = TORCH) -> ActorNet:
        """Return the actor of one agent, with so many outputs."""
        return ActorNet(spec.obs, self.hidden, width, style=self.style(products))

    def critic(self, spec: Spec, width: int, products: Products = TORCH) -> CriticNet:
        """Return the critic of one agent, whose actions have so many numbers."""
        agents = 1 if self.independent else len(spec.agents)
        obs = Space("vector", (agents * spec.obs.shape[0],))
        return CriticNet(obs, agents * width, self.hidden, style=self.style(products))

    def optimizer_method(self) -> Method:
        """Return how the optimizers move weights; gradients are clipped for each agent before."""
        decay, value = self.weight_decay, self.max_grad_value
        return Method(self.optimizer, self.adam_epsilon, self.amsgrad, decay, None, value)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        self.check_inputs(spec, num_seeds)
        width = spec.action.choices[0] if spec.action.choices else spec.action.shape[0]
        actors = (self.actor(spec, width).shapes,) * len(spec.agents)
        critics = (self.critic(spec, width).shapes,) * (len(spec.agents) * (1 + self.twin))
        check_memory(num_seeds, *actors, *critics)
