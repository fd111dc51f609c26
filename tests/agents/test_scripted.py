"""Hand-written rules: actions by hand, Gymnasium's lander, scores, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.box2d import lunar_lander

from rlrun import build
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.types import Array, Space
from rlrun.envs.hand_written import RULES, Rule, fitting_rules
from rlrun.loop import evaluate
from tests.support.common import parts_and_env, settings


def acts(name: str, *observations: list[float]) -> Array:
    """The actions of a rule, for one environment of as many seeds as there are observations."""
    return RULES[name].act(np.array(observations, np.float32)[:, None])[:, 0]


def test_cartpole() -> None:
    # .1 * 1 + .4 * -1 + 3 * .2 + .8 * -.3 = .06, and -.1 without the first
    up, down = [1.0, -1.0, 0.2, -0.3], [0.0, -1.0, 0.2, -0.375]
    assert acts("cartpole_pd", up, down).tolist() == [1, 0]
    assert acts("cartpole_lean", [0, 0, 0.1, -9], [0, 0, -0.1, 9]).tolist() == [1, 0]


def test_cars_follow_their_speed() -> None:
    moving = [-0.5, -0.01], [-0.5, 0.0], [-0.5, 0.01]
    assert acts("mountain_car", *moving).tolist() == [0, 2, 2]
    assert acts("mountain_car_continuous", *moving).tolist() == [[-1], [-1], [1]]


def test_acrobot_follows_its_second_joint() -> None:
    assert acts("acrobot", [0, 0, 0, 0, 9, -1], [0, 0, 0, 0, -9, 1]).tolist() == [0, 2]


def test_pendulum_pumps_energy_below_and_balances_above() -> None:
    hanging = [-1.0, 0.0, 0.1]  # 30 less than upright, moving to the left: push on
    fast = [-1.0, 0.0, 7.8]  # .5 * 7.8² = 30.42, of which .42 is too much
    upright = [0.995, 0.1, -0.2]  # -5 * .1 + .2
    expected = [[1.0], [-0.42], [-0.3]]
    assert acts("pendulum", hanging, fast, upright) == pytest.approx(np.array(expected), abs=1e-5)
    assert acts("pendulum", [-1.0, 0.0, -0.1]).tolist() == [[-1.0]]


def test_lunar_lander_is_gymnasiums_heuristic() -> None:
    lander: Any = lunar_lander.heuristic
    rng = np.random.default_rng(0)
    obs = rng.normal(0, 0.5, (300, 8)).astype(np.float32)
    obs[:, 6:] = rng.random((300, 2)) < 0.2
    for name, continuous in (("lunar_lander", False), ("lunar_lander_continuous", True)):
        env = SimpleNamespace(unwrapped=SimpleNamespace(continuous=continuous))
        expected = [lander(env, each) for each in obs]
        assert np.array_equal(RULES[name].act(obs[:, None])[:, 0], np.array(expected, np.float32))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fits_its_environment_and_acts_in_its_space(name: str) -> None:
    rule = RULES[name]
    (stem,) = rule.envs
    (env_id,) = [each for each in gym.registry if each.startswith(f"{stem}-v")][-1:]
    spec = parts_and_env(f"env={env_id}", "agent=scripted")[1].spec
    assert name in fitting_rules(spec)
    action = rule.act(np.ones((3, 2, *rule.obs.shape), np.float32))
    assert action.shape == (3, 2, *rule.action.shape)
    assert action.dtype == np.dtype(rule.action.dtype)


def test_rules_that_are_made_for_an_environment_come_first() -> None:
    spec = parts_and_env("env=CartPole-v1", "agent=random")[1].spec
    assert fitting_rules(spec) == ["cartpole_pd", "cartpole_lean"]
    assert fitting_rules(replace(spec, env_id="Another-v0")) == ["cartpole_pd", "cartpole_lean"]
    assert fitting_rules(replace(spec, scaled=True)) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("env=CartPole-v1", "agent.rule=cartpol_pd"),
            r"agent\.rule=cartpol_pd: there is no such rule\. Did you mean cartpole_pd\? Rules: ",
        ),
        (
            ("env=Pendulum-v1", "agent.rule=acrobot"),
            r"agent\.rule=acrobot takes 6 numbers and acts by one of 3; in Pendulum-v1 they are "
            r"3 numbers and 1 number\. Rules that fit: pendulum",
        ),
        (
            ("env=tests.support.poles:Pole-v0",),
            r"agent\.rule must be named: none is made for tests\.support\.poles:Pole-v0, but these "
            r"fit its observations and actions: cartpole_pd, cartpole_lean",
        ),
        (
            ("env=FrozenLake-v1",),
            r"the agent scripted acts by a hand-written rule, and there is none with the "
            r"observations and actions of FrozenLake-v1\. Agents that fit: dqn,",
        ),
        (
            ("env=MountainCar-v0", "env.scale_obs=true"),
            r"mountain_car, made for MountainCar-v0, takes its own observations, 2 numbers: with "
            r"these settings \(env\.frame_stack, env\.scale_obs, \.\.\.\) they are 2 numbers and "
            r"scaled",
        ),
    ],
)
def test_what_does_not_fit_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        build.validate(settings("agent=scripted", *words))


def test_packages_add_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    number, two = Space("discrete", (), (16,)), Space("discrete", (), (4,))
    east = Rule(
        act=lambda obs: np.full_like(obs, 2), obs=number, action=two, envs=("FrozenLake",), what=""
    )
    loads: dict[str, Any] = {"east": east}

    def entry_points(group: str) -> list[Any]:
        assert group == "rlrun.rules"
        return [
            SimpleNamespace(name=name, value="mine:rule", load=lambda rule=rule: rule)
            for name, rule in loads.items()
        ]

    monkeypatch.setattr("rlrun.envs.hand_written.entry_points", entry_points)
    parts, env = parts_and_env("agent=scripted", "env=FrozenLake-v1")
    agent = build.build_agent(parts, env.spec)
    assert agent.act(np.zeros((2, 3), np.int64), 0).tolist() == [[2] * 3] * 2
    for name, rule, message in (
        ("acrobot", east, "has the name of a rule of rlrun: rename it"),
        ("west", lambda obs: obs, "is of type function, but must be a Rule"),
    ):
        loads.clear()
        loads[name] = rule
        with pytest.raises(BadInput, match=message):
            fitting_rules(env.spec)


@pytest.mark.train
@pytest.mark.parametrize(
    ("env_id", "rule", "low", "high"),
    [
        ("CartPole-v1", "null", 500, 500),
        ("CartPole-v1", "cartpole_lean", 38, 48),
        ("MountainCar-v0", "null", -122, -117),
        ("MountainCarContinuous-v0", "null", 91.5, 92.5),
        ("Acrobot-v1", "null", -92, -78),
        ("Pendulum-v1", "null", -165, -120),
        ("LunarLander-v3", "null", 200, 300),
        ("LunarLanderContinuous-v3", "null", 200, 300),
    ],
)
def test_scores(env_id: str, rule: str, low: float, high: float) -> None:
    """The mean of 50 episodes, 10 of each of five seeds."""
    words = (f"env={env_id}", "agent=scripted", f"agent.rule={rule}", "seed=1000", "seeds=5")
    parts, env = parts_and_env(*words)
    envs = build.evaluation_envs(parts, env, 10, Purpose.FINAL_EPISODES)
    played = evaluate(build.build_agent(parts, env.spec), envs, 0, 10)
    envs.close()
    assert low <= played.returns.mean() <= high, played.returns.mean()
