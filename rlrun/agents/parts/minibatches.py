"""Minibatches of a rollout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import Number
from rlrun.core.types import Array, State, Step
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.products import unchecked
from rlrun.rules.policy_gradient import gae

CHUNK = 16  # steps whose next observations are evaluated together


class Minibatch(NamedTuple):
    """Steps of a rollout; each tensor is ``[seed, batch, ...]``."""

    obs: Tensor
    action: Tensor
    numbers: Tensor
    """Advantage, return, and the log-probability and the value before the first update."""
    legal: Tensor | None = None
    """Which actions were legal; None if there are no masks."""


@unchecked()
def rollout_to_batch(
    actor: StochasticActor, device: Device, steps: Step, trace_decay: Number
) -> tuple[Minibatch, Array]:
    """Return a rollout ``[seed, time, env, ...]`` as one batch, and the explained variance.

    The explained variance ``[seed]`` is the fraction of the returns' variance that the values
    explain. The returns, the targets of the values, are the values plus the advantages of `gae`.
    """
    lead = (len(steps.last), steps.last[0].size)
    obs = device.tensor(steps.obs.reshape(*lead, *steps.obs.shape[3:]))
    action = device.tensor(actor.flat_actions(steps.action))
    legal = None if steps.legal is None else device.tensor(steps.legal.reshape(*lead, -1))
    net, pieces = actor.net, actor.params.pieces
    (out, values), _ = net.forward(pieces, obs)
    out = only_legal(out, legal)
    log_prob = net.distribution.of(out, net.distribution_pieces(pieces), action).log_prob
    before = torch.stack([log_prob, values[..., 0]], -1)
    value = device.array(values[..., 0]).astype(np.float64).reshape(steps.reward.shape)
    next_value = _next_values(actor, device, steps, value)
    advantage = gae(
        steps.reward, steps.discount, steps.last, value, next_value, trace_decay=trace_decay
    )
    goals = [each.reshape(lead) for each in (advantage, advantage + value)]
    explained_variance = _explained_variance(*goals)
    targets = device.tensor(np.stack(goals, -1).astype(np.float32))
    numbers = torch.cat([targets, before], -1)
    return Minibatch(obs, action, numbers, legal), explained_variance


def _next_values(actor: StochasticActor, device: Device, steps: Step, value: Array) -> Array:
    """Return the values ``[seed, time, env]`` of the next observations.

    Most are the ``value`` of the following step. The others, after a truncation and at the end of
    the rollout, are computed in chunks of a fixed size, so that a seed's do not depend on the ends
    of other seeds.
    """
    following = np.concatenate([value[:, 1:], value[:, -1:]], 1)
    needed = steps.last & (steps.discount != 0)
    needed[:, -1] = True
    for start in range(0, needed.shape[1], CHUNK):
        chunk = np.s_[:, start : start + CHUNK]
        here, obs = needed[chunk], steps.next_obs[chunk]
        if here.any():
            obs = obs.reshape(len(obs), -1, *obs.shape[3:])
            found = device.array(actor.net.value(actor.params.pieces, device.tensor(obs)))
            following[chunk] = np.where(here, found.reshape(here.shape), following[chunk])
    return following


class Minibatches:
    """Splits a rollout into batches, in a new random order in every epoch.

    Args:
        seeds: the seed numbers; each has its own stream.
        size: steps of a rollout, per seed.
        batch_size: steps of a batch, per seed; None for the whole rollout, not shuffled.
        epochs: passes over the rollout.
    """

    def __init__(
        self, seeds: Sequence[int], size: int, batch_size: int | None, epochs: int
    ) -> None:
        self._seeds, self._size, self._epochs = len(seeds), size, epochs
        self._batch_size = batch_size or size
        self._shuffles = None if batch_size is None else Streams(seeds, Purpose.REPLAY)

    def __call__(self, rollout: Minibatch, device: Device) -> Iterator[Minibatch]:
        """Yield the batches of all epochs.

        All orders are drawn in advance, so that a seed's draws do not depend on when it stops.
        """
        if self._shuffles is None:
            yield from (rollout for _ in range(self._epochs))
            return
        draws = self._shuffles.uniform(self._epochs * self._size)
        shape = (self._seeds, self._epochs, self._size)
        order = np.ascontiguousarray(draws).reshape(shape).argsort(-1).reshape(self._seeds, -1)
        order += np.arange(self._seeds)[:, None] * self._size  # indices into all seeds' steps
        flat = [each.flatten(0, 1) for each in rollout if each is not None]
        for start in range(0, order.shape[1], self._batch_size):
            rows = np.ascontiguousarray(order[:, start : start + self._batch_size])
            index = device.tensor(rows.reshape(-1))
            chosen = (each.index_select(0, index) for each in flat)
            yield Minibatch(*(each.view(*rows.shape, *each.shape[1:]) for each in chosen))

    def state_dict(self) -> State:
        return self._shuffles.state_dict() if self._shuffles else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self._shuffles:
            self._shuffles.load_state_dict(state)


def standardized(values: Tensor) -> Tensor:
    """Scale ``values [seed, batch]`` to mean 0 and variance 1 in each row."""
    centred = values - values.mean(-1, keepdim=True)
    variance = (centred * centred).sum(-1, keepdim=True) / (values.shape[-1] - 1)
    return centred / (variance.sqrt() + 1e-8)


def _explained_variance(error: Array, target: Array) -> Array:
    """Return 1 - var(error) / var(target), ``[seed]``; NaN if the targets do not vary."""
    spread = target.var(-1)
    ratio = np.divide(error.var(-1), spread, out=np.full(len(spread), np.nan), where=spread > 0)
    explained_variance: Array = 1 - ratio
    return explained_variance
