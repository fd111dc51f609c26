"""Stacked networks for tests: made, fed, and taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch
from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.actor_critic import ActorNet, CriticNet
from rlrun.nets.norm import Norm
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.nets.q_network import ValueNet

CPU = torch.device("cpu")
IMAGE = Space("image", (2, 40, 44))
VECTOR = Space("vector", (3,))
GRID = Space("grid", (3, 5, 6), top=(10, 1, 3))
SHAPES = [(8, 16), (1, 16)]  # of the weights and biases of a layer


def gradient(net: ValueNet, params: Parameters, obs: Tensor, slope: Tensor) -> Parameters:
    _, saved = net.forward(params.pieces, obs)
    into = params.zeros_like()
    net.backward(params.pieces, saved, slope, into.pieces)
    return into


def observations(space: Space, *lead: int, draw: int = 1) -> Tensor:
    rng = np.random.default_rng(draw)
    if space.kind == "image":
        return torch.from_numpy(rng.integers(0, 256, (*lead, *space.shape), np.uint8))
    if space.kind == "grid":
        high = np.array(space.top)[:, None, None] + 1
        return torch.from_numpy(rng.integers(0, high, (*lead, *space.shape), np.uint8))
    return torch.from_numpy(rng.standard_normal((*lead, *space.shape)).astype(np.float32))


def learn(net: ValueNet, params: Parameters, adam: Optimizer, obs: Tensor, target: Tensor) -> None:
    values = net.infer(params.pieces, obs)
    slope = (values - target).clamp(-1, 1) / target[0].numel()
    adam.step(gradient(net, params, obs, slope).flat, 1e-2)


def parameters(seeds: int) -> Parameters:
    """Random weights of up to 3 seeds; those of the first are the same in every stack."""
    generator = torch.Generator().manual_seed(7)
    params = Parameters.zeros(seeds, SHAPES, CPU)
    params.flat.copy_(torch.randn(3, params.flat.shape[1], generator=generator)[:seeds])
    return params


def started(
    net: ValueNet | ActorNet | CriticNet,
    seeds: Sequence[int],
    networks: int = 1,
    last: float | None = None,
) -> Parameters:
    params = Parameters.zeros(len(seeds), net.shapes, CPU, networks)
    net.init(params, seeds, 0, last)
    return params


def name_of(norm: object) -> str:
    return "-".join(str(each) for each in astuple(norm)) if isinstance(norm, Norm) else str(norm)


def normal(*shape: int, draw: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))
