"""Settings of PPO and A2C, with and without a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rlrun.agents.parts.settings import PolicyGradientSettings
from rlrun.core.fields import Count, Fraction, PerRow, Positive
from rlrun.core.memory import fits
from rlrun.core.types import Spec
from rlrun.nets.parameters import check_memory
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
        """Steps of a sequence, with a memory: of a rollout, or of a batch if that is smaller."""
        return self.n_steps if self.batch_size is None else min(self.n_steps, self.batch_size)

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
