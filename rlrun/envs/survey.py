"""What registered environments look like, found without training anything in them."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.types import Space, Spec
from rlrun.envs.arrays import ObsChoice, grid_bounds, kind_of
from rlrun.envs.ids import env_ids, env_spec, is_atari
from rlrun.envs.model import read_model
from rlrun.envs.spaces import ActionMap, ObsMap, adapt

GAME = Space("image", (4, 84, 84), stack=4)
JOYSTICK = 18  # the most actions that a game has


def newest_ids() -> list[str]:
    """The newest version of every registered environment; of the Atari games those of ``ALE/``."""
    newest: dict[str, tuple[int, str]] = {}
    for name in env_ids():
        stem, _, version = name.rpartition("-v")
        old_game = "ale_py" in str(gym.registry[name].entry_point) and not name.startswith("ALE/")
        if re.fullmatch(r"\d+", version) and not old_game:
            newest[stem] = max(newest.get(stem, (-1, "")), (int(version), name))
    return sorted(name for _, name in newest.values())


def spaces_by_id(names: Iterable[str]) -> dict[str, Spec]:
    """What agents would be told of these environments; those that cannot be used are left out."""
    found = {}
    gym.logger.min_level = gym.logger.ERROR + 1
    for name in names:
        if is_atari(env_spec(name)):
            # to start the game only to count its actions takes a tenth of a second
            found[name] = Spec(name, GAME, Space("discrete", (), (JOYSTICK,)), 1)
            continue
        try:
            with _silence():
                env = adapt(gym.make(name, disable_env_checker=True))
            obs, action = ObsMap(env.observation_space).space, ActionMap(env.action_space).space
            found[name] = Spec(name, obs, action, 1, read_model(env, 1.0))
            env.close()
        except Exception:  # whatever an environment says that misses a package
            continue
    return found


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No warnings, from libraries that write past Python neither."""
    error = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(error, 2)
        os.close(error)
        os.close(nowhere)


def check_shapes(env: gym.Env[Any, Any], choice: ObsChoice | None = None) -> None:
    """Raises ValueError for observations of another shape than their space's.

    They would be stretched to it without a word when environments are put into one array. And for
    a grid whose numbers are out of their bounds, to which they would be cut. ``choice`` is what
    ``env.obs`` says.
    """
    space = env.observation_space
    shape, grid = space.shape, kind_of(space, choice) == "grid"
    env.action_space.seed(0)
    first, _ = env.reset(seed=0)
    second, *_ = env.step(env.action_space.sample())
    env.close()
    for obs, place in ((first, "reset"), (second, "step")):
        if shape is not None and np.shape(obs) != shape:
            raise ValueError(
                f"its {place} gives an observation of shape {np.shape(obs)}, but its space of "
                f"observations says {shape}"
            )
        if not grid:
            continue
        low, high = grid_bounds(space)
        if not ((low <= obs) & (obs <= high)).all():
            raise ValueError(
                f"its {place} gives numbers from {int(np.min(obs))} to {int(np.max(obs))}, but its "
                f"space of observations has {int(low.min())} to {int(high.max())}, by which a grid "
                "is scaled: mend the space, or write env.obs=vector"
            )
