"""The spaces of registered environments."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Iterable, Iterator

import gymnasium as gym

from rlrun.core.types import Space, Spec
from rlrun.envs.adapt import adapt
from rlrun.envs.env_info import spec_of
from rlrun.envs.environment import Environment
from rlrun.envs.games import is_probe
from rlrun.envs.ids import env_ids, env_spec, is_atari, is_parallel
from rlrun.envs.settings import EnvSettings
from rlrun.envs.vector.sync import EnvOptions

ATARI_OBS = Space("image", (4, 84, 84), stack=4)
ATARI_ACTIONS = 18  # the largest number of actions of a game


def newest_ids() -> list[str]:
    """Return the newest version of each registered environment, Atari games last.

    The games are listed only as ``ALE/``, and the probes, which test learners, are left out.
    """
    newest: dict[str, tuple[int, str]] = {}
    for name in env_ids():
        stem, _, version = name.rpartition("-v")
        old_game = "ale_py" in str(gym.registry[name].entry_point) and not name.startswith("ALE/")
        if re.fullmatch(r"\d+", version) and not old_game and not is_probe(name):
            newest[stem] = max(newest.get(stem, (-1, "")), (int(version), name))
    return sorted((name for _, name in newest.values()), key=atari_last)


def atari_last(name: str) -> tuple[bool, str]:
    """Sort the names of environments by the alphabet, with the Atari games at the end."""
    return name.startswith("ALE/"), name


def spaces_by_id(names: Iterable[str]) -> dict[str, Spec]:
    """Return the specs of these environments by id, without those that cannot be used."""
    specs = {}
    gym.logger.min_level = gym.logger.ERROR + 1
    for name in names:
        if is_atari(env_spec(name)):
            # a game is not started just to count its actions: that takes a tenth of a second
            specs[name] = Spec(name, ATARI_OBS, Space("discrete", (), (ATARI_ACTIONS,)), 1)
            continue
        try:
            if is_parallel(env_spec(name)):
                with _silence():
                    specs[name] = Environment(EnvSettings(id=name), 1.0).spec
                continue
            with _silence():
                env = gym.make(name, disable_env_checker=True)
                adapted = adapt(env)
            specs[name] = spec_of(name, env, adapted, EnvOptions(), 1.0)
            env.close()
        except Exception:  # its package may be missing, which can raise any error
            continue
    return specs


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress warnings, and all output to standard error, also that of C libraries."""
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
