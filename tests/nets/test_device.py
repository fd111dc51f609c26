"""Updates in bfloat16: near those in float32, of float32 weights. Transfers to the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlrun.agents.dqn import DQN
from rlrun.core.types import Array
from rlrun.loop import interact
from tests.gpu.equality import transferred
from tests.support.common import SMALL_DQN, agent_and_envs, host


def gradient(env: str, precision: str) -> tuple[Array, Array]:
    """Loss ``[seed]`` and gradient ``[seed, P]`` of the first update."""
    words = (f"env={env}", "seeds=2", "agent=dueling_dqn", f"device.precision={precision}")
    agent, envs = agent_and_envs(*SMALL_DQN, *words, "agent.learning_starts=1000")
    assert isinstance(agent, DQN)
    for step, _, _ in interact(agent, envs):
        if step == 60:
            break
    sampled = agent._device.batch(agent._replay.sample(32, step=0))
    loss, _, _, found = agent._gradient(sampled, None, None)
    assert agent._online.flat.dtype == found.dtype == torch.float32
    return host(loss), host(found)


@pytest.mark.parametrize("env", ["CartPole-v1", "tests.support.pixels:Film-v0"])
def test_an_update_in_bfloat16_is_near_one_in_float32(env: str) -> None:
    """Eight bits of mantissa are an error of up to 0.4 % in each product."""
    (loss, exact), (low_loss, low) = (gradient(env, p) for p in ("float32", "bfloat16"))
    assert low_loss == pytest.approx(loss, rel=0.01)
    for ours, wanted in zip(low, exact, strict=True):
        away = np.linalg.norm(ours - wanted) / np.linalg.norm(wanted)
        assert 1e-5 < away < 0.02


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_an_array_may_be_overwritten_once_it_is_transferred() -> None:
    assert transferred() == {"unchanged": "yes"}
