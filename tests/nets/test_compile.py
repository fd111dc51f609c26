"""``device.compile``: a compiled update is the plain one, one graph that is compiled once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from rlrun.loop import interact
from tests.contracts.test_golden import WORDS
from tests.support.common import agent_and_envs, host
from tests.support.trained import result, trained

AGENTS = {
    "dqn": WORDS["dqn"],
    "qr_dqn": WORDS["qr_dqn"],
    "rainbow": WORDS["rainbow"],  # noisy layers, a distribution, priorities
    "ppo": WORDS["ppo"],
    "sac": WORDS["sac"],
    "sac_discrete": WORDS["sac_discrete"],
    "ddpg": (*WORDS["ddpg"], "agent.norm=batch"),
}
# of the critics and of the actor; the others have one
GRAPHS = {"sac": 2, "sac_discrete": 2, "ddpg": 2}
STEPS = 60
# torch's compiler imports what torch itself deprecates
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")]


def learnt(*words: str) -> tuple[Any, list[Any]]:
    """The policy after some steps, and what was said of the updates."""
    agent, envs = agent_and_envs(*words, "tuned=none", "seed=3", "seeds=2")
    said = []
    for step, _, metrics in interact(agent, envs):
        if metrics:
            said.append({tag: host(values) for tag, values in metrics.items()})
        if step == STEPS:
            break
    return host(agent.state_dict()["policy"]), said


@pytest.mark.parametrize("name", AGENTS)
def test_a_compiled_update_is_the_plain_one(name: str) -> None:
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(error_on_recompile=True):
        policy, said = learnt(*AGENTS[name], "device.compile=true")
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == GRAPHS.get(name, 1)
    plain, wanted = learnt(*AGENTS[name])
    assert len(said) == len(wanted) > 3
    for ours, theirs in zip(said, wanted, strict=True):
        assert ours.keys() == theirs.keys()
        for tag, values in theirs.items():
            np.testing.assert_allclose(ours[tag], values, 1e-5, 1e-5, err_msg=tag)
    network = "actor" if "actor" in plain else "online"
    np.testing.assert_allclose(policy[network], plain[network], 0, 1e-5)


def test_a_compiled_run_comes_to_its_end(tmp_path: Path) -> None:
    compiled = trained(tmp_path / "compiled", "dqn", "device.compile=true")
    plain = trained(tmp_path / "plain", "dqn")
    assert result(compiled)["status"] == "done"
    assert result(compiled)["final"] == result(plain)["final"]
