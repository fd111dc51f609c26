"""Atari games for tests; every one that is opened is closed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rlrun import build
from rlrun.core.types import Envs, Step
from tests.support.common import agent_and_envs, parts_and_env

OPEN: list[Envs] = []


@pytest.fixture(autouse=True)
def all_are_closed() -> Iterator[None]:
    """ALE complains at the end of the process of what is still open."""
    yield
    while OPEN:
        OPEN.pop().close()


def opened(game: str, *words: str) -> Envs:
    """Training environments of a game, as a command line makes them."""
    OPEN.append(agent_and_envs(f"env=ALE/{game}-v5", "agent=random", *words)[1])
    return OPEN[-1]


def evaluated(game: str, *words: str) -> Envs:
    """The evaluation's environments of that command line, two per seed."""
    parts, env = parts_and_env(f"env=ALE/{game}-v5", "agent=random", *words)
    OPEN.append(build.evaluation_envs(parts, env, 2))
    return OPEN[-1]


def played(envs: Envs, steps: int, seed: int = 0) -> Iterator[Step]:
    """Steps with random actions, in Breakout with many serves."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        yield envs.step(rng.integers(0, envs.spec.action.choices[0], envs.obs.shape[:2]))
