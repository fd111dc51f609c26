"""PPO (Schulman et al. 2017); A2C (Mnih et al. 2016) is one unclipped update per rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.minibatches import Minibatch, Minibatches, rollout_to_batch
from rlrun.agents.parts.proximal import Proximal
from rlrun.agents.parts.sequences import sequence_length
from rlrun.agents.parts.settings import PolicyGradientSettings
from rlrun.core.fields import Count, Fraction, PerRow, Positive
from rlrun.core.memory import fits
from rlrun.core.rows import column
from rlrun.core.types import Array, Mask, SpaceKinds, Spec, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.device import Device
from rlrun.nets.parameters import Pieces, check_memory
from rlrun.nets.products import TORCH, Products
from rlrun.nets.recurrent_policy import RecurrentPolicyNet
from rlrun.replay.rollout import step_bytes

MemoryName: TypeAlias = Literal["none", "gru"]


@dataclass(frozen=True, kw_only=True)
class PPOSettings(PolicyGradientSettings):
    """The settings of `PPO`.

    With one epoch of one batch and without clipping it is A2C with Adam (Huang et al. 2022).
    """

    lr: PerRow[Positive] = 3e-4
    adam_epsilon: Positive = 1e-5
    n_steps: Count = 1024
    """Steps of each environment in a rollout."""
    epochs: Count = 10
    """Passes over each rollout."""
    batch_size: Count | None = 64
    """Steps in an update; must divide n_steps * env.num_envs (null: the whole rollout)."""
    trace_decay: PerRow[Fraction] = 0.95
    """Lambda of generalised advantage estimation: 0 uses the values, 1 the returns.

    Schulman et al. 2016.
    """
    clip: PerRow[Positive | None] = 0.2
    """Clipping range of the ratio of new to old probability around 1 (null: no clipping)."""
    clip_value: PerRow[Positive | None] = None
    """Largest change of a value in an update (null: no clipping)."""
    normalize_advantage: bool = True
    """Scale the advantages of a batch to mean 0 and variance 1."""
    target_kl: PerRow[Positive | None] = None
    """A seed stops learning from a rollout beyond 1.5 times this KL divergence (null: never).

    The divergence is estimated as in Schulman's "Approximating KL divergence" (2020).
    """
    max_grad_norm: PerRow[Positive | None] = 0.5
    normalize_reward: bool = False
    """Divide rewards by the standard deviation of their discounted sums."""
    memory: MemoryName = "none"
    """What policy and value remember of an episode: none, or gru (gated recurrent units).

    Cho et al. 2014. Then batches consist of sequences of consecutive steps: whole rollouts of an
    environment, or as many steps as a batch has, if these are fewer.
    """
    memory_units: Count = 64
    """Size of each of the two memories, a multiple of 4."""

    @property
    def implementation(self) -> str:
        """The class that learns with these settings, by import path."""
        if self.memory == "none":
            return "rlrun.agents.ppo:PPO"
        return "rlrun.agents.recurrent_ppo:RecurrentPPO"

    @property
    def sequence(self) -> int:
        """The steps of a sequence, with a memory."""
        return sequence_length(self.n_steps, self.batch_size)

    def recurrent_policy(self, spec: Spec, products: Products = TORCH) -> RecurrentPolicyNet:
        """Return the networks of policy and value, with memories."""
        style = self.style(products)
        return RecurrentPolicyNet(spec.obs, spec.action, self.hidden, self.memory_units, style)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the batches do not fill a rollout, or the memory is too small."""
        fits("n_steps", self.n_steps, num_seeds * spec.num_envs * step_bytes(spec))
        size, least = self.n_steps * spec.num_envs, 2 if self.normalize_advantage else 1
        if self.batch_size is not None and self.batch_size < least:
            raise ValueError(f"batch_size must be at least {least}, got {self.batch_size}")
        if self.batch_size is not None and size % self.batch_size:
            raise ValueError(
                f"batch_size must divide the {size} steps of a rollout (agent.n_steps times "
                f"env.num_envs), got {self.batch_size}"
            )
        if size < least:
            raise ValueError(f"n_steps times env.num_envs must be at least {least}, got {size}")
        self.check_policy(spec, num_seeds, value=True)
        if self.memory == "none":
            return
        length = self.sequence
        if self.n_steps % length or (self.batch_size or length) % length:
            raise ValueError(
                f"batch_size must be a multiple of n_steps ({self.n_steps}) with memory=gru, or a "
                f"divisor of it, got {self.batch_size}"
            )
        check_memory(num_seeds, self.recurrent_policy(spec).shapes)


class PPO(Proximal[StochasticActor]):
    """Proximal policy optimisation: several epochs of clipped updates on each rollout.

    Weights start orthogonal, with gain √2, 0.01 in the policy's last layer and 1 in the value's,
    biases at 0; the two networks share only the convolutions. Advantages are those of GAE;
    truncated episodes are bootstrapped from the value of their true last observation.
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
        net = s.policy(spec, device.products, value=True)
        actor = StochasticActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        batches = Minibatches(seeds, s.n_steps * spec.num_envs, s.batch_size, s.epochs)
        super().__init__(spec, seeds, horizon, device, s, curiosity, actor, batches)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``: samples of the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore, legal=legal)

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the estimated return of the policy, ``[seed, env]``."""
        value = self._actor.value(obs, legal)
        return value if self._rewards is None else value * self._rewards.unit

    def _collected(self, steps: Step) -> tuple[Minibatch, Array]:
        decay = column(self._settings.trace_decay, 3)
        return rollout_to_batch(self._actor, self._device, steps, decay)

    def _forward(self, pieces: Pieces, batch: Minibatch) -> tuple[list[Tensor], list[Any]]:
        return self._actor.net.forward(pieces, batch.obs)
