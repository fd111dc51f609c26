"""The Markov chain: probabilities and lengths worked out by hand."""

from __future__ import annotations

import pytest

from rlrun.core.types import Array
from rlrun.envs.games.markov_chain import MarkovChain
from rlrun.loop import interact
from tests.support.common import agent_and_envs
from tests.support.games import CHAIN, matrix, planned


def test_the_chain_goes_where_its_probabilities_say() -> None:
    model = MarkovChain().P
    assert matrix(model, 0).tolist() == [
        [0.7, 0.2, 0.0, 0.0],
        [0.0, 0.0, 0.9, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
    ends = {(s, chance, to) for s in (0, 1, 2) for chance, to, _, end in model[s][0] if end}
    assert ends == {(0, 0.1, 3), (1, 0.1, 3)}


def test_the_value_of_the_chain_is_its_expected_length() -> None:
    """L(s) = 1 + sum of P(s, s') L(s'), with L(s3) = 0.

    L(s2) = 1 + L(s1) and L(s1) = 1 + 0.9 L(s2) give L(s1) = 1.9 / 0.1 = 19 and L(s2) = 20;
    then L(s0) = 1 + 0.7 L(s0) + 0.2 * 19 gives L(s0) = 4.8 / 0.3 = 16.
    """
    assert planned(CHAIN)[:, 0] == pytest.approx([16.0, 19.0, 20.0, 0.0], abs=1e-8)
    halved = planned(CHAIN, "env.kwargs.reward=-0.5")[:, 0]
    assert halved == pytest.approx([-8.0, -9.5, -10.0, 0.0], abs=1e-8)


@pytest.mark.slow
def test_td_prediction_estimates_the_lengths_of_the_chain() -> None:
    """The mean of 20 seeds, each with about 1,250 episodes, is within 0.8 of 16, 19 and 20.

    An episode's length has a standard deviation of about 18, as that of a geometric distribution
    with these means: the mean of 20 * 1,250 lengths has one of 0.12, and a step size that
    decreases more slowly than 1/k, here 1/(1 + k/10), makes that about twice as large.
    """
    where = (f"env={CHAIN}", "agent=td_prediction", "gamma=1", "seed=20", "seeds=20", "tuned=none")
    agent, envs = agent_and_envs(*where)
    for step, _, _ in interact(agent, envs):
        if step == 20_000:
            break
    values: Array = agent.values[..., 0]  # type: ignore[attr-defined]
    assert values.mean(0) == pytest.approx([16.0, 19.0, 20.0, 0.0], abs=0.8)
