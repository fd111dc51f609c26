"""How much memory there is, asked before it is taken."""

from __future__ import annotations

import math
import os
from pathlib import Path

ROOM = 0.8  # the share of the free memory that a run may take
WORTH_TELLING = 100 * 10**6  # bytes


def free_memory() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def in_words(size: float) -> str:
    """A number of bytes for people: 7.3 GB."""
    units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    power = min(int(math.log10(max(size, 1)) // 3), len(units) - 1)
    return f"{size / 1000**power:.3g} {units[power]}"


def shortage(size: int) -> int | None:
    """The free memory in bytes, where ``size`` is more than a run may take of it; else None."""
    free = free_memory()
    return free if free is not None and size > ROOM * free else None


def fits(setting: str, number: int, size: int) -> None:
    """Raises ValueError, beginning with ``setting``, where ``number * size`` bytes do not fit."""
    free = shortage(number * size)
    if free is not None:
        raise ValueError(
            f"{setting} must be smaller: {number:,} take {in_words(number * size)}, and "
            f"{in_words(free)} of memory are free: the most that fits is {int(ROOM * free / size)}"
        )


def used_up(error: BaseException) -> bool:
    """Whether it is what Python or torch raise where there is no memory left."""
    return isinstance(error, MemoryError) or "tried to allocate" in str(error).lower()


def announcement(what: str, size: int) -> str:
    """How much of the memory something will take; empty where that is not worth a sentence."""
    if size < WORTH_TELLING:
        return ""
    free = free_memory()
    of = "memory" if free is None else f"{in_words(free)} free memory"
    return f"{what} will take up to {in_words(size)} of {of}"
