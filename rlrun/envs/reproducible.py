"""A test, before a run, of whether an environment is determined by its seed and the actions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from rlrun.core.types import Array, Envs
from rlrun.envs import global_generators
from rlrun.envs.masks import legal_choice

STEPS = 10  # of each trial: a reset reveals most, but some environments draw only in steps


def doubt(open_one: Callable[[], Envs]) -> str:
    """Return why the environment is not reproducible, as a sentence; "" if no trial shows that.

    ``open_one`` opens a grid of a single environment, with the same seed at each call.
    """
    before = global_generators.states()
    with closing(open_one()) as first:
        env_id, first_trial = first.spec.env_id, _trial(first)
    with closing(open_one()) as second:
        second_trial = _trial(second)
        second.restart()
        after_reset = _trial(second)
    after = global_generators.states()
    drawn = [name for name in before if before[name] != after[name]]
    if drawn:
        return (
            f"{env_id} draws random numbers from {' and '.join(drawn)}, which the whole program "
            "shares, instead of self.np_random, which reset(seed=...) seeds: its episodes are not "
            "determined by their seeds"
        )
    if first_trial != second_trial:
        return (
            f"{env_id} behaves differently each time it is created, even with the same seed and "
            "the same actions: its reset(seed=...) should seed everything in it that is random"
        )
    if second_trial != after_reset:
        return (
            f"{env_id} behaves differently when it is reset again with the same seed and gets the "
            "same actions: it ignores the seed, or keeps state from the previous episode "
            "(env.rebuild=true creates a new one for each episode)"
        )
    return ""


def _trial(envs: Envs) -> list[bytes]:
    """Return everything that the environment returns in a few steps, from its current state."""
    rng = np.random.default_rng(0)
    model = envs.spec.model
    arrays = [envs.obs] if model is None else [model.probability, model.next_state, model.reward]
    for _ in range(STEPS):
        t = envs.step(_random_action(envs, rng))
        arrays += [t.next_obs, t.reward, t.discount, t.last, envs.obs]
    return [np.array(each).tobytes() for each in arrays]


def _random_action(envs: Envs, rng: np.random.Generator) -> Array:
    """Return a random legal action, ``[1, 1, ...]``, with several agents ``[1, 1, agent, ...]``."""
    space, agents = envs.spec.action, envs.obs.shape[2:3] if envs.spec.agents else ()
    shape = (1, 1, *agents, *space.shape)
    if space.kind == "vector":
        return rng.uniform(-1.0, 1.0, shape).astype(np.float32)
    action = rng.integers(0, np.reshape(space.choices, space.shape), shape)
    if envs.legal is None:
        return action
    masks = envs.legal.reshape(-1, envs.legal.shape[-1])
    each = zip(action.reshape(len(masks), -1).tolist(), masks, strict=True)
    return np.array([legal_choice(one, mask, space.choices) for one, mask in each]).reshape(shape)
