"""Targets of action values with a memory, by unrolling sequences of a replay."""

from __future__ import annotations

import torch
from torch import Tensor

from rlrun.nets.parameters import Pieces
from rlrun.nets.recurrent_q import RecurrentValueNet
from rlrun.replay.sequences import Sequences
from rlrun.rules.td import legal_values, q_learning_target


def burnt_in(net: RecurrentValueNet, pieces: Pieces, batch: Sequences) -> Tensor:
    """Return the memories ``[seed, sequence, unit]`` after the burn-in."""
    memory: Tensor = batch.memory
    if not batch.past_first.shape[1]:
        return memory
    after = net.remember(pieces, batch.past_obs, memory, batch.past_first)
    return after.view(*memory.shape[:2], -1, memory.shape[2])[:, :, -1].contiguous()


def targets(
    net: RecurrentValueNet, online: Pieces, target: Pieces, batch: Sequences, after: Tensor | None
) -> Tensor:
    """Return the targets ``[seed, sequence * length]`` of the values of the actions taken.

    The target network remembers the steps with its own weights, from the stored memory on. With
    double Q-learning ``after`` are the online network's memories after each step of ``batch.obs``,
    by which it chooses the next actions; with None the target network chooses them.
    """
    before = burnt_in(net, target, batch)
    remembered = net.remember(target, batch.obs, before, batch.first)
    next_q = _next_values(net, target, batch, remembered)
    selector = next_q if after is None else _next_values(net, online, batch, after)
    selector = legal_values(selector, batch.next_legal)
    return q_learning_target(batch.reward, batch.discount, next_q, selector)


def _next_values(net: RecurrentValueNet, pieces: Pieces, batch: Sequences, after: Tensor) -> Tensor:
    """Return the values ``[seed, sequence * length, action]`` of the observations after returns.

    Each continues the memory of the same episode, of those ``after`` each step.
    """
    end = batch.end.unsqueeze(-1).expand(-1, -1, after.shape[-1])
    begins = torch.zeros_like(batch.end, dtype=torch.bool)
    memory = net.remember(pieces, batch.next_obs, after.gather(1, end), begins)
    return net.values(pieces, memory)
