"""Imitation: losses worked out by hand, gradients against autograd, and who learns what of whom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from rlrun import build
from rlrun.agents.parts.cloning import Clone, CloningSettings
from rlrun.core.errors import BadInput
from rlrun.core.rng import Generators, Purpose
from rlrun.core.types import Array, Space, Spec
from rlrun.nets.device import Device, DeviceSettings
from rlrun.replay.demonstrations import Demonstration, Demonstrations, Pairs, Shown
from tests.support.common import SMALL_CLONE, agent_and_envs, agent_of, parts_and_env, settings

NUMBERS = Spec("Test-v0", Space("vector", (2,)), Space("vector", (2,)), 1)
CHOICES = Spec("Test-v0", Space("vector", (2,)), Space("discrete", (), (3,)), 1)
MASKED = Spec("Test-v0", Space("vector", (2,)), Space("discrete", (), (3,)), 1, masked=True)


def episode(obs: Any, action: Any, legal: Any = None) -> Demonstration:
    obs, action = np.array(obs, np.float32), np.array(action)
    last = np.zeros(2, np.float32)
    mask = None if legal is None else np.array(legal, np.bool_)
    return Demonstration(obs, action, np.zeros(len(obs)), last, True, 0, 0, mask)


def clone(
    spec: Spec,
    episodes: Sequence[Demonstration],
    *,
    held_out: float = 0,
    hidden: tuple[int, ...] = (),
    scaled: bool = False,
) -> Clone:
    """A policy of one seed, whose weights are 0, and its demonstrations."""
    settings = CloningSettings(hidden=hidden, normalize_obs=scaled)
    demos = Demonstrations(spec, 1)
    demos.fill(Shown([episodes], Generators((0,), Purpose.DEMONSTRATIONS), None), held_out, 1)
    own = Clone(spec, (0,), 100, Device(DeviceSettings()), demos, settings, 1)
    own.actor.params.flat.zero_()
    return own


def loss_of(own: Clone) -> float:
    return float(np.asarray(own.update(0.0)["train/loss"])[0])


def test_the_loss_of_equal_probabilities_is_the_log_of_their_number() -> None:
    own = clone(CHOICES, [episode([[1, 2], [3, 4]], [0, 2])])
    assert loss_of(own) == pytest.approx(math.log(3), rel=1e-6)


def test_the_loss_of_choices_is_the_cross_entropy() -> None:
    """Logits are (x, 0, 0) for the observation (x, y): by hand for x = 1, the action 0."""
    own = clone(CHOICES, [episode([[1, 5]], [0])])
    own.actor.networks["policy"]["policy_0"][0, 0, 0] = 1.0
    assert loss_of(own) == pytest.approx(-math.log(math.e / (math.e + 2)), rel=1e-6)


def test_illegal_choices_have_no_part_in_the_loss() -> None:
    own = clone(MASKED, [episode([[1, 5]], [0], [[True, False, True]])])
    own.actor.networks["policy"]["policy_0"][0, 0, 0] = 1.0
    assert loss_of(own) == pytest.approx(-math.log(math.e / (math.e + 1)), rel=1e-6)


def test_the_loss_of_numbers_is_half_the_squared_distance() -> None:
    """Means are (x, 0): from (1, 5) to the action (0.5, -1) it is (0.25 + 1) / 2."""
    own = clone(NUMBERS, [episode([[1, 5]], np.array([[0.5, -1]], np.float32))])
    own.actor.networks["policy"]["policy_0"][0, 0, 0] = 1.0
    assert loss_of(own) == pytest.approx(0.625, rel=1e-6)


@pytest.mark.parametrize("spec", [NUMBERS, CHOICES, MASKED])
def test_the_gradient_is_autograds(spec: Spec) -> None:
    rng = np.random.default_rng(0)
    actions: Any = rng.integers(3, size=8)
    if spec is NUMBERS:
        actions = rng.random((8, 2)).astype(np.float32)
    legal = None
    if spec.masked:
        legal = rng.random((8, 3)) < 0.5
        legal[np.arange(8), actions] = True
    own = clone(spec, [episode(rng.random((8, 2)), actions, legal)], hidden=(5,))
    params = own.actor.params
    for name, view in own.actor.net.named(params).items():
        if name.startswith("policy"):  # the deviation is 1 and not learnt
            view.copy_(torch.from_numpy(rng.normal(size=view.shape)).float())
    pairs = own._tensors(own._demos.sample(rng.random((1, 8))))
    _, gradient = own._gradient(pairs)
    given = gradient.clone()
    named = {
        name: each.clone().requires_grad_() for name, each in own.actor.net.named(params).items()
    }
    hidden = torch.tanh(pairs.obs @ named["policy_0"] + named["policy_1"])
    out = hidden @ named["policy_2"] + named["policy_3"]
    if spec is NUMBERS:
        loss = 0.5 * (out - pairs.action).square().sum(-1).mean()
    else:
        masked = out if pairs.legal is None else out.masked_fill(~pairs.legal, -1e8)
        loss = -masked.log_softmax(-1).gather(-1, pairs.action).mean()
    loss.backward()
    written = type(params)(given, params.shapes)
    for name, piece in own.actor.net.named(written).items():
        if name.startswith("policy"):
            assert torch.allclose(piece, named[name].grad, atol=1e-6), name  # type: ignore[arg-type]
        else:
            assert not piece.any()


def test_validation_is_the_mean_over_the_pairs_held_out() -> None:
    """Of 300 pairs, in two chunks: 100 of the likeliest action 0, and 200 of others."""
    train = [episode([[0, 0]], [1])]
    held = [episode(np.tile([1, 0], (300, 1)), [0] * 100 + [1] * 200)]
    own = clone(CHOICES, [*train, *held], held_out=0.5)
    own.actor.networks["policy"]["policy_0"][0, 0, 0] = 1.0
    found = own.validation()
    total = math.log(math.e + 2)
    assert np.asarray(found["train/validation_accuracy"]) == pytest.approx([1 / 3])
    assert np.asarray(found["train/validation_loss"]) == pytest.approx([total - 1 / 3], rel=1e-5)


def test_without_episodes_held_out_there_is_no_validation() -> None:
    own = clone(CHOICES, [episode([[0, 0]], [1])] * 4, held_out=0.2)
    assert own.validation() == {}


def test_observations_are_scaled_by_the_pairs_that_are_learnt_from() -> None:
    own = clone(
        CHOICES,
        [episode([[1, 2], [3, 6]], [0, 0]), episode([[100, 100]], [0])],
        held_out=0.5,
        scaled=True,
    )
    scaled = own.actor.normalized(np.array([[[3, 2], [2, 4]]], np.float32))
    assert scaled[0] == pytest.approx(np.array([[1, -1], [0, 0]]), abs=1e-6)


def test_a_clone_needs_an_expert_and_others_none() -> None:
    with pytest.raises(BadInput, match=r"imitates an expert.*rule that fits: cartpole_pd, cart"):
        build.validate(settings("agent=dagger", "env=CartPole-v1"))
    with pytest.raises(BadInput, match=r"dqn does not imitate.*behaviour_cloning, dagger"):
        build.validate(settings("agent=dqn", "env=CartPole-v1", "demos.expert=cartpole_pd"))
    with pytest.raises(BadInput, match="behaviour_cloning cannot learn from data"):
        words = "agent=behaviour_cloning", "demos.expert=cartpole_pd", "data=somewhere.npz"
        parts, env = parts_and_env(*words, "env=CartPole-v1")
        build.check(parts, env.spec)


DAGGER = ("agent=dagger", *SMALL_CLONE, "env=CartPole-v1", "demos.expert=cartpole_lean")


def test_the_expert_labels_the_states_that_the_learner_visits() -> None:
    """The rule says 1 where the pole leans to the right, whatever the learner did there."""
    words = *DAGGER, "agent.n_steps=10", "agent.updates=1", "seeds=2", "env.num_envs=2"
    agent, envs = agent_and_envs(*words)
    demos: Demonstrations = agent._demos  # type: ignore[attr-defined]
    before, taken = demos.count, []
    seen: list[Array] = []
    for step in range(2, 62, 2):
        t = envs.step(agent.act(envs.obs, step))
        seen.append(t.obs)
        metrics = agent.learn(t, step)
        label = (t.obs[..., 2] > 0).astype(np.int64)
        wanted = (t.action != label).mean(-1)
        assert np.array_equal(np.asarray(metrics["train/disagreement"]), wanted)
        taken.append("train/loss" in metrics)
    assert (demos.count - before).tolist() == [60, 60]
    assert [n for n, each in enumerate(taken) if each] == [0, 9, 19, 29]
    for k, own in enumerate(demos.state_dict()["training"]):
        visited = np.stack(seen, 1)[k].reshape(-1, 4)
        assert np.array_equal(own["obs"][before[k] :], visited)
        assert np.array_equal(own["action"][before[k] :], visited[:, 2] > 0)


def test_each_fit_has_as_many_updates_as_said() -> None:
    agent, envs = agent_and_envs(*DAGGER, "agent.n_steps=10", "agent.updates=7", "seeds=1")
    for step in range(1, 21):
        metrics = agent.learn(envs.step(agent.act(envs.obs, step)), step)
    assert np.asarray(metrics["train/n_updates"]).tolist() == [21]


def test_demonstrations_of_seeds_differ_and_do_not_depend_on_the_stack() -> None:
    words = "agent=behaviour_cloning", *SMALL_CLONE, "env=CartPole-v1", "demos.expert=cartpole_pd"
    parts, env = parts_and_env(*words, "seeds=3")
    state: Any = agent_of(parts, env).state_dict()["demos"]["training"]
    alone, _ = parts_and_env(*words, "seed=1", "seeds=1")
    (own,) = agent_of(alone, env).state_dict()["demos"]["training"]
    assert np.array_equal(own["obs"], state[1]["obs"])
    assert not np.array_equal(state[0]["obs"][:5], state[1]["obs"][:5])


def test_pairs_of_numbers_are_added() -> None:
    demos = Demonstrations(NUMBERS, 1)
    demos.add(Pairs(np.ones((1, 3, 2), np.float32), np.zeros((1, 3, 2), np.float32)))
    assert demos.count.tolist() == [3] and not demos.validates
