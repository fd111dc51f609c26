"""What agents do with masks of legal actions, by hand and against torch's own derivatives."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, tensor

from rlrun.agents.parts.objectives import (
    CategoricalObjective,
    QuantileObjective,
    ScalarObjective,
)
from rlrun.core.types import Batch, Step
from rlrun.nets.distributions import ILLEGAL, Categorical, only_legal
from rlrun.run import start_run
from tests.support.common import agent_and_envs, settings

LEGAL = tensor([[[True, False, True]]])
NEXT = tensor([[[1.0, 5.0, 3.0]]])
SELECTOR = tensor([[[9.0, 10.0, 0.0]]])


def batch(next_legal: Tensor | None) -> Batch:
    one = tensor([[1.0]])
    return Batch(None, tensor([[0]]), one, 0.5 * one, None, None, None, None, next_legal)


@pytest.mark.parametrize(
    ("legal", "selector", "target"),
    [
        (None, None, 1 + 0.5 * 5),
        (LEGAL, None, 1 + 0.5 * 3),
        (None, SELECTOR, 1 + 0.5 * 5),
        (LEGAL, SELECTOR, 1 + 0.5 * 1),  # the selector's best legal action is 0
    ],
)
def test_the_target_is_that_of_the_best_legal_action(
    legal: Tensor | None, selector: Tensor | None, target: float
) -> None:
    q = tensor([[[2.0, 0.0, 0.0]]])
    result = ScalarObjective("squared")(batch(legal), q, NEXT, selector)
    assert result.error.item() == 2.0 - target


@pytest.mark.parametrize(("legal", "best"), [(None, 1), (LEGAL, 2)])
def test_a_distributional_target_is_that_of_the_best_legal_action(
    legal: Tensor | None, best: int
) -> None:
    """Atoms 0 and 4, gamma .5, reward 1: the target puts (1 + .5 * 4 p) / 4 on the upper one."""
    logits = tensor([[[[0.0, 0.0], [0.0, 5.0], [0.0, 1.0]]]])
    objective = CategoricalObjective(0.0, 4.0, 2, torch.device("cpu"))
    result = objective(batch(legal), torch.zeros(1, 1, 3, 2), logits, None)
    upper = (1 + 0.5 * 4 * math.exp(logits[0, 0, best].log_softmax(-1)[1].item())) / 4
    assert result.slope[0, 0, 0].tolist() == pytest.approx([upper - 0.5, 0.5 - upper], abs=1e-6)


@pytest.mark.parametrize(("legal", "best"), [(None, 1), (LEGAL, 2)])
def test_a_target_of_quantiles_is_that_of_the_best_legal_action(
    legal: Tensor | None, best: int
) -> None:
    quantiles = tensor([[[[0.0, 1.0], [2.0, 8.0], [1.0, 3.0]]]])  # means .5, 5 and 2
    objective = QuantileObjective(2, torch.device("cpu"))
    result = objective(batch(legal), torch.zeros(1, 1, 3, 2), quantiles, None)
    assert result.error.item() == -(1 + 0.5 * quantiles[0, 0, best].mean().item())


def test_probabilities_are_those_of_the_legal_actions() -> None:
    distribution = Categorical((3,))
    out = torch.log(tensor([[[0.5, 0.25, 0.25, 1.0]]]))  # with a padding of 1
    masked = only_legal(out, LEGAL)
    assert masked[0, 0, 1] == ILLEGAL
    assert masked[0, 0, 3] == out[0, 0, 3]
    third = distribution.of(masked, [], tensor([[[2]]]))
    assert third.log_prob.item() == pytest.approx(math.log(1 / 3))
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert third.entropy.item() == pytest.approx(entropy)
    assert distribution.mode(only_legal(out, ~LEGAL).numpy()).item() == 1
    draws = np.linspace(0, 1 - 1e-12, 1000).reshape(1, 1000, 1)
    many = distribution.sample(masked.expand(1, 1000, 4).numpy(), [], draws)
    assert np.bincount(many.ravel(), minlength=3).tolist() == [667, 0, 333]


def test_the_gradient_of_masked_probabilities_is_that_of_torch() -> None:
    torch.manual_seed(0)
    out = torch.randn(2, 5, 8, requires_grad=True)
    legal = torch.rand(2, 5, 6) < 0.6
    legal[..., 0] = legal[..., 4] = True
    action = torch.zeros(2, 5, 2, dtype=torch.int64)
    action[..., 1] = 1  # of the second part, whose choices are 3 to 5
    distribution = Categorical((3, 3))
    result = distribution.of(only_legal(out, legal), [], action)
    loss = (2.0 * result.log_prob - 0.3 * result.entropy).sum()
    (gradient,) = torch.autograd.grad(loss, out)
    ones = torch.ones(2, 5)
    own = distribution.backward(result.saved, 2.0 * ones, -0.3 * ones, [])
    assert torch.allclose(own, gradient, atol=1e-6)
    assert not own[..., :6][~legal].any()


@pytest.mark.parametrize("agent", ["q_learning", "sarsa", "expected_sarsa", "double_q_learning"])
def test_a_table_bootstraps_from_legal_actions(agent: str) -> None:
    """One step: reward 1, gamma .5, next values 8, 4 and 6, of which the first is not legal."""
    env = "env=tests.support.masked:DoorsOfNumbers-v0"
    words = (f"agent={agent}", env, "seeds=1", "agent.lr=1", "agent.lr_decay=0", "explore.start=0")
    one, _ = agent_and_envs(*words, "explore.end=0", "tuned=none")
    state = one.state_dict()
    state["policy"]["q"][..., 1, :] = [8.0, 4.0, 6.0, 0.0]
    one.load_state_dict(state)
    zero, number = np.zeros((1, 1), np.int64), np.ones((1, 1))
    legal = np.array([[[False, True, True, True]]])
    t = Step(zero, zero, number, 0.5 * number, zero + 1, zero > 0, number, zero, legal, legal)
    one.learn(t, 1)
    if agent == "sarsa":  # which waits for the action taken there
        best = t._replace(obs=t.next_obs, action=zero + 2, reward=0 * number)
        one.learn(best, 2)
    q = one.values[0, 0, 0]  # type: ignore[attr-defined]
    expected = 1 + 0.5 * 6
    assert q == (expected / 2 if agent == "double_q_learning" else expected)  # one of two tables


@pytest.mark.train
def test_masks_save_steps_in_a_taxi(tmp_path: Path) -> None:
    """Q-learning in 20,000 steps, by the exact returns; the best policy's is 7.93."""
    words = ("agent=q_learning", "env=Taxi-v4", "seed=20", "seeds=5", "total_steps=20000")
    found = {}
    for mask in ("auto", "off"):
        (folder := tmp_path / mask).mkdir()
        short = (f"env.action_mask={mask}", "eval.every=0", "eval.final_episodes=1")
        start_run(settings(*words, *short), folder, "rlrun")
        final = json.loads((folder / "result.json").read_text())["final"]
        found[mask] = final["exact"]["per_seed"]
    assert min(found["auto"]) > -10 and max(found["off"]) < -50, found
