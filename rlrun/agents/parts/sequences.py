"""Minibatches of a rollout for policies with a memory: sequences of consecutive steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import RecurrentActor
from rlrun.agents.parts.minibatches import (
    Chunk,
    Minibatch,
    Minibatches,
    explained_variance,
    goals_of,
)
from rlrun.core.rows import Number
from rlrun.core.types import Array, State, Step
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.products import unchecked


@torch.inference_mode()
@unchecked()
def rollout_to_sequences(
    actor: RecurrentActor, device: Device, steps: Step, trace_decay: Number, length: int
) -> tuple[Minibatch, Array]:
    """Return a rollout ``[seed, time, env, ...]`` as sequences, and the explained variance.

    The tensors are ``[seed, sequence, time, ...]``, with ``length`` steps each. A sequence begins
    with the memory that the agent had there. See `rlrun.agents.parts.minibatches.rollout_to_batch`.
    """
    assert steps.memory is not None and steps.first is not None
    net, pieces, tensor = actor.net, actor.params.pieces, device.tensor
    seeds, time, envs = steps.last.shape

    def flat(steps: Array) -> Tensor:
        """Return ``[seed, time, env, ...]`` as ``[seed, env * time, ...]``."""
        array = _by_env(steps)
        return tensor(array.reshape(seeds, -1, *array.shape[3:]))

    obs, first = flat(steps.obs), flat(steps.first)
    action = tensor(actor.flat_actions(_by_env(steps.action)))
    legal = None if steps.legal is None else flat(steps.legal)
    memory = tensor(np.ascontiguousarray(steps.memory[:, 0]))
    after = net.remember(pieces, obs, memory, first)
    out = only_legal(net.policy(pieces, after), legal)
    now = net.distribution.of(out, net.distribution_pieces(pieces), action)
    value = device.array(net.value(pieces, after))
    memories = _by_env(device.array(after).reshape(seeds, envs, time, -1))

    def next_value(chunk: Chunk) -> Array:
        given = (each[chunk] for each in (steps.next_obs, memories))
        obs, memory = (tensor(x.reshape(seeds, -1, *x.shape[3:])) for x in given)
        none = torch.zeros(memory.shape[:2], dtype=torch.bool, device=memory.device)
        return device.array(net.value(pieces, net.remember(pieces, obs, memory, none)))

    by_time = _by_env(value.astype(np.float64).reshape(seeds, envs, time))
    goals = goals_of(steps, by_time, next_value, trace_decay)
    targets = flat(np.stack(goals, -1).astype(np.float32))
    before = torch.stack([now.log_prob, tensor(value)], -1)
    numbers = torch.cat([targets, before], -1)

    def cut(x: Tensor) -> Tensor:
        """Return ``[seed, env * time, ...]`` as ``[seed, sequence, time, ...]``."""
        return x.view(seeds, -1, length, *x.shape[2:])

    starts = flat(steps.memory[:, ::length])
    masks = None if legal is None else cut(legal)
    batch = Minibatch(cut(obs), cut(action), cut(numbers), masks, starts, cut(first))
    return batch, explained_variance(*(each.reshape(seeds, -1) for each in goals))


def _by_env(steps: Array) -> Array:
    """Return ``[seed, time, env, ...]`` as ``[seed, env, time, ...]``, or back."""
    return np.ascontiguousarray(steps.swapaxes(1, 2))


class SequenceBatches:
    """Splits a rollout into batches of whole sequences, in a new random order in every epoch.

    Args:
        seeds: the seed numbers; each has its own stream.
        size: steps of a rollout, per seed.
        batch_size: steps of a batch, per seed; None for the whole rollout, not shuffled.
        epochs: passes over the rollout.
        length: steps of a sequence, which divides both.
    """

    def __init__(
        self, seeds: Sequence[int], size: int, batch_size: int | None, epochs: int, length: int
    ) -> None:
        per_batch = None if batch_size is None else batch_size // length
        self._batches = Minibatches(seeds, size // length, per_batch, epochs)

    def __call__(self, rollout: Minibatch, device: Device) -> Iterator[Minibatch]:
        """Yield the batches of all epochs, ``[seed, sequence * time, ...]``, memories apart."""
        for batch in self._batches(rollout, device):
            steps = {
                name: each.flatten(1, 2)
                for name, each in batch._asdict().items()
                if each is not None and name != "memory"
            }
            yield batch._replace(**steps)

    def state_dict(self) -> State:
        return self._batches.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._batches.load_state_dict(state)
