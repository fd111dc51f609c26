"""What PPO, A2C and REINFORCE do beside learning: stop, freeze, scale, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.agents.parts.minibatches import rollout_to_batch
from rlrun.agents.ppo import PPO
from rlrun.agents.reinforce import Reinforce
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.types import Step
from tests.support.common import (
    SMALL_PPO,
    SMALL_REINFORCE,
    agent_and_envs,
    differences,
    drive,
    host,
    row,
)

pytestmark = pytest.mark.slow

CART = "env=CartPole-v1"
SCALED = (*SMALL_PPO, "env=Pendulum-v1", "agent.normalize_obs=true", "agent.normalize_reward=true")
STOPPING = (*SMALL_PPO, CART, "agent.epochs=8", "agent.target_kl=0.02", "agent.lr=3e-2")


def ppo(*words: str) -> tuple[PPO, Any]:
    one, envs = agent_and_envs(*words)
    assert isinstance(one, PPO)
    return one, envs


@pytest.mark.parametrize("words", [SCALED, STOPPING], ids=["scaled", "stopping"])
@pytest.mark.parametrize("envs_per_seed", [1, 3])
def test_a_seed_in_a_stack_is_the_seed_alone(words: tuple[str, ...], envs_per_seed: int) -> None:
    more = (*words, f"env.num_envs={envs_per_seed}")
    stack, envs = ppo(*more, "seed=5", "seeds=3")
    together = drive(stack, envs, 240)
    for k in range(3):
        alone, own = ppo(*more, f"seed={5 + k}", "seeds=1")
        apart = drive(alone, own, 240)
        for a, b in zip(together, apart, strict=True):
            assert differences([row(each, k) for each in a], b) == []
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


@pytest.mark.parametrize("words", [SCALED, STOPPING], ids=["scaled", "stopping"])
def test_loaded_in_the_middle_of_a_rollout_it_goes_on(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    one, envs = ppo(*words, "seeds=2")
    drive(one, envs, 85)  # 5 of 8 steps into a rollout
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    expected = drive(one, envs, 100, 85)
    other, others = ppo(*words, "seeds=2")
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    assert differences(expected, drive(other, others, 100, 85)) == []


def test_seeds_stop_on_their_own_once_they_are_far_away() -> None:
    one, envs = ppo(*STOPPING, "seeds=4")
    drive(one, envs, 400)
    free, others = ppo(*STOPPING, "agent.target_kl=null", "seeds=4")
    drive(free, others, 400)
    full = 50 * 8 * 2  # rollouts, epochs, batches
    assert (free._updates == full).all()
    assert (one._updates < full).all()
    assert len(set(one._updates.tolist())) > 1
    assert (one._optimizer.state_dict()["steps"].numpy() == one._updates).all()


def test_a_seed_that_is_too_far_away_keeps_its_weights() -> None:
    """With nothing allowed the first batch of a rollout changes weights, and no other one."""
    words = (*SMALL_PPO, CART, "agent.target_kl=1e-9", "agent.batch_size=8", "agent.epochs=5")
    one, envs = ppo(*words, "seeds=2")
    drive(one, envs, 80)
    assert one._updates.tolist() == [10, 10]


@pytest.mark.parametrize("words", [(*SMALL_PPO, CART), (*SMALL_REINFORCE, CART)])
def test_a_frozen_seed_keeps_its_weights_and_the_others_do_not_notice(
    words: tuple[str, ...],
) -> None:
    one, envs = agent_and_envs(*words, "seeds=3")
    other, others = agent_and_envs(*words, "seeds=3")
    assert isinstance(one, PPO | Reinforce)
    assert isinstance(other, PPO | Reinforce)
    before = one._actor.params.flat.clone()
    one.freeze(1)
    drive(one, envs, 300)
    drive(other, others, 300)
    after, free = one._actor.params.flat, other._actor.params.flat
    assert torch.equal(after[1], before[1])
    for k in (0, 2):
        assert not torch.equal(after[k], before[k])
        assert torch.equal(after[k], free[k])


@pytest.mark.parametrize("words", [(*SMALL_PPO, CART), (*SMALL_REINFORCE, CART)])
def test_a_seed_whose_loss_is_not_finite_is_frozen(words: tuple[str, ...]) -> None:
    one, envs = agent_and_envs(*words, "seeds=3")
    assert isinstance(one, PPO | Reinforce)
    drive(one, envs, 40)
    for t in (envs.step(one.act(envs.obs, 0)) for _ in range(200)):
        reward = t.reward.copy()
        reward[2] = np.inf
        one.learn(t._replace(reward=reward), 1000)
    assert list(one.faults) == [2]
    assert "the loss is" in one.faults[2]
    assert one._actor.params.flat.isfinite().all()


def test_what_is_believed_is_in_the_environments_own_rewards() -> None:
    one, _ = ppo(*SMALL_PPO, CART, "agent.normalize_reward=true", "seeds=1")
    plain, _ = ppo(*SMALL_PPO, CART, "seeds=1")
    obs = np.ones((1, 1, 4), np.float32)
    assert one.value(obs) == pytest.approx(plain.value(obs))
    assert one._rewards is not None
    none = np.zeros((1, 1))
    for reward in (0.0, 6.0):  # a standard deviation of 3
        one._rewards(Step(obs, none, none + reward, none, obs, none > 0))
    assert one.value(obs) == pytest.approx(3 * plain.value(obs))


def test_evaluation_takes_the_means_and_scales_as_training_does() -> None:
    one, envs = ppo(*SCALED, "seeds=2")
    drive(one, envs, 50)
    net, pieces = one._actor.net, one._actor.params.pieces
    seen = torch.from_numpy(one._actor.normalized(envs.obs))
    mean = net.policy(pieces, seen)[..., :1].numpy()
    assert np.array_equal(one.act(envs.obs, 0, explore=False), mean)
    drawn = [one.act(envs.obs, 0) for _ in range(400)]
    assert np.std(drawn, 0) == pytest.approx(pieces[-1][..., :1].exp().numpy(), rel=0.2)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "tests.support.pixels:Film-v0"])
def test_an_update_in_bfloat16_is_near_one_in_float32(env: str) -> None:
    """Eight bits of mantissa are an error of up to 0.4 % in each product."""

    def first(precision: str) -> torch.Tensor:
        words = (f"env={env}", "seeds=2", "agent.normalize_advantage=false")
        one, envs = ppo(*SMALL_PPO, *words, f"device.precision={precision}")
        drive(one, envs, 7)
        one._rollout.add(envs.step(one.act(envs.obs, 7)))
        whole, _ = rollout_to_batch(one._actor, one._device, one._rollout.drain(), 0.9)
        gradient = one._gradient(whole)[1]
        assert one._actor.params.flat.dtype == gradient.dtype == torch.float32
        return gradient

    exact, low = first("float32"), first("bfloat16")
    away = (low - exact).norm(dim=1) / exact.norm(dim=1)
    assert ((away > 1e-5) & (away < 0.03)).all()


def test_the_learning_rate_falls_in_a_straight_line() -> None:
    words = (*SMALL_PPO, CART, "agent.lr=0.4", "agent.lr_end=0.2", "total_steps=80")
    seen = [m["train/learning_rate"][0] for _, m in drive(*agent_and_envs(*words), 160) if m]
    wanted = [0.4 - 0.2 * step / 80 for step in range(0, 80, 8)]  # where the rollouts begin
    assert seen == pytest.approx(wanted + [0.2] * 10)


def test_reinforce_without_a_baseline_believes_nothing() -> None:
    assert hasattr(agent_and_envs(*SMALL_REINFORCE, CART)[0], "value")
    assert not hasattr(agent_and_envs(*SMALL_REINFORCE, CART, "agent.baseline=false")[0], "value")


def test_reinforce_learns_in_chunks_what_it_would_learn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def weights(chunk: int) -> torch.Tensor:
        monkeypatch.setattr("rlrun.agents.parts.chunks.CHUNK", chunk)
        one, envs = agent_and_envs(*SMALL_REINFORCE, CART, "seeds=2", "agent.episodes=4")
        drive(one, envs, 200)
        assert isinstance(one, Reinforce)
        assert (one._updates >= 1).all()
        return one._actor.params.flat

    assert torch.allclose(weights(7), weights(512), atol=1e-4)


def test_chunks_of_other_seeds_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds that need different numbers of chunks, and learn at different times."""
    monkeypatch.setattr("rlrun.agents.parts.chunks.CHUNK", 8)
    words = (*SMALL_REINFORCE, CART, "agent.max_grad_norm=0.5")
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    drive(stack, envs, 400)
    assert isinstance(stack, Reinforce)
    assert len(set(stack._updates.tolist())) > 1
    for k in range(3):
        alone, own = agent_and_envs(*words, f"seed={5 + k}", "seeds=1")
        drive(alone, own, 400)
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("agent.batch_size=3", "agent.batch_size must divide the 8 steps"),
        ("agent.trace_decay=1.5", "agent.trace_decay must be between 0 and 1, got 1.5"),
        ("agent.clip=0", "agent.clip must be positive"),
        ("agent.epochs=0", "agent.epochs must be at least 1"),
        ("agent.n_steps=0", "agent.n_steps must be at least 1"),
        ("agent.activation=sigmoid", "agent.activation must be one of relu, tanh"),
    ],
)
def test_wrong_settings_are_told_of(word: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        agent_and_envs(*SMALL_PPO, CART, word)


def test_only_vectors_are_normalised() -> None:
    with pytest.raises(BadInput, match="normalize_obs only applies to vectors"):
        agent_and_envs(*SMALL_PPO, "env=FrozenLake-v1", "agent.normalize_obs=true")
