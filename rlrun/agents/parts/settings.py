"""Settings that several agents share; an agent's own settings are in its file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from rlrun.core.fields import OFF_AT_0, Count, Natural, NonNegative, PerRow, Positive, Share
from rlrun.core.memory import fits
from rlrun.core.types import Spec
from rlrun.explore.policies import ScheduleClock
from rlrun.nets.actor_critic import ActionLayer, ActorNet, CriticNet
from rlrun.nets.method import Method, OptimizerName
from rlrun.nets.norm import Norm, NormKind, Place
from rlrun.nets.parameters import check_memory
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.products import TORCH, Products
from rlrun.nets.style import Activation, Init, Style
from rlrun.replay.rollout import step_bytes


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The settings of agents with networks."""

    lr: PerRow[Positive] = 1e-3
    """Learning rate at the start."""
    lr_end: PerRow[NonNegative | None] = None
    """Its value at the end of the run, reached linearly (null: constant).

    Each update uses the rate of the step at which the collection of its data began; without an
    environment update k uses that of k - 1.
    """
    hidden: tuple[Count, ...] = (64, 64)
    """Widths of each network's hidden layers; images and grids go through convolutions first."""
    activation: Activation = "relu"
    """Activation of the hidden layers: relu, tanh or elu."""
    init: Init = "torch"
    """Initial weights: torch (uniform ±1/√fan_in), xavier or orthogonal.

    Glorot and Bengio 2010, Saxe et al. 2014.
    """
    init_bias: float | None = None
    """Initial biases (null: those of torch, or 0 with xavier and orthogonal)."""
    optimizer: OptimizerName = "adam"
    """Optimizer: adam, adamw, nadam, sgd or rmsprop.

    Kingma and Ba 2015, Loshchilov and Hutter 2019, Dozat 2016, and RMSprop of Tieleman and Hinton
    2012, each with the constants of torch.
    """
    adam_epsilon: Positive = 1e-8
    """Epsilon of the optimizer, added to the root of the mean square."""
    amsgrad: bool = False
    """Use the largest mean square so far, with adam or adamw (Reddi et al. 2018)."""
    weight_decay: Annotated[PerRow[NonNegative], OFF_AT_0] = 0.0
    """Weight decay (0: none); adamw decays the weights directly, the others by the gradient."""
    max_grad_value: PerRow[Positive | None] = None
    """Clipping range of each number of a gradient, on both sides of 0 (null: not clipped)."""
    max_grad_norm: PerRow[Positive | None] = None
    """Largest norm of a seed's gradient (null: not clipped)."""

    def __post_init__(self) -> None:
        if self.amsgrad and self.optimizer not in ("adam", "adamw"):
            raise ValueError(f"amsgrad needs optimizer=adam or adamw, got {self.optimizer}")

    def style(self, products: Products) -> Style:
        """Return the activation, the initial weights and the products of the networks."""
        return Style(self.activation, self.init, self.init_bias, products)

    def method(self) -> Method:
        """Return how the optimizer moves weights."""
        return Method(
            self.optimizer,
            self.adam_epsilon,
            self.amsgrad,
            self.weight_decay,
            self.max_grad_norm,
            self.max_grad_value,
        )


@dataclass(frozen=True, kw_only=True)
class OffPolicySettings(NetworkSettings):
    """The settings of agents with networks that learn from a replay.

    All numbers of steps are environment steps of each seed. In a run that learns from data, without
    an environment, each step of the clock is one update: ``learning_starts``, ``learning_clock``,
    ``train_every`` and ``gradient_steps`` have no effect there.
    """

    batch_size: Count = 256
    """Transitions of each seed in an update."""
    learning_starts: Natural = 1000
    """Steps (or episodes) before the first update."""
    learning_clock: ScheduleClock = "steps"
    """steps or episodes, which learning_starts counts; each seed counts its own episodes."""
    train_every: Count = 1
    """Steps between updates."""
    gradient_steps: Count = 1
    """Number of updates each time."""
    tau: PerRow[Share] = 0.005
    """Step of the target networks towards the online ones when they are updated (1: a copy)."""
    n_step: Count = 1
    """Steps of reward summed before the bootstrap (Sutton 1988)."""
    independent: bool = False
    """Train one for each of several agents; to each the others are part of the environment."""

    def check_inputs(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if a batch does not fit into the memory."""
        fits("batch_size", self.batch_size, num_seeds * step_bytes(spec))


@dataclass(frozen=True, kw_only=True)
class ActorCriticSettings(OffPolicySettings):
    """The settings of agents with an actor and critics, for continuous actions."""

    action_layer: ActionLayer = 1
    """The critic's layer that takes the action: 1, or 2 as in Lillicrap et al. (2016)."""
    norm: NormKind | None = None
    """Normalization of the hidden layers: layer or batch (null: none).

    "layer" is that of Ba et al. (2016), "batch" that of Ioffe and Szegedy (2015).
    """
    norm_at: Place = "before"
    """Where norm is: before or after the activation."""
    norm_obs: bool = False
    """Use norm on the observations too."""
    norm_critic: Literal["all", "trunk"] = "all"
    """The critic's layers with norm: all, or trunk (only those before action_layer)."""
    learning_starts: Natural = 1000
    """Steps (or episodes) before the first update; until then actions are uniformly random."""
    weight_decay: Annotated[PerRow[NonNegative], OFF_AT_0] = 0.0
    """Weight decay of the critics (0: none); adamw decays weights, the others by the gradient."""
    max_grad_value: PerRow[Positive | None] = None
    """Clipping range of each number of the critics' gradient (null: not clipped)."""
    max_grad_norm: PerRow[Positive | None] = None
    """Largest norm of the gradient of a seed's critics (null: not clipped)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm and not self.hidden:
            raise ValueError(f"norm is {self.norm}, but there is no hidden layer to normalize")
        if self.norm == "batch" and self.batch_size < 2:
            raise ValueError("batch_size must be at least 2 with norm=batch")
        if self.action_layer > len(self.hidden) + 1:
            raise ValueError(f"action_layer is {self.action_layer}, but there is no hidden layer")
        for name, usual in (("norm_at", "before"), ("norm_obs", False), ("norm_critic", "all")):
            if self.norm is None and getattr(self, name) != usual:
                raise ValueError(f"{name} needs norm=layer or norm=batch")
        if self.norm_critic == "trunk" and self.action_layer == 1 and not self.norm_obs:
            raise ValueError(
                "norm_critic=trunk leaves no layer of the critic with norm: write action_layer=2"
            )

    def check_inputs(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if a batch does not fit the memory, or norm_obs the observations."""
        super().check_inputs(spec, num_seeds)
        if self.norm_obs:
            _check_vectors("norm_obs", spec)
            if self.norm == "layer" and spec.obs.shape[0] < 3:
                raise ValueError(
                    f"norm_obs with norm=layer would hide the observations of {spec.env_id}, which "
                    "have fewer than 3 numbers: write norm=batch"
                )

    def actor_method(self) -> Method:
        """Return how the optimizer moves the actor's weights: neither decayed nor clipped."""
        return Method(self.optimizer, self.adam_epsilon, self.amsgrad)

    def critic(self, spec: Spec, products: Products = TORCH) -> CriticNet:
        """Return the network of one critic for the spaces of ``spec``."""
        size = math.prod(spec.action.shape)
        return CriticNet(
            spec.obs,
            size,
            self.hidden,
            action_layer=self.action_layer,
            norm=self._norm,
            style=self.style(products),
        )

    def actor_net(self, spec: Spec, outputs: int, products: Products) -> ActorNet:
        """Return the actor's network with so many outputs for the observations of ``spec``."""
        style = self.style(products)
        return ActorNet(spec.obs, self.hidden, outputs, norm=self._norm, style=style)

    @property
    def _norm(self) -> Norm | None:
        if self.norm is None:
            return None
        return Norm(self.norm, self.norm_at, self.norm_obs, self.norm_critic == "trunk")


@dataclass(frozen=True, kw_only=True)
class PolicyGradientSettings(NetworkSettings):
    """The settings of policy-gradient agents."""

    activation: Activation = "tanh"
    init: Init = "orthogonal"
    entropy_coef: PerRow[NonNegative] = 0.0
    """Weight of the entropy in the loss."""
    value_coef: PerRow[NonNegative] = 0.5
    """Weight of the values' squared error in the loss."""
    normalize_obs: bool = False
    """Scale observations to mean 0 and variance 1."""
    independent: bool = False
    """Train one for each of several agents; to each the others are part of the environment."""

    def policy(
        self, spec: Spec, products: Products = TORCH, *, value: bool, values: int = 1
    ) -> PolicyNet:
        """Return the networks of the policy and the values for the spaces of ``spec``."""
        style = self.style(products)
        return PolicyNet(spec.obs, spec.action, self.hidden, style, value=value, values=values)

    def check_policy(self, spec: Spec, num_seeds: int, *, value: bool) -> None:
        """Raise ValueError if the networks do not fit the observations, or into the memory."""
        if self.normalize_obs:
            _check_vectors("normalize_obs", spec)
        check_memory(num_seeds, self.policy(spec, value=value).shapes)


def _check_vectors(name: str, spec: Spec) -> None:
    if spec.obs.kind != "vector":
        raise ValueError(
            f"{name} only applies to vectors; the observations of {spec.env_id} are "
            f"{spec.obs.kind.replace('_', '-')}"
        )
