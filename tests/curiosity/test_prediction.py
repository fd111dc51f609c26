"""Bonuses that are errors of predictors: RND and ICM against numpy and autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from rlrun.core.types import Array, Space, Spec, Step
from rlrun.curiosity.icm import ICM, INVERSE, ICMSettings
from rlrun.curiosity.prediction import LOSS, PredictionBonus, Transitions
from rlrun.curiosity.rnd import RND, RNDSettings
from rlrun.nets.device import Device, DeviceSettings
from tests.curiosity.test_count import CHOICE, spec

VECTOR, CONTINUOUS = Space("vector", (3,)), Space("vector", (2,))
SMALL: dict[str, Any] = {"hidden": (8,), "features": 6, "warm_up": 0}


def built(name: str, where: Spec, seeds: int = 2, **more: Any) -> PredictionBonus:
    classes: dict[str, Any] = {"rnd": RNDSettings, "icm": ICMSettings}
    settings = classes[name](**{**SMALL, **more})
    device = Device(DeviceSettings(name="cpu"))
    bonus: PredictionBonus = settings.build(where, range(5, 5 + seeds), 1000, device)
    return bonus


def steps(where: Spec, *lead: int, draw: int = 0) -> Step:
    """Random transitions ``[seed, ...]``."""
    rng = np.random.default_rng(draw)

    def drawn(space: Space) -> Array:
        if space.choices:
            return rng.integers(0, space.choices[0], lead)
        return rng.standard_normal((*lead, *space.shape)).astype(np.float32)

    zeros = np.zeros(lead)
    obs, action, after = drawn(where.obs), drawn(where.action), drawn(where.obs)
    return Step(obs, action, zeros, zeros, after, zeros.astype(bool))


def layers(pieces: Any, seed: int, x: Array) -> Array:
    """The output of dense layers with a ReLU between them, by numpy."""
    for n in range(0, len(pieces), 2):
        weight, bias = (each[seed].numpy().astype(np.float64) for each in pieces[n : n + 2])
        x = np.pad(x, [(0, 0), (0, len(weight) - x.shape[-1])]) @ weight + bias
        if n + 2 < len(pieces):
            x = np.maximum(x, 0)
    return x


def test_the_error_of_rnd_is_the_mean_square_between_two_networks() -> None:
    where = spec(VECTOR)
    bonus: Any = built("rnd", where)
    one: RND = bonus._predictor
    t = steps(where, 2, 4)
    found = one.errors(Transitions(t.obs, t.action, t.next_obs))
    for seed in range(2):
        outs = [
            layers(params.pieces, seed, t.next_obs[seed])[:, :6]
            for params in (one._target, one._predictor)
        ]
        assert found[seed] == pytest.approx(((outs[0] - outs[1]) ** 2).mean(-1), rel=1e-4)


@pytest.mark.parametrize("obs", [VECTOR, Space("discrete", (), (3,)), Space("grid", (2, 4, 4))])
def test_rnd_forgets_novelty_where_it_learns_and_its_target_stays(obs: Space) -> None:
    where = spec(Space(obs.kind, obs.shape, obs.choices, top=(1, 1)))
    bonus: Any = built("rnd", where, lr=0.01)
    one: RND = bonus._predictor
    rng, zeros = np.random.default_rng(0), np.zeros((2, 8), int)
    if obs.kind == "grid":
        places: Array = rng.integers(0, 2, (2, 2, *obs.shape), np.uint8)
    elif obs.choices:
        places = np.array([[0, 1]] * 2)
    else:
        places = np.eye(3, dtype="f4")[None, :2].repeat(2, 0)
    known, new = (Transitions(places, zeros[:, :2], places[:, n : n + 1]) for n in (0, 1))
    target, before = one._target.flat.clone(), one.errors(new)
    for _ in range(300):
        one.update(known, 0.01, ())
    assert (one.errors(known) < 1e-3).all()
    assert (one.errors(new) > 0.1 * before).all()
    assert torch.equal(one._target.flat, target)


def test_the_gradient_of_rnd_is_that_of_its_loss() -> None:
    where = spec(VECTOR)
    bonus: Any = built("rnd", where)
    one: RND = bonus._predictor
    obs = torch.from_numpy(steps(where, 2, 5).next_obs)
    flat = one._predictor.flat.clone().requires_grad_()
    pieces = type(one._predictor)(flat, one._net.shapes).pieces
    x = functional.pad(obs, (0, 1))
    hidden = torch.relu(torch.baddbmm(pieces[1], x, pieces[0]))
    out = torch.baddbmm(pieces[3], hidden, pieces[2])[..., :6]
    loss = ((out - one._net.infer(one._target.pieces, obs)) ** 2).mean((1, 2))
    (expected,) = torch.autograd.grad(loss.sum(), flat)
    value, gradient = one._gradient(obs)
    assert torch.allclose(value, loss) and torch.allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize("action", [CHOICE, CONTINUOUS])
def test_the_gradient_of_icm_is_that_of_its_losses(action: Space) -> None:
    """The features get that of the inverse model alone."""
    where = spec(VECTOR, action)
    bonus: Any = built("icm", where)
    one: ICM = bonus._predictor
    t = steps(where, 2, 5)
    obs, given, after = map(torch.from_numpy, (t.obs, t.action, t.next_obs))
    flat = one._params.flat.clone().requires_grad_()
    pieces, bounds = type(one._params)(flat, one._net.shapes).pieces, one._net.bounds

    def run(part: int, x: torch.Tensor, width: int) -> torch.Tensor:
        p = pieces[bounds[part]]
        x = functional.pad(x, (0, p[0].shape[1] - x.shape[-1]))
        return torch.baddbmm(p[3], torch.relu(torch.baddbmm(p[1], x, p[0])), p[2])[..., :width]

    numbers = given if action is CONTINUOUS else functional.one_hot(given, 2).float()
    before, later = run(1, obs, 6), run(1, after, 6)
    guess = run(2, torch.cat([before, later], -1), 2)
    found = run(3, torch.cat([before.detach(), numbers], -1), 6)
    if action is CHOICE:
        inverse = functional.cross_entropy(guess.flatten(0, 1), given.flatten(), reduction="none")
        inverse = inverse.view(2, 5)
    else:
        inverse = ((guess - numbers) ** 2).mean(-1)
    forward = ((found - later.detach()) ** 2).mean(-1)
    total = inverse.mean(-1) + forward.mean(-1)
    (expected,) = torch.autograd.grad(total.sum(), flat)
    values = one._gradient(obs, given, after)
    assert torch.allclose(values[0], forward.mean(-1)) and torch.allclose(
        values[1], inverse.mean(-1)
    )
    assert torch.allclose(values[2], expected, atol=1e-6)


def test_icm_learns_which_action_was_taken_and_what_follows() -> None:
    """An action that moves a point to the left or to the right by 1."""
    where, rng = spec(Space("vector", (2,)), CHOICE), np.random.default_rng(0)
    bonus: Any = built("icm", where, hidden=(32,), lr=0.01)
    one: ICM = bonus._predictor
    found: dict[str, Array] = {}
    for _ in range(500):
        obs, action = rng.standard_normal((2, 32, 2)).astype("f4"), rng.integers(0, 2, (2, 32))
        after = obs + np.stack([2 * action - 1, 0 * action], -1).astype("f4")
        found = one.update(Transitions(obs, action, after), 0.01, ())
    assert (found[INVERSE] < 0.1).all()  # of ln 2 for a guess
    strange = Transitions(obs, 1 - action, after)
    assert (one.errors(strange).mean(-1) > 5 * found[LOSS]).all()


@pytest.mark.parametrize("name", ["rnd", "icm"])
def test_the_bonus_is_the_normalized_error_after_the_warm_up(name: str) -> None:
    where = spec(VECTOR, envs=2)
    one: Any = built(name, where, warm_up=8, scale=np.array([2.0, 3.0]), discount=0.5)
    sums, total = [], np.zeros((2, 2))
    for n in range(8):
        t = steps(where, 2, 2, draw=n)
        if n <= 4:  # the bonus of a step is asked for after it was observed
            assert not one.bonus(t).any()
        one.observe(t)
        seen = Transitions(one._whitening(t.obs), t.action, one._whitening(t.next_obs))
        error = one._predictor.errors(seen)
        if n >= 2:  # 6 of 8 observations: beyond half the warm-up
            total = 0.5 * total + error
            sums.append(total.copy())
        expected = np.array([[2.0], [3.0]]) * error
        if n >= 4:
            expected = expected / np.std(np.stack(sums, -1).reshape(2, -1), axis=-1)[:, None]
            assert one.bonus(t) == pytest.approx(expected, rel=1e-5)


def test_every_transition_of_a_rollout_is_learnt_from_once() -> None:
    where = spec(VECTOR, envs=2)
    one: Any = built("rnd", where, batch_size=4)
    t = steps(where, 2, 5, 2)
    learnt: list[Transitions] = []
    update = one._predictor.update

    def noted(batch: Transitions, *more: Any) -> Any:
        learnt.append(batch)
        return update(batch, *more)

    one._predictor.update = noted
    one.learn(t)
    assert [each.action.shape for each in learnt] == [(2, 4), (2, 4), (2, 2)]
    for seed in range(2):
        found = np.concatenate([each.next_obs[seed] for each in learnt])
        whole = one._whitening(t.next_obs.reshape(2, 10, 3))[seed]
        assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, whole.tolist()))
        assert found.tolist() != whole.tolist()  # in a random order


@pytest.mark.parametrize("name", ["rnd", "icm"])
def test_a_seed_without_finite_numbers_is_a_fault_and_frozen_seeds_stay(name: str) -> None:
    where = spec(VECTOR)
    one: Any = built(name, where, seeds=3)
    params = one._predictor._predictor if name == "rnd" else one._predictor._params
    t = steps(where, 3, 4)
    t.next_obs[0] = np.nan
    one.freeze(1)
    before = params.flat.clone()
    one.learn(t)
    one.learn(t)
    assert one.faults == {0: "the loss of the curiosity is nan"}
    assert torch.equal(params.flat[1], before[1]) and not torch.equal(params.flat[2], before[2])


def test_icm_refuses_actions_of_several_parts() -> None:
    several = spec(VECTOR, Space("multi_discrete", (2,), (2, 3)))
    with pytest.raises(ValueError, match=r"name=icm predicts one action, and those of Test-v0"):
        ICMSettings().check(several, 1)
    RNDSettings().check(several, 1)
