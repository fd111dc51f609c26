"""What a measurement depends on: the machine, its load, and the versions of the libraries."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "numpy",
    "gymnasium",
    "stable_baselines3",
    "sbx-rl",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "numba",
)


def machine() -> dict[str, Any]:
    """Return the processor, the system and the versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def load() -> float:
    """Return the mean number of running processes in the last minute."""
    return round(os.getloadavg()[0], 2)


def least_busy_core(seconds: float = 0.5) -> int:
    """Return the core with the least work during this time, the last of equal ones."""
    cores = sorted(os.sched_getaffinity(0))
    before = _busy()
    time.sleep(seconds)
    after = _busy()
    return min(reversed(cores), key=lambda core: after[core] - before[core])


def _busy() -> dict[int, int]:
    """Return the time that each core was busy, in the units of /proc/stat."""
    found = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _, _, interrupts, soft, steal, *_ = map(int, numbers)
            found[int(name[3:])] = user + nice + system + interrupts + soft + steal
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            details = dict(_numbers())
            name = line.partition(":")[2].strip()
            return f"{name} (family {details['cpu family']}, model {details['model']})"
    return platform.processor()


def _numbers() -> list[tuple[str, str]]:
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    pairs = [line.partition(":")[::2] for line in lines]
    return [(name.strip(), value.strip()) for name, value in pairs]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
