"""Discrete SAC part by part: actor, temperature, random actions, masks, faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.agents.sac_discrete import SACDiscrete
from rlrun.core.types import Array
from rlrun.loop import interact
from tests.support.common import SMALL_CONTROL, agent_and_envs, differences, drive, host, row

pytestmark = pytest.mark.slow

SMALL = ("agent=sac_discrete", *SMALL_CONTROL, "agent.train_every=1", "seeds=2")
CART, MASKS = "env=CartPole-v1", "env=tests.support.masked:Doors-v0"


def trained(*words: str, steps: int = 60) -> tuple[Any, Any]:
    one, envs = agent_and_envs(*SMALL, *words)
    drive(one, envs, steps)
    return one, envs


@pytest.mark.parametrize("env", [CART, MASKS])
def test_the_gradient_of_the_actor_is_that_of_torch(env: str) -> None:
    """The mean over the batch of the expectation of temperature · log p - Q over legal actions."""
    one, _ = trained(env, "device.products=torch")
    given = one._device.batch(one._replay.sample(8, 1, step=60))
    temperature = torch.tensor([[0.3], [1.7]])
    loss, entropy, _, gradient = one._actor_gradient(given, temperature)
    leaves = [piece.detach().clone().requires_grad_() for piece in one._actor.pieces]
    out = one._net.infer(leaves, given.obs)
    if given.legal is not None:
        out = out.masked_fill(~given.legal, -1e8)
    policy = torch.distributions.Categorical(logits=out)
    log_p = out.log_softmax(-1)
    inner = temperature.unsqueeze(-1) * log_p - one._critics(given.obs)
    wanted = (policy.probs * inner).sum(-1).mean(-1)
    assert torch.allclose(loss, wanted)
    assert torch.allclose(entropy, -(policy.probs * log_p).sum(-1).mean(-1), atol=1e-6)
    into = one._actor.zeros_like()
    into.flat.copy_(gradient)
    slopes = torch.autograd.grad(wanted.sum(), leaves)
    for ours, theirs in zip(into.pieces, slopes, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("env", [CART, MASKS])
def test_the_critics_aim_at_soft_values(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """r + discount · Σ p (Q - temperature · log p), over the legal actions of the next state."""
    one, _ = trained(env)
    given = one._device.batch(one._replay.sample(8, 1, step=60))
    asked: list[Tensor] = []
    monkeypatch.setattr(one._critics, "gradient", lambda _, target: asked.append(target))
    temperature = torch.tensor([[0.3], [1.7]])
    one._critic_gradient(given, temperature)
    out, q = one._net.infer(one._actor.pieces, given.next_obs), one._critics.target(given.next_obs)
    for i in np.ndindex(2, 8):
        legal = slice(None) if given.next_legal is None else given.next_legal[i]
        p = out[i][legal].softmax(-1)
        value = (p * (q[i][legal] - temperature[i[0]] * p.log())).sum()
        wanted = given.reward[i] + given.discount[i] * value
        assert asked[0][i].item() == pytest.approx(wanted.item(), abs=1e-5)


@pytest.mark.parametrize("share", [0.25, 0.9])
def test_a_learnt_temperature_reaches_the_share_of_the_entropy(share: float) -> None:
    """One state, rewards -1 and 1: the probabilities end where their entropy is what was asked."""
    one, _ = learnt("Choice", f"agent.target_entropy_share={share}")
    p = chances(one)
    entropy = -(p * np.log(p)).sum(-1)
    assert entropy == pytest.approx([share * math.log(2)] * 4, abs=0.05)


def test_a_fixed_temperature_gives_the_softmax_of_the_values() -> None:
    one, q = learnt("Choice", "agent.ent_coef=1.5")
    assert q == pytest.approx(np.tile([-1.0, 1.0], (4, 1)), abs=0.05)
    p = chances(one)
    assert np.log(p[:, 1] / p[:, 0]) == pytest.approx([2 / 1.5] * 4, abs=0.15)


def learnt(probe: str, *words: str) -> tuple[Any, Array]:
    """An agent that has learnt a probe, and its values ``[seed, action]`` of the observation 0."""
    quick = ("agent.hidden=[32]", "agent.lr=1e-2", "agent.lr_end=0", "agent.batch_size=32")
    same = (f"env=rlrun/{probe}-v0", "seeds=4", "total_steps=1500", "agent.learning_starts=50")
    one, envs = agent_and_envs("agent=sac_discrete", "tuned=none", *quick, *same, *words)
    for step, _, _ in interact(one, envs):
        if step == 1500:
            break
    assert isinstance(one, SACDiscrete)
    return one, one._critics(torch.zeros(4, 1, 1)).numpy()[:, 0]


def chances(one: Any) -> Array:
    """The probability of each action, ``[seed, action]``."""
    out = np.exp(one._acting(np.zeros((4, 1, 1), np.float32))[:, 0].astype(np.float64))
    found: Array = out / out.sum(-1, keepdims=True)
    return found


@pytest.mark.parametrize(
    ("words", "bonus"),
    [
        ((), 0.5 * math.log(2)),
        (("env.num_envs=3",), 0.5 * math.log(2)),
        (("agent.n_step=3", "agent.ent_coef=0"), 0.0),  # without the entropy of skipped steps
    ],
)
def test_a_truncated_episode_bootstraps(words: tuple[str, ...], bonus: float) -> None:
    """Reward 1 for ever is worth 10, and the entropy of two equal actions, but the first's, 9."""
    same = ("gamma=0.9", "agent.ent_coef=0.5", "agent.tau=0.1")
    _, q = learnt("Endless", *same, *words)
    assert q == pytest.approx(10 + 9 * bonus, rel=0.05)


def test_observations_decide() -> None:
    one, _ = learnt("Match", "agent.ent_coef=0.1")
    for right in (0, 1):
        obs = np.full((4, 1, 1), 2 * right - 1, np.float32)
        assert (one.act(obs, 0, explore=False) == right).all()
        assert one.value(obs) == pytest.approx(1.0, abs=0.05)


def test_actions_are_random_before_the_first_update_and_then_of_the_policy() -> None:
    words = (
        *SMALL,
        CART,
        "agent.learning_starts=1000",
        "replay.capacity=4000",
        "env.num_envs=2000",
    )
    one: Any
    one, envs = agent_and_envs(*words)
    one._actor.pieces[-1][..., 0, 0] += math.log(9.0)  # nine times as likely
    before = one.act(envs.obs, 0)
    assert before.mean(1) == pytest.approx([0.5, 0.5], abs=0.05)
    drive(one, envs, 2000)  # an update is due
    one._actor.flat.zero_()
    one._actor.pieces[-1][..., 0, 0] += math.log(9.0)
    assert one.act(envs.obs, 2000).mean(1) == pytest.approx([0.1, 0.1], abs=0.03)
    assert not one.act(envs.obs, 2000, explore=False).any()


def test_illegal_actions_are_never_taken() -> None:
    one, envs = agent_and_envs(*SMALL, MASKS, "env.num_envs=5")
    for step, t, _ in interact(one, envs):
        assert t.legal is not None
        assert np.take_along_axis(t.legal, t.action[..., None], -1).all()
        if step > 400:
            break


def test_the_value_is_that_of_the_likeliest_action() -> None:
    one, envs = trained(CART, "env.num_envs=3")
    q = one._critics(torch.from_numpy(envs.obs)).numpy()
    action = one.act(envs.obs, 60, explore=False)
    wanted = [[q[s, e, action[s, e]] for e in range(3)] for s in range(2)]
    assert one.value(envs.obs).tolist() == wanted


def weights(agent: Any) -> Any:
    state = host(agent.state_dict())
    return {key: state[key] for key in ("policy", "critics", "temperature")}


def test_a_frozen_seed_stays_and_the_other_learns_on() -> None:
    (one, envs), (other, others) = trained(CART), trained(CART)
    before = weights(one)
    one.freeze(0)
    drive(one, envs, 20, 60)
    drive(other, others, 20, 60)
    after = weights(one)
    for place in (("policy", "actor"), ("critics", "online"), ("temperature", "log")):
        a, b = (state[place[0]][place[1]] for state in (before, after))
        assert np.array_equal(a[0], b[0])
        assert not np.array_equal(a[1], b[1])
    assert differences(row(after, 1), row(weights(other), 1)) == []


def test_a_seed_that_is_not_finite_any_more_is_named_and_harms_no_other() -> None:
    (one, envs), (other, others) = trained(CART), trained(CART)
    one._critics.online.flat[0, 0] = np.inf
    drive(one, envs, 20, 60)
    drive(other, others, 20, 60)
    assert list(one.faults) == [0]
    assert one.faults[0].startswith(("the critics' loss is", "the actor's loss is"))
    assert differences(row(weights(one), 1), row(weights(other), 1)) == []


def test_histograms_have_every_weight_once() -> None:
    one: Any
    one, _ = agent_and_envs(*SMALL, CART, "replay=prioritized")
    assert {tag: values.shape for tag, values in one.histograms().items()} == {
        "weights/actor_0": (2, 4 * 16),
        "weights/actor_1": (2, 16 * 16),
        "weights/actor_2": (2, 16 * 2),
        "weights/shared_0": (2, 2 * 4 * 16),
        "weights/head_0": (2, 2 * 16 * 16),
        "weights/head_1": (2, 2 * 16 * 2),
        "replay/priority": (2, 0),
    }
