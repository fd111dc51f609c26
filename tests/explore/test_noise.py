"""Noise on actions: its statistics against the formulas, its decay, its episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Array, Space, Spec
from rlrun.explore.noise import (
    ActionNoise,
    GaussianSettings,
    OrnsteinUhlenbeck,
    OrnsteinUhlenbeckSettings,
)

SPEC = Spec("test", Space("vector", (1,)), Space("vector", (2, 3)), 4)
SHAPE = (2, 4, 2, 3)


def gaussian(seeds: list[int], horizon: int = 100, **given: Any) -> OrnsteinUhlenbeck:
    return GaussianSettings(**given).build(SPEC, seeds, horizon)


def drifting(seeds: list[int], horizon: int = 100, **given: Any) -> OrnsteinUhlenbeck:
    return OrnsteinUhlenbeckSettings(**given).build(SPEC, seeds, horizon)


def drawn(noise: ActionNoise, count: int, last: Array | None = None) -> Array:
    """``[time, seed, env, 2, 3]``."""
    found = []
    for step in range(count):
        found.append(noise(step).copy())
        noise.observe(np.zeros((2, 4), np.bool_) if last is None else last)
    return np.stack(found)


def test_gaussian_noise_is_independent() -> None:
    x = drawn(gaussian([0, 1], start=0.3), 4000)
    assert x.shape == (4000, *SHAPE)
    assert x.mean(0) == pytest.approx(np.zeros(SHAPE), abs=5 * 0.3 / 4000**0.5)
    assert x.std(0) == pytest.approx(np.full(SHAPE, 0.3), rel=0.06)
    assert (x[1:] * x[:-1]).mean((0, 2, 3, 4)) == pytest.approx(np.zeros(2), abs=0.002)
    flat = x.reshape(4000, -1)
    assert np.corrcoef(flat.T) == pytest.approx(np.eye(flat.shape[1]), abs=0.09)


@pytest.mark.slow
def test_ornstein_uhlenbeck_against_its_formula() -> None:
    """From 0, after t steps the variance is sigma² (1 - (1 - theta)^2t) / (1 - (1 - theta)²)."""
    theta, sigma, times = 0.15, 0.2, 3000
    noise = drifting([0, 1], theta=theta, start=sigma)
    x = []
    for _ in range(times):
        x.append(drawn(noise, 40))
        noise.observe(np.ones((2, 4), np.bool_))  # every episode ends: it begins from 0 again
    found = np.stack(x).reshape(times, 40, 2, -1)
    keep = 1 - theta
    for t in (1, 2, 5, 40):
        expected = sigma**2 * (1 - keep ** (2 * t)) / (1 - keep**2)
        assert found[:, t - 1].var((0, 2)) == pytest.approx(np.full(2, expected), rel=0.03)
    lag = (found[:, 39] * found[:, 34]).mean((0, 2)) / found[:, 34].var((0, 2))
    assert lag == pytest.approx(np.full(2, keep**5), abs=0.03)


def test_drifting_by_hand() -> None:
    """x' = x - theta x + sigma N, with the N of Gaussian noise of the same seeds."""
    normals = drawn(gaussian([3, 4], start=1.0), 3)
    x = drawn(drifting([3, 4], theta=0.25, start=0.5), 3)
    assert x[0] == pytest.approx(0.5 * normals[0])
    assert x[1] == pytest.approx(0.75 * x[0] + 0.5 * normals[1])
    assert x[2] == pytest.approx(0.75 * x[1] + 0.5 * normals[2])


def test_an_episode_that_ends_takes_its_noise_along_and_no_other() -> None:
    apart, ended = (drifting([0, 1], theta=0.1, start=0.2) for _ in range(2))
    before = drawn(apart, 1)[0]
    last = np.zeros((2, 4), np.bool_)
    last[1, 2] = True
    drawn(ended, 1, last)
    difference = drawn(apart, 1)[0] - drawn(ended, 1)[0]
    assert difference[1, 2] == pytest.approx(0.9 * before[1, 2])
    difference[1, 2] = 0
    assert not difference.any()


@pytest.mark.parametrize("theta", [None, 1.0])
def test_it_decays_in_a_straight_line_and_stays(theta: float | None) -> None:
    line = {"start": 0.5, "end": 0.1, "fraction": 0.5}
    noise = (
        gaussian([0, 1], 400, **line)
        if theta is None
        else drifting([0, 1], 400, theta=theta, **line)
    )
    for step, rate in ((0, 0.5), (100, 0.3), (200, 0.1), (400, 0.1), (900, 0.1)):
        assert noise.rate(step).tolist() == pytest.approx([rate] * 2)
    late = np.stack([noise(300) for _ in range(2000)])
    assert late.std((0, 2, 3, 4)) == pytest.approx(np.full(2, 0.1), rel=0.05)


def test_a_seed_draws_the_same_beside_any_other() -> None:
    both = drawn(gaussian([7, 8], start=1.0), 50)
    other = gaussian([8, 9], start=1.0)
    assert np.array_equal(drawn(other, 50)[:, 0], both[:, 1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"theta": 0.0}, "theta must be above 0 and at most 1, got 0"),
        ({"theta": 1.5}, "theta must be above 0 and at most 1, got 1.5"),
        ({"start": -0.1}, "start must be at least 0, got -0.1"),
        ({"end": -0.1}, "end must be at least 0, got -0.1"),
        ({"fraction": 1.5}, "fraction must be between 0 and 1, got 1.5"),
    ],
)
def test_bad_values_are_named(given: dict[str, float], words: str) -> None:
    right = {"theta": 0.15, "start": 0.2, "end": None, "fraction": 1.0}
    with pytest.raises(BadInput, match=rf"^explore\.{words}"):
        construct(OrnsteinUhlenbeckSettings, {**right, **given}, "explore")
    if "theta" not in given:
        with pytest.raises(BadInput, match=rf"^explore\.{words}"):
            construct(GaussianSettings, given, "explore")
