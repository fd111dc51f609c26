"""The random generators that a whole process shares: which of them moved, and how to seed them.

rlrun draws from none of them. They are seeded here alone, and only for the sake of an environment
that draws from them (`rlrun.envs.reproducible`).
"""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np

from rlrun.core.rng import Purpose, sequence


def states() -> dict[str, Any]:
    """The states of all of them by name, to be compared.

    A library that nobody has imported has none that an environment could draw from.
    """
    name, keys, *rest = np.random.get_state()
    found: dict[str, Any] = {
        "random": random.getstate(),
        "np.random": (name, np.asarray(keys).tobytes(), *rest),
    }
    if (torch := sys.modules.get("torch")) is not None:
        found["torch"] = torch.random.get_rng_state().numpy().tobytes()
    return found


def seed_all(seed: int, *more: int) -> None:
    """Seed all of them in this process, from a seed number and what else distinguishes it."""
    number = int(sequence(seed, Purpose.GLOBAL, *more).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(number)
