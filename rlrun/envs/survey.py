"""What registered environments look like, found without training anything in them."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from rlrun.core.types import Space, Spec
from rlrun.envs.arrays import ObsChoice
from rlrun.envs.conform import Conform, NotInSpace, one_number, short
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
    """The specs of these environments; those that cannot be used are left out."""
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
        except Exception:  # any error of an environment whose package is missing
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


def check_steps(
    env: gym.Env[Any, Any],
    adapted: gym.Env[Any, Any],
    frame_stack: int,
    choice: ObsChoice | None = None,
) -> None:
    """Take one step in the environment and check it.

    ``adapted`` is the same environment as agents observe it. Raises ValueError if the spaces are
    not supported, or the first step does not keep to them.
    """
    space = adapted.observation_space
    obs_map = ObsMap(space, frame_stack, choice=choice)
    ActionMap(env.action_space)
    conform = Conform(space)
    env.action_space.seed(0)
    first, _ = adapted.reset(seed=0)
    second, reward, *_ = adapted.step(env.action_space.sample())
    one_number(reward)
    for obs in map(conform, (first, second)):
        is_grid = obs_map.space.kind == "grid"
        if (is_grid or not isinstance(space, spaces.Box)) and not space.contains(obs):
            way_out = ": correct the space, or write env.obs=vector" if is_grid else ""
            raise NotInSpace(
                f"its observation is {short(obs)}, which is not in {short(space)}{way_out}"
            )
