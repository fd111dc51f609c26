"""REINFORCE (Williams 1992): whole episodes, and the returns that they really had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.chunks import Chunk, filled_up, standardized
from rlrun.agents.parts.common import LearningRate, exclude
from rlrun.core.checks import at_least, positive
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.adam import Adam
from rlrun.nets.dense import Activation
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters
from rlrun.replay.episodes import Episodes, Whole
from rlrun.rules.policy_gradient import value_loss
from rlrun.rules.tabular import returns

TAGS = ("policy_gradient_loss", "value_loss", "entropy_loss", "loss")
CHUNK = 256  # steps in one product: shapes stay the same, however long episodes are


class Reinforce:
    """The policy gradient from batches of whole episodes; each seed learns when it has enough.

    Weights start as in PPO. What a truncated episode would still have got is the baseline's value
    of its true last observation; without a baseline it is taken for nothing. With several
    environments an episode can begin before an update and end after it; it counts all the same.

    Args:
        spec, seeds, horizon, device: what the run is made of; ``horizon`` is its length in steps.
        lr: Adam's learning rate at the start.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        adam_epsilon: Adam's epsilon.
        hidden: widths of the hidden layers of each network; images and grids go through
            convolutions before.
        activation: after each hidden layer.
        episodes: how many an update takes at least; with several environments more may end at once.
        baseline: learn the state's value, and take it from the returns.
        normalize_returns: bring the returns of an update (less the baseline) to mean 0, variance 1.
        entropy_coef: what entropy is worth in the loss.
        value_coef: what the baseline's squared error counts in the loss.
        max_grad_norm: largest norm of a seed's gradient; None does not clip.
        normalize_obs: bring observations to mean 0 and variance 1.

    Raises:
        ValueError: a value is out of range.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    value: Callable[[Array], Array]
    """What the policy is believed to get, ``[seed, env]``; only there with a baseline."""

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        *,
        lr: float,
        lr_end: float | None,
        adam_epsilon: float,
        hidden: tuple[int, ...],
        activation: Activation,
        episodes: int,
        baseline: bool,
        normalize_returns: bool,
        entropy_coef: float,
        value_coef: float,
        max_grad_norm: float | None,
        normalize_obs: bool,
    ) -> None:
        positive(lr=lr, adam_epsilon=adam_epsilon, max_grad_norm=max_grad_norm)
        at_least(0, lr_end=lr_end, entropy_coef=entropy_coef, value_coef=value_coef)
        at_least(1, episodes=episodes, hidden=min(hidden, default=1))
        self._actor = StochasticActor(
            spec,
            seeds,
            device,
            hidden=hidden,
            activation=activation,
            value=baseline,
            normalize_obs=normalize_obs,
        )
        if baseline:
            self.value = self._actor.value
        self.faults = self._actor.faults
        self._episodes = Episodes(spec, len(seeds))
        self._optimizer = Adam(self._actor.params, max_grad_norm, adam_epsilon)
        self._lr = LearningRate(lr, lr_end, horizon, spec.num_envs)
        self._device, self._wanted, self._baseline = device, episodes, baseline
        self._normalize, self._entropy_coef = normalize_returns, entropy_coef
        self._value_coef = value_coef
        self._differentiate = device.compiled(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self._told = np.full((len(seeds), len(TAGS)), np.nan)  # of each seed's latest update
        self._rates = np.full(len(seeds), np.nan)  # of the same

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env, ...]``: drawn from the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore)

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, each ``[seed, n]``."""
        return self._actor.histograms()

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def learn(self, t: Step, step: int) -> Metrics:
        """Keep the step; update the seeds that have enough episodes with it.

        Tells of each seed's latest update, at every step: when another seed learns is not its own.
        """
        t = self._actor.take_in(t)
        after = np.zeros(t.last.shape)
        ended = t.last.any()
        if ended and self._baseline:
            after = self._actor.believed(t.next_obs).astype(np.float64)
        self._episodes.add(t, after)
        if ended:
            enough = [s for s in range(len(t.last)) if self._episodes.ended(s) >= self._wanted]
            if enough:
                self._update(enough, step)
        return {
            **{f"train/{tag}": self._told[:, n].copy() for n, tag in enumerate(TAGS)},
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._rates.copy(),
        }

    def cut(self) -> None:
        """The next step will not follow the last one."""
        self._episodes.cut()

    def _update(self, positions: list[int], step: int) -> None:
        """Update the seeds at these positions; the others stay as they are."""
        params = self._actor.params
        some = Parameters(params.flat[positions], params.shapes)
        total, told = torch.zeros_like(some.flat), np.zeros((len(positions), len(TAGS)))
        into = some.zeros_like()  # overwritten by each chunk
        batches = [self._episodes.drain(s) for s in positions]
        for chunk in self._chunks(batches, some):
            numbers, gradient = self._differentiate(some, into, chunk)
            total.add_(gradient)
            told += self._device.array(numbers)
        exclude(self.faults, told[:, -1], "the loss", positions)
        rates = [self._lr(step, sum(len(w.reward) for w in each)) for each in batches]
        for lr in set(rates):  # a step has one rate, and a gradient is clipped once
            rows = [n for n, rate in enumerate(rates) if rate == lr]
            everyone = torch.zeros_like(params.flat)
            moving = [positions[n] for n in rows]
            everyone[moving] = total[rows]
            others = {*range(len(everyone))} - set(moving)
            self._optimizer.step(everyone, lr, others | set(self.faults))
        self._rates[positions] = rates
        self._updates[positions] += 1
        self._told[positions] = told

    def _chunks(self, batches: list[list[Whole]], params: Parameters) -> list[Chunk]:
        """The steps of each seed's episodes one after another, filled up and cut into chunks."""
        seeds = [self._columns(episodes) for episodes in batches]
        lengths = [len(ret) for _, _, ret in seeds]
        size = -(-max(lengths) // CHUNK) * CHUNK
        obs, action, ret = (
            np.stack([filled_up(seed[n], size) for seed in seeds]) for n in range(3)
        )
        parts = [slice(start, start + CHUNK) for start in range(0, size, CHUNK)]
        obs_of = [self._device.tensor(np.ascontiguousarray(obs[:, part])) for part in parts]
        gain = ret.copy()
        if self._baseline:
            net = self._actor.net
            values = [self._device.array(net.value(params.pieces, each)) for each in obs_of]
            gain -= np.concatenate(values, 1)
        share = np.zeros_like(ret)
        for row, length in enumerate(lengths):
            if self._normalize:
                gain[row, :length] = standardized(gain[row, :length])
            share[row, :length] = 1 / length
        numbers = np.stack([gain, ret, share], -1).astype(np.float32)
        return [
            Chunk(
                each,
                self._device.tensor(np.ascontiguousarray(action[:, part])),
                self._device.tensor(np.ascontiguousarray(numbers[:, part])),
            )
            for each, part in zip(obs_of, parts, strict=True)
        ]

    def _columns(self, episodes: list[Whole]) -> tuple[Array, Array, Array]:
        """Observations, actions ``[time, n]`` and returns of all steps, ``[time, ...]`` each."""
        rets = [returns(w.reward, w.discount, float(w.after)) for w in episodes]
        obs, action = (np.concatenate([w[n] for w in episodes]) for n in range(2))
        return obs, self._actor.batch_of(action[None])[0], np.concatenate(rets)

    def _gradient(
        self, params: Parameters, gradient: Parameters, chunk: Chunk
    ) -> tuple[Tensor, Tensor]:
        """A chunk's share in what is told, ``[seed, tag]``, and in the gradient ``[seed, P]``."""
        net = self._actor.net
        pieces = self._device.cast_for_update(params.pieces)
        gain, ret, share = chunk.numbers.unbind(-1)
        outs, saved = net.forward(pieces, chunk.obs)
        now = net.distribution.of(outs[0], net.own(params.pieces), chunk.action)
        grads = [
            net.distribution.backward(
                now.saved, -gain * share, -self._entropy_coef * share, net.own(gradient.pieces)
            )
        ]
        error = torch.zeros_like(ret)
        if self._baseline:
            error, slope = value_loss(outs[1][..., 0], ret, ret, None)
            grads.append(torch.zeros_like(outs[1]))
            grads[1][..., 0] = slope * self._value_coef * share
        net.backward(pieces, saved, grads, gradient.pieces)
        each = torch.stack([-gain * now.log_prob, error, -now.entropy], 1)
        told = (each * share.unsqueeze(1)).sum(-1)
        loss = told[:, 0] + self._value_coef * told[:, 1] + self._entropy_coef * told[:, 2]
        return torch.cat([told, loss.unsqueeze(1)], 1), gradient.flat

    def state_dict(self) -> State:
        return {
            **self._actor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "told": self._told,
            "rates": self._rates,
            "episodes": self._episodes.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._actor.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._updates, state["updates"], "the number of updates")
        restore_into(self._told, state["told"], "the latest losses")
        if "rates" in state:  # runs of version 0.1 saved none
            restore_into(self._rates, state["rates"], "the latest learning rates")
        self._episodes.load_state_dict(state["episodes"])
