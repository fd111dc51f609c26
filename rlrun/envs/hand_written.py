"""Hand-written rules: what to do for an observation, for ``agent=scripted``.

Other packages add rules by an entry point in the group ``rlrun.rules`` (docs/packages.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import numpy as np

from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.types import Array, Space, Spec

GROUP = "rlrun.rules"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A policy that is a function of the observation, and the spaces that it is written for."""

    act: Callable[[Array], Array]
    """Returns actions ``[seed, env, ...]`` for observations ``[seed, env, ...]``.

    Every element by itself, so that no environment depends on another. Observations are those that
    agents get: float32 if they are vectors. Discrete actions are int64, counted from 0; continuous
    ones are from -1 to 1, the bounds of the environment.
    """
    obs: Space
    """The observations, of one environment."""
    action: Space
    """The actions, of one environment."""
    envs: tuple[str, ...]
    """The ids of the environments that it is written for, without their versions."""
    what: str
    """What it does, in one line."""


def _cartpole_pd(obs: Array) -> Array:
    position, speed, angle, angular_speed = _numbers(obs)
    return _two(0.1 * position + 0.4 * speed + 3.0 * angle + 0.8 * angular_speed > 0)


def _cartpole_lean(obs: Array) -> Array:
    return _two(obs[..., 2] > 0)


def _mountain_car(obs: Array) -> Array:
    return 2 * _two(obs[..., 1] >= 0)  # 1 is no push; starting to the right saves a swing


def _mountain_car_continuous(obs: Array) -> Array:
    return np.where(obs[..., 1:] > 0, np.float32(1), np.float32(-1))  # and here to the left


def _acrobot(obs: Array) -> Array:
    return 2 * _two(obs[..., 5] > 0)  # 1 is no torque


def _pendulum(obs: Array) -> Array:
    """Balance near the top; elsewhere bring the energy to that of standing upright.

    With g = 10 and a rod of length and mass 1, the acceleration is 15 sin(angle) + 3 torque, so
    that speed²/2 + 15 cos(angle) only changes by the torque (Åström and Furuta 2000).
    """
    cosine, sine, speed = _numbers(obs)
    surplus = 0.5 * speed * speed + 15.0 * (cosine - 1.0)
    swing = np.where(speed >= 0, -surplus, surplus)
    balance = -5.0 * sine - speed
    return np.clip(np.where(cosine > 0.9, balance, swing), -1.0, 1.0)[..., None]


def _lunar_lander(obs: Array) -> Array:
    turn, lift = _landing(obs)
    sideways = np.where(turn > 0.05, 1, 0)  # the left engine; 3 is the right one, 2 the main one
    sideways = np.where(turn < -0.05, 3, sideways)
    return np.where((lift > np.abs(turn)) & (lift > 0.05), 2, sideways)


def _lunar_lander_continuous(obs: Array) -> Array:
    turn, lift = _landing(obs)
    powers: Array = np.stack([lift * 20 - 1, -turn * 20], -1)  # main engine, side engines
    return np.minimum(np.maximum(powers, -1.0), 1.0)


def _landing(obs: Array) -> tuple[Array, Array]:
    """Return how much to turn and to lift, as Gymnasium's ``lunar_lander.heuristic`` does."""
    x, y, x_speed, y_speed, angle, angular_speed, left, right = _numbers(obs)
    target = np.clip(x * 0.5 + x_speed * 1.0, -0.4, 0.4)  # an angle towards the centre
    turn = (target - angle) * 0.5 - angular_speed * 1.0
    lift = (0.55 * np.abs(x) - y) * 0.5 - y_speed * 0.5  # the farther out, the higher
    landed = (left != 0) | (right != 0)
    return np.where(landed, 0, turn), np.where(landed, -y_speed * 0.5, lift)


def _numbers(obs: Array) -> list[Array]:
    """Return the numbers of observations, each ``[seed, env]``."""
    return [obs[..., n] for n in range(obs.shape[-1])]


def _two(condition: Array) -> Array:
    """Return 1 where the condition holds, else 0."""
    return condition.astype(np.int64)


def _choices(number: int) -> Space:
    return Space("discrete", (), (number,))


def _vector(length: int) -> Space:
    return Space("vector", (length,))


def _rule(act: Callable[[Array], Array], length: int, action: Space, what: str, *envs: str) -> Rule:
    return Rule(act=act, obs=_vector(length), action=action, envs=envs, what=what)


RULES: dict[str, Rule] = {
    "cartpole_pd": _rule(
        _cartpole_pd,
        *(4, _choices(2), "push so that lean, speeds and position shrink: a weighted sum"),
        "CartPole",
    ),
    "cartpole_lean": _rule(
        _cartpole_lean,
        *(4, _choices(2), "push towards the side to which the pole leans"),
        "CartPole",
    ),
    "mountain_car": _rule(
        _mountain_car, 2, _choices(3), "push in the direction of travel", "MountainCar"
    ),
    "mountain_car_continuous": _rule(
        _mountain_car_continuous,
        *(2, _vector(1), "push with full force in the direction of travel"),
        "MountainCarContinuous",
    ),
    "acrobot": _rule(
        _acrobot, 6, _choices(3), "torque in the direction of the second joint's turn", "Acrobot"
    ),
    "pendulum": _rule(
        _pendulum, 3, _vector(1), "swing up by energy, then balance the angle", "Pendulum"
    ),
    "lunar_lander": _rule(
        _lunar_lander, 8, _choices(4), "Gymnasium's heuristic for landing", "LunarLander"
    ),
    "lunar_lander_continuous": _rule(
        _lunar_lander_continuous,
        *(8, _vector(2), "Gymnasium's heuristic for landing"),
        "LunarLanderContinuous",
    ),
}
"""The rules by name. The first one for an environment is its default."""


def rules() -> dict[str, Rule]:
    """Return all rules by name, those of other packages last. Raises BadInput if one is wrong."""
    return {**RULES, **{point.name: _load(point) for point in entry_points(group=GROUP)}}


def _load(point: EntryPoint) -> Rule:
    where = f"the entry point {point.name} = {point.value} in {GROUP}"
    if point.name in RULES:
        raise BadInput(f"{where} has the name of a rule of rlrun: rename it.")
    try:
        rule = point.load()
    except Exception as error:  # the code of its package, which can raise anything
        raise BadInput(f"{where} cannot be imported: {type(error).__name__}: {error}.") from error
    if not isinstance(rule, Rule):
        raise BadInput(
            f"{where} is of type {type(rule).__name__}, but must be a Rule of "
            "rlrun.envs.hand_written: docs/packages.md shows one."
        )
    return rule


def fitting_rules(spec: Spec) -> list[str]:
    """Return the rules with the spaces of an environment, those that are made for it first."""
    known = rules()
    fitting = [name for name, rule in known.items() if _fits(rule, spec)]
    return sorted(fitting, key=lambda name: not _made_for(known[name], spec))


def no_rule(spec: Spec) -> str:
    """Return why no rule takes an environment's observations, as a clause; "" if one does."""
    if fitting_rules(spec):
        return ""
    made = [(name, rule) for name, rule in rules().items() if _made_for(rule, spec)]
    if not made:
        return f"there is none with the observations and actions of {spec.env_id}"
    name, rule = made[0]
    given = f"{_words(spec.obs)} and scaled" if spec.scaled else _words(spec.obs)
    return (
        f"{name}, made for {spec.env_id}, takes its own observations, {_words(rule.obs)}: with "
        f"these settings (env.frame_stack, env.scale_obs, ...) they are {given}"
    )


def rule_for(spec: Spec, name: str | None) -> Rule:
    """Return the rule with a name; without a name, the first that is made for the environment.

    Raises ValueError, which begins with the setting's name, if there is none, or if it is for other
    observations or actions.
    """
    known, fitting = rules(), fitting_rules(spec)
    if name is None:
        if fitting and _made_for(known[fitting[0]], spec):
            return known[fitting[0]]
        raise ValueError(
            f"rule must be named: none is made for {spec.env_id}, but these fit its observations "
            f"and actions: {', '.join(fitting)}"
        )
    if name not in known:
        raise ValueError(
            f"rule={name}: there is no such rule.{did_you_mean(name, known)} Rules: "
            f"{', '.join(known)}"
        )
    if name not in fitting:
        rule = known[name]
        raise ValueError(
            f"rule={name} takes {_words(rule.obs)} and acts by {_words(rule.action)}; in "
            f"{spec.env_id} they are {_words(spec.obs)} and {_words(spec.action)}. Rules that fit: "
            f"{', '.join(fitting)}"
        )
    return known[name]


def _fits(rule: Rule, spec: Spec) -> bool:
    return (rule.obs, rule.action) == (spec.obs, spec.action) and not spec.scaled


def _made_for(rule: Rule, spec: Spec) -> bool:
    return re.sub(r"-v\d+$", "", spec.env_id.rpartition(":")[2]) in rule.envs


def _words(space: Space) -> str:
    """Return a space in words: 4 numbers, one of 3."""
    if space.kind == "vector":
        number = math.prod(space.shape)
        return "1 number" if number == 1 else f"{number} numbers"
    return f"one of {space.choices[0]}" if space.kind == "discrete" else f"a {space.kind}"
