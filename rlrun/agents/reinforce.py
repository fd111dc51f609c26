"""REINFORCE (Williams 1992): the policy gradient from the returns of whole episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.chunks import Chunk, cut, joined, standardized_returns
from rlrun.agents.parts.common import LearningRate, record_nonfinite
from rlrun.agents.parts.settings import PolicyGradientSettings
from rlrun.core.fields import Count, NonNegative, PerRow
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.nets.products import unchecked
from rlrun.replay.episodes import Episode, Episodes
from rlrun.rules.policy_gradient import value_loss

TAGS = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss")


@dataclass(frozen=True, kw_only=True)
class ReinforceSettings(PolicyGradientSettings):
    """The settings of `Reinforce`."""

    episodes: Count = 10
    """Smallest number of episodes in an update.

    With several environments more may end in the same step.
    """
    baseline: bool = True
    """Learn the state's value and subtract it from the returns."""
    normalize_returns: bool = True
    """Scale returns minus baseline of an update to mean 0 and variance 1."""
    value_coef: PerRow[NonNegative] = 0.5
    """Weight of the baseline's squared error in the loss."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks do not fit the observations, or into the memory."""
        self.check_policy(spec, num_seeds, value=self.baseline)


class Reinforce:
    """The policy gradient from batches of whole episodes; a seed learns when its batch is full.

    Weights start as in PPO. A truncated episode's return is completed with the baseline's value of
    its true last observation, or 0 without a baseline. With several environments an episode can
    begin before an update and end after it; it is still used.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[ReinforceSettings]] = ReinforceSettings
    value: Callable[..., Array]
    """Returns the policy's estimated return, as `StochasticActor.value`; only with a baseline."""

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: ReinforceSettings,
    ) -> None:
        self._settings = s = settings
        net = s.policy(spec, device.products, value=s.baseline)
        self._actor = StochasticActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        if s.baseline:
            self.value = self._actor.value
        self.faults, self.networks = self._actor.faults, self._actor.networks
        self._episodes = Episodes(spec, len(seeds))
        self._optimizer = Optimizer(self._actor.params, s.method())
        self._lr = LearningRate(s.lr, s.lr_end, horizon, spec.num_envs)
        self._device, self._seeds = device, len(seeds)
        self._coefficients = [device.number(each, 2) for each in (s.entropy_coef, s.value_coef)]
        self._differentiate = device.differentiator(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self._losses = np.full((len(seeds), len(TAGS)), np.nan)  # [seed, tag], of the latest update
        self._rates = np.full(len(seeds), np.nan)  # [seed], likewise

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``: samples of the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore, legal=legal)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        return self._actor.histograms()

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; update the seeds that now have enough episodes.

        The metrics are those of each seed's latest update, at every step: a seed's metrics must not
        depend on when other seeds learn.
        """
        t = self._actor.normalize_step(t)
        bootstrap = np.zeros(t.last.shape)
        ended = t.last.any()
        if ended and self._settings.baseline:
            bootstrap = self._actor.value_of_normalized(t.next_obs).astype(np.float64)
        self._episodes.add(t, bootstrap)
        if ended:
            needed = self._settings.episodes
            ready = [s for s in range(len(t.last)) if self._episodes.ended(s) >= needed]
            if ready:
                self._update(ready, step)
        return {
            **{f"train/{tag}": self._losses[:, n].copy() for n, tag in enumerate(TAGS)},
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._rates.copy(),
        }

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._episodes.cut()

    def _update(self, positions: list[int], step: int) -> None:
        """Update the seeds at these positions; the others stay unchanged."""
        params = self._actor.params
        subset = Parameters(params.flat[positions], params.shapes)
        total, losses = torch.zeros_like(subset.flat), np.zeros((len(positions), len(TAGS)))
        into = subset.zeros_like()  # overwritten by each chunk
        batches = [self._episodes.drain(s) for s in positions]
        coefficients = [c[positions] if isinstance(c, Tensor) else c for c in self._coefficients]
        for chunk in self._chunks(batches, subset):
            numbers, gradient = self._differentiate(subset, into, chunk, *coefficients)
            total.add_(gradient)
            losses += self._device.array(numbers)
        record_nonfinite(self.faults, losses[:, -1], "the loss", positions)
        rates = [
            float(np.broadcast_to(self._lr(step, sum(len(e.reward) for e in each)), self._seeds)[s])
            for s, each in zip(positions, batches, strict=True)
        ]
        for lr in set(rates):  # an optimizer step has one learning rate
            rows = [n for n, rate in enumerate(rates) if rate == lr]
            gradients = torch.zeros_like(params.flat)
            updated = [positions[n] for n in rows]
            gradients[updated] = total[rows]
            others = {*range(len(gradients))} - set(updated)
            self._optimizer.step(gradients, lr, others | set(self.faults))
        self._rates[positions] = rates
        self._updates[positions] += 1
        self._losses[positions] = losses

    @unchecked()
    def _chunks(self, batches: list[list[Episode]], params: Parameters) -> list[Chunk]:
        """Return the steps of all episodes, padded to one length, in chunks."""
        steps, device = joined(batches), self._device
        obs_of = [device.tensor(each) for each in cut(steps.obs)]
        gain = steps.ret.copy()
        if self._settings.baseline:
            net = self._actor.net
            values = [device.array(net.value(params.pieces, each)) for each in obs_of]
            gain -= np.concatenate(values, 1)
        step_weight = np.zeros_like(gain)
        for row, length in enumerate(steps.lengths):
            if self._settings.normalize_returns:
                gain[row, :length] = standardized_returns(gain[row, :length])
            step_weight[row, :length] = 1 / length
        numbers = np.stack([gain, steps.ret, step_weight], -1).astype(np.float32)
        columns = [self._actor.flat_actions(steps.action), numbers]
        if steps.legal is not None:
            columns.append(steps.legal)
        chunks = zip(obs_of, *map(cut, columns), strict=True)
        return [Chunk(obs, *map(device.tensor, others)) for obs, *others in chunks]

    def _gradient(
        self,
        params: Parameters,
        gradient: Parameters,
        chunk: Chunk,
        entropy_coef: float | Tensor,
        value_coef: float | Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return a chunk's part of the losses ``[seed, tag]`` and of the gradient ``[seed, P]``.

        The coefficients are numbers, or ``[seed, 1]``.
        """
        net = self._actor.net
        pieces = self._device.cast_for_update(params.pieces)
        gain, ret, step_weight = chunk.numbers.unbind(-1)
        outs, saved = net.forward(pieces, chunk.obs)
        out = only_legal(outs[0], chunk.legal)
        now = net.distribution.of(out, net.distribution_pieces(params.pieces), chunk.action)
        grads = [
            net.distribution.backward(
                now.saved,
                -gain * step_weight,
                -entropy_coef * step_weight,
                net.distribution_pieces(gradient.pieces),
            )
        ]
        error = torch.zeros_like(ret)
        if self._settings.baseline:
            error, slope = value_loss(outs[1][..., 0], ret, ret, None)
            grads.append(torch.zeros_like(outs[1]))
            grads[1][..., 0] = slope * value_coef * step_weight
        net.backward(pieces, saved, grads, gradient.pieces)
        each = torch.stack([-gain * now.log_prob, error, -now.entropy], 1)
        losses = (each * step_weight.unsqueeze(1)).sum(-1)
        loss = losses[:, :1] + value_coef * losses[:, 1:2] + entropy_coef * losses[:, 2:3]
        return torch.cat([losses, loss], 1), gradient.flat

    def state_dict(self) -> State:
        return {
            **self._actor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "told": self._losses,
            "rates": self._rates,
            "episodes": self._episodes.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._actor.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._updates, state["updates"], "the number of updates")
        restore_into(self._losses, state["told"], "the latest losses")
        if "rates" in state:  # runs of version 0.1 saved none
            restore_into(self._rates, state["rates"], "the latest learning rates")
        self._episodes.load_state_dict(state["episodes"])
