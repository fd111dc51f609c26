"""What the outputs of the actors of several agents mean: choices or numbers.

Outputs are ``[..., width]``, with the width of the widest agent; so are actions as critics get
them: choices one-hot, and numbers in [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.rng import Normals, Purpose, Streams
from rlrun.core.types import Array, Mask, Spec, State
from rlrun.nets.device import Device
from rlrun.rules.actor_critic import smoothed
from rlrun.rules.gumbel import IMPOSSIBLE, one_hot, sampled, straight_through

Pullback: TypeAlias = Callable[[Tensor], Tensor]
"""Returns the gradient of an output, given that of the action made of it."""


STREAMS = ("acting", "learning", "warmup")
"""The random numbers of actions, by name."""


class JointActions(Protocol):
    """Turns outputs into actions, for acting and for critics."""

    width: int
    """Outputs of an actor, and numbers of an action as critics get it."""

    def act(self, out: Array, *, explore: bool, legal: Mask) -> Array:
        """Return actions ``[seed, env, agent, ...]`` of ``out [seed, env, agent, width]``.

        With ``explore`` there is noise.
        """
        ...

    def random(self, legal: Mask) -> Array:
        """Return uniformly random actions ``[seed, env, agent, ...]``."""
        ...

    def encoded(self, action: Tensor) -> Tensor:
        """Return actions ``[..., width]`` as critics get them, given those of a batch."""
        ...

    def target(self, out: Tensor, legal: Tensor | None) -> Tensor:
        """Return the actions of target actors, ``[seed, batch, agent, width]``."""
        ...

    def current(self, out: Tensor, legal: Tensor | None) -> tuple[Tensor, Pullback]:
        """Return the actions of actors, which gradients pass through, and how."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Warmup(Streams):
    """Uniform numbers for random actions, which only seeds that have not begun to learn use."""

    def __init__(self, spec: Spec, seeds: Sequence[int], width: int) -> None:
        super().__init__(seeds, Purpose.POLICY)
        self._shape = (len(seeds), spec.num_envs, len(spec.agents), width)

    def __call__(self) -> Array:
        """Return numbers in [0, 1), ``[seed, env, agent, width]``."""
        return self.uniform(math.prod(self._shape[1:])).reshape(self._shape)


class Choices:
    """One of several choices, sampled from the softmax of the outputs; the targets' is the best.

    Gradients pass through samples (``rlrun.rules.gumbel``).
    """

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, temperature: float | Tensor
    ) -> None:
        self.width = spec.action.choices[0]
        self._device, self._temperature = device, temperature
        self._acting, self._learning = (
            Streams(seeds, purpose) for purpose in (Purpose.EXPLORE, Purpose.NOISE)
        )
        self._warmup = Warmup(spec, seeds, self.width)

    def random(self, legal: Mask) -> Array:
        uniform = self._warmup()
        best: Array = (uniform if legal is None else np.where(legal, uniform, -1.0)).argmax(-1)
        return best

    def act(self, out: Array, *, explore: bool, legal: Mask) -> Array:
        logits = out if legal is None else np.where(legal, out, IMPOSSIBLE)
        if explore:  # the largest after Gumbel noise is a sample of the softmax
            uniform = self._acting.uniform(math.prod(out.shape[1:])).reshape(out.shape)
            logits = logits - np.log(-np.log(np.maximum(uniform, np.finfo(np.float64).tiny)))
        best: Array = logits.argmax(-1)
        return best

    def encoded(self, action: Tensor) -> Tensor:
        return functional.one_hot(action, self.width).float()

    def target(self, out: Tensor, legal: Tensor | None) -> Tensor:
        return one_hot(_possible(out, legal))

    def current(self, out: Tensor, legal: Tensor | None) -> tuple[Tensor, Pullback]:
        numbers = self._learning.uniform(math.prod(out.shape[1:])).astype(np.float32)
        uniform = self._device.tensor(np.ascontiguousarray(numbers)).view(out.shape)
        action, soft = sampled(_possible(out, legal), uniform, self._temperature)
        return action, lambda slope: straight_through(slope, soft, self._temperature)

    def state_dict(self) -> State:
        return {name: getattr(self, f"_{name}").state_dict() for name in STREAMS}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in STREAMS:
            getattr(self, f"_{name}").load_state_dict(state[name])


class Numbers:
    """Numbers tanh(output), to which normal noise is added for acting.

    Args:
        spec, seeds, device: those of the run.
        noise: the standard deviation of the noise for acting, one or ``[row]``.
        smoothing: deviation and clipping range of the noise on targets; None for none.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        device: Device,
        noise: Any,
        smoothing: Sequence[float | Tensor] | None,
    ) -> None:
        self.width = spec.action.shape[0]
        self._device, self._noise, self._smoothing = device, np.reshape(noise, (-1, 1)), smoothing
        self._acting, self._learning = (
            Normals(seeds, purpose) for purpose in (Purpose.EXPLORE, Purpose.NOISE)
        )
        self._warmup = Warmup(spec, seeds, self.width)

    def random(self, legal: Mask) -> Array:
        return np.asarray(2 * self._warmup() - 1, np.float32)

    def act(self, out: Array, *, explore: bool, legal: Mask) -> Array:
        action = np.tanh(out)
        if explore:
            normal = self._acting.normal(math.prod(out.shape[1:])) * self._noise
            action = action + normal.reshape(out.shape)
        return np.asarray(action.clip(-1, 1), np.float32)

    def encoded(self, action: Tensor) -> Tensor:
        return action

    def target(self, out: Tensor, legal: Tensor | None) -> Tensor:
        action = torch.tanh(out)
        if self._smoothing is None:
            return action
        normal = self._learning.normal(math.prod(out.shape[1:])).astype(np.float32)
        drawn = self._device.tensor(np.ascontiguousarray(normal)).view(out.shape)
        return smoothed(action, drawn, *self._smoothing)

    def current(self, out: Tensor, legal: Tensor | None) -> tuple[Tensor, Pullback]:
        action = torch.tanh(out)
        return action, lambda slope: slope * (1 - action * action)

    def state_dict(self) -> State:
        return {name: getattr(self, f"_{name}").state_dict() for name in STREAMS}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in STREAMS:
            getattr(self, f"_{name}").load_state_dict(state[name])


def _possible(out: Tensor, legal: Tensor | None) -> Tensor:
    return out if legal is None else out.masked_fill(~legal, IMPOSSIBLE)
