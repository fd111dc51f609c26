"""The thread that watches environments belongs to them."""

from __future__ import annotations

import gc
import threading
import time
from functools import partial

import gymnasium as gym

from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.vector.sync import EnvOptions


def watching(own: set[int | None]) -> int:
    return len({thread.ident for thread in threading.enumerate()} - own)


def test_forgotten_environments_leave_no_thread_behind() -> None:
    gc.collect()
    own = {thread.ident for thread in threading.enumerate()}
    make = partial(gym.make, "CartPole-v1")
    envs = GymEnvs(make, "CartPole-v1", [0], 1, gamma=0.9, options=EnvOptions(timeout=60.0))
    assert watching(own) == 1
    del envs
    gc.collect()
    end = time.monotonic() + 600
    while watching(own) and time.monotonic() < end:
        time.sleep(0.05)
    assert watching(own) == 0
