"""Settings of TD control with features that do not fit together, or not the environment."""

from __future__ import annotations

import pytest

from rlrun.core.errors import BadInput
from tests.support.common import agent_and_envs, parts_and_env


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "agent.features=fourier agent.trace_decay=0.9",
            "traces must be dutch or accumulating with",
        ),
        (
            "agent.features=tiles agent.n_step=3",
            "n_step must be 1 with features, got 3: use trace_d",
        ),
        (
            "agent.features=tiles agent.lr_decay=0.1",
            "lr_clock must be steps where features have a",
        ),
        (
            "agent.features=tiles agent.tiles=[8,8,8]",
            "tiles must be one number, or one for each of",
        ),
        (
            "agent.features=tiles agent.tiles=100000",
            "100,002,000,01 features of MountainCar-v0 x 3",
        ),
        (
            "agent.features=fourier agent.order=100000",
            "use a lower order or seeds, or an agent with",
        ),
        ("agent.features=tiles explore=bonus", "which is for the tables of q_learning, sarsa and"),
    ],
)
def test_refusals(words: str, sentence: str) -> None:
    with pytest.raises(BadInput) as error:
        agent_and_envs("agent=q_learning", "env=MountainCar-v0", "tuned=none", *words.split())
    expect = sentence.replace("100,002,000,01", "80,001,600,008")
    assert expect in str(error.value)


def test_discrete_observations_are_refused() -> None:
    with pytest.raises(BadInput, match="needs continuous observations, and those of FrozenLake-v1"):
        agent_and_envs("agent=sarsa", "env=FrozenLake-v1", "agent.features=tiles", "tuned=none")


def test_settings_of_features_are_no_use_to_a_table() -> None:
    parts, _ = parts_and_env("agent=sarsa", "env=MountainCar-v0", "agent.features=null")
    assert parts.agent.settings.implementation.endswith(":TDControl")
