"""Whether what an environment does follows from its seed and the actions, tried before a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from rlrun.core.types import Array, Envs
from rlrun.envs import global_generators

STEPS = 10  # of each trial: a reset shows most, some environments draw only in their steps


def doubt(open_one: Callable[[], Envs]) -> str:
    """Why the environment cannot be reproduced, as a sentence; empty where nothing shows that.

    ``open_one`` makes a grid of a single environment, with the same seed at each call.
    """
    before = global_generators.states()
    with closing(open_one()) as first:
        env_id, shown = first.spec.env_id, _trial(first)
    with closing(open_one()) as second:
        again = _trial(second)
        second.restart()
        after_reset = _trial(second)
    after = global_generators.states()
    drawn = [name for name in before if before[name] != after[name]]
    if drawn:
        return (
            f"{env_id} draws random numbers from {' and '.join(drawn)}, which the whole program "
            "shares, and not from self.np_random, which reset(seed=...) seeds: its episodes do not "
            "follow from their seeds"
        )
    if shown != again:
        return (
            f"{env_id} is another one each time it is made, though it is reset with the same seed "
            "and gets the same actions: its reset(seed=...) should seed everything in it that is "
            "random"
        )
    if again != after_reset:
        return (
            f"{env_id} does something else when it is reset again with the same seed and gets the "
            "same actions: it ignores the seed, or keeps something of the episode before "
            "(env.rebuild=true makes it anew for each)"
        )
    return ""


def _trial(envs: Envs) -> list[bytes]:
    """All that is seen of the environment in a few steps, from where it is."""
    rng = np.random.default_rng(0)
    model = envs.spec.model
    seen = [envs.obs] if model is None else [model.probability, model.next_state, model.reward]
    for _ in range(STEPS):
        t = envs.step(_random_action(envs, rng))
        seen += [t.next_obs, t.reward, t.discount, t.last, envs.obs]
    return [np.array(each).tobytes() for each in seen]


def _random_action(envs: Envs, rng: np.random.Generator) -> Array:
    """``[1, 1, ...]``."""
    space = envs.spec.action
    if space.kind == "vector":
        return rng.uniform(-1.0, 1.0, (1, 1, *space.shape)).astype(np.float32)
    return rng.integers(0, np.reshape(space.choices, space.shape), (1, 1, *space.shape))
