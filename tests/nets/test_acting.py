"""Acting by numpy on views of the weights gives the numbers of the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rlrun.core.types import Space
from rlrun.nets.acting import Acting
from rlrun.nets.actor_critic import ActorNet
from rlrun.nets.device import Device, DeviceSettings
from rlrun.nets.norm import Norm
from rlrun.nets.parameters import Parameters
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.q_network import ValueNet
from rlrun.nets.style import Activation, Style
from tests.support.nets import CPU


def parts(kind: str, obs: Space, device: Device, activation: Activation) -> tuple[Any, Any, Any]:
    """A network, its function and its chain."""
    style = Style(activation, products=device.products)
    if kind == "values":
        values = ValueNet(obs, (9, 6), 3, style=style)
        return values, values.infer, values.chain
    if kind == "linear values":
        values = ValueNet(obs, (), 3, style=style)
        return values, values.infer, values.chain
    if kind == "policy":
        policy = PolicyNet(obs, Space("discrete", (), (5,)), (9, 6), style)
        return policy, lambda *x: policy.policy(*x)[..., :5], policy.policy_chain
    actor = ActorNet(obs, (9, 6), 2, style=style)
    return actor, actor.infer, actor.chain


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
@pytest.mark.parametrize("kind", ["values", "linear values", "policy", "actor"])
@pytest.mark.parametrize(("inputs", "envs"), [(3, 1), (4, 8), (17, 2)])
def test_acting_gives_the_numbers_of_the_network(
    kind: str, activation: Activation, inputs: int, envs: int
) -> None:
    device = Device(DeviceSettings(products="numpy"))
    net, infer, chain = parts(kind, Space("vector", (inputs,)), device, activation)
    params = Parameters.zeros(3, net.shapes, CPU)
    net.init(params, [0, 1, 2])
    acting = Acting(infer, chain, params, device)
    assert acting._layers
    rng = np.random.default_rng(0)
    for _ in range(2):
        obs = rng.normal(size=(3, envs, inputs)).astype(np.float32)
        wanted = infer(params.pieces, torch.from_numpy(obs)).numpy()
        assert np.array_equal(acting(obs), wanted)
        params.flat.mul_(1.5)  # as an update changes them, in place


def test_what_is_more_than_layers_is_left_to_the_network() -> None:
    vector, image = Space("vector", (4,)), Space("image", (4, 40, 40))
    numbers = Space("discrete", (), (7,))
    assert not ValueNet(vector, (8,), 2, dueling=True).chain
    assert not ValueNet(vector, (8,), 2, atoms=5).chain
    assert not ValueNet(image, (8,), 2).chain
    assert not ValueNet(numbers, (8,), 2).chain
    assert not ActorNet(vector, (8,), 2, norm=Norm("layer")).chain
    net = ValueNet(vector, (8,), 2)
    params = Parameters.zeros(1, net.shapes, CPU)
    assert not Acting(net.infer, net.chain, params, Device(DeviceSettings()))._layers
