"""The global random generators of a process: reading their states, and seeding them.

rlrun draws from none of them. They are seeded only here, and only for an environment that draws
from them (`rlrun.envs.reproducible`).
"""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np

from rlrun.core.rng import Purpose, sequence


def states() -> dict[str, Any]:
    """Return the states of all of them by name, for comparison.

    A library that has not been imported is left out: no environment can draw from it.
    """
    name, keys, *rest = np.random.get_state()
    by_name: dict[str, Any] = {
        "random": random.getstate(),
        "np.random": (name, np.asarray(keys).tobytes(), *rest),
    }
    if (torch := sys.modules.get("torch")) is not None:
        by_name["torch"] = torch.random.get_rng_state().numpy().tobytes()
    return by_name


def seed_all(seed: int, *more: int) -> None:
    """Seed all of them in this process, from a seed number and further numbers."""
    number = int(sequence(seed, Purpose.GLOBAL, *more).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(number)
