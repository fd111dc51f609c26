"""The first numbers of every agent, to the bit: they change on purpose only.

On one thread on Linux x86-64 with the versions of constraints.txt. Another processor may take
other paths through the matrix library, so losses are compared to six digits.
"""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.loop import interact
from tests.helpers import SMALL_DQN, agent_and_envs, host

LOSSES = [1.6002849340438843, 1.5403470993041992, 1.3522558212280273]
GOLDEN: dict[str, tuple[tuple[str, ...], list[float], list[float]]] = {
    "dqn": ((*SMALL_DQN, "agent.n_step=2"), LOSSES, [57.0, 14.0, 15.0, 34.0]),
    "random": (("agent=random",), [], [22.0, 18.0, 20.0, 13.0, 18.0]),
}


@pytest.mark.parametrize("agent", GOLDEN)
def test_the_first_numbers(agent: str) -> None:
    words, losses, returns = GOLDEN[agent]
    one, envs = agent_and_envs(*words, "env=CartPole-v1", "seed=3", "seeds=2")
    seen = []
    for step, _, metrics in interact(one, envs):
        if "train/loss" in metrics:
            seen.append(host(metrics["train/loss"]))
        if step == 120:
            break
    found = np.array(seen)[[0, 10, 40], 0].tolist() if seen else []
    assert found == pytest.approx(losses, rel=1e-6)
    assert [e.ret for e in envs.finished if e.seed == 0] == returns
