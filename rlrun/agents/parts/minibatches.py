"""Minibatches of a rollout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, State, Step
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.products import unchecked
from rlrun.rules.policy_gradient import gae

CHUNK = 16  # steps whose next observations are evaluated together
Chunk: TypeAlias = tuple[slice, slice]
"""The index of a chunk of a rollout's steps, ``[seed, time]``."""


class Minibatch(NamedTuple):
    """Steps of a rollout; each tensor is ``[seed, batch, ...]``."""

    obs: Tensor
    action: Tensor
    numbers: Tensor
    """Advantage, return, and the log-probability and the value before the first update.

    If bonuses have their own values, then also the return of bonuses and its value before.
    """
    legal: Tensor | None = None
    """Which actions were legal; None if there are no masks."""
    memory: Tensor | None = None
    """The memories ``[seed, sequence, n]`` before the sequences of which the batch consists.

    None if the policy has no memory.
    """
    first: Tensor | None = None
    """Which steps begin an episode; None likewise."""


class BonusStream(NamedTuple):
    """Bonuses that have their own values, which do not end with an episode."""

    bonus: Array
    """``[seed, time, env]``."""
    discount: Number
    """Their discount factor."""

    def steps(self, t: Step) -> Step:
        """Return a rollout as one without ends whose rewards are the bonuses.

        What follows the end of an episode is then the first observation of the next one.
        """
        discount = np.zeros(t.reward.shape) + column(self.discount, t.reward.ndim)
        return t._replace(reward=self.bonus, discount=discount, last=np.zeros_like(t.last))


@unchecked()
def rollout_to_batch(
    actor: StochasticActor,
    device: Device,
    steps: Step,
    trace_decay: Number,
    stream: BonusStream | None = None,
) -> tuple[Minibatch, Array]:
    """Return a rollout ``[seed, time, env, ...]`` as one batch, and the explained variance.

    The explained variance ``[seed]`` is the fraction of the returns' variance that the values
    explain. The returns, the targets of the values, are the values plus the advantages of `gae`.
    With a ``stream`` of bonuses the advantages of both are added (Burda et al. 2018).
    """
    lead = (len(steps.last), steps.last[0].size)
    obs = device.tensor(steps.obs.reshape(*lead, *steps.obs.shape[3:]))
    action = device.tensor(actor.flat_actions(steps.action))
    legal = None if steps.legal is None else device.tensor(steps.legal.reshape(*lead, -1))
    net, pieces = actor.net, actor.params.pieces
    (out, values), _ = net.forward(pieces, obs)
    out = only_legal(out, legal)
    log_prob = net.distribution.of(out, net.distribution_pieces(pieces), action).log_prob

    def goals(steps: Step, kind: int) -> list[Array]:
        """Return the advantages and returns ``[seed, batch]`` of one kind of reward."""
        value = device.array(values[..., kind]).astype(np.float64).reshape(steps.reward.shape)

        def next_value(chunk: Chunk) -> Array:
            obs = steps.next_obs[chunk]
            obs = obs.reshape(len(obs), -1, *obs.shape[3:])
            return device.array(net.values(pieces, device.tensor(obs))[..., kind])

        found = goals_of(steps, value, next_value, trace_decay)
        return [each.reshape(lead) for each in found]

    def column_of(goal: Array) -> Tensor:
        return device.tensor(goal.astype(np.float32))

    advantage, target = goals(steps, 0)
    explained = explained_variance(advantage, target)
    columns = [log_prob, values[..., 0]]
    if stream is not None:
        novelty, bonus_target = goals(stream.steps(steps), 1)
        advantage = advantage + novelty
        columns += [column_of(bonus_target), values[..., 1]]
    numbers = torch.stack([column_of(advantage), column_of(target), *columns], -1)
    return Minibatch(obs, action, numbers, legal), explained


def goals_of(
    steps: Step, value: Array, next_value: Callable[[Chunk], Array], trace_decay: Number
) -> tuple[Array, Array]:
    """Return the advantages and the returns of a rollout, ``[seed, time, env]``.

    The values of next observations are the ``value`` of the following step. Only those after a
    truncation and at the end of the rollout are computed, by ``next_value``, in chunks of a fixed
    size, so that a seed's do not depend on the ends of other seeds.
    """
    following = np.concatenate([value[:, 1:], value[:, -1:]], 1)
    needed = steps.last & (steps.discount != 0)
    needed[:, -1] = True
    for start in range(0, needed.shape[1], CHUNK):
        chunk = np.s_[:, start : start + CHUNK]
        here = needed[chunk]
        if here.any():
            found = next_value(chunk).reshape(here.shape)
            following[chunk] = np.where(here, found, following[chunk])
    advantage = gae(
        steps.reward, steps.discount, steps.last, value, following, trace_decay=trace_decay
    )
    return advantage, advantage + value


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
        flat = {k: v.flatten(0, 1) for k, v in rollout._asdict().items() if v is not None}
        for start in range(0, order.shape[1], self._batch_size):
            rows = np.ascontiguousarray(order[:, start : start + self._batch_size])
            index = device.tensor(rows.reshape(-1))
            chosen = {k: v.index_select(0, index) for k, v in flat.items()}
            yield Minibatch(**{k: v.view(*rows.shape, *v.shape[1:]) for k, v in chosen.items()})

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


def explained_variance(error: Array, target: Array) -> Array:
    """Return 1 - var(error) / var(target), ``[seed]``; NaN if the targets do not vary."""
    spread = target.var(-1)
    ratio = np.divide(error.var(-1), spread, out=np.full(len(spread), np.nan), where=spread > 0)
    share: Array = 1 - ratio
    return share
