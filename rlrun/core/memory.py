"""Free memory, and checks that a run's arrays fit before they are allocated."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from pathlib import Path

ROOM = 0.8  # the fraction of the free memory that a run may use
WORTH_REPORTING = 100 * 10**6  # bytes
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # options of mallopt, from malloc.h
LARGE, KEPT = 32 * 2**20, 256 * 2**20  # bytes; LARGE is the most that glibc accepts


def free_memory() -> int | None:
    """Return the bytes available without swapping; None if the system does not report them."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def in_words(size: float) -> str:
    """Format a number of bytes for reading: 7.3 GB."""
    units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    power = min(int(math.log10(max(size, 1)) // 3), len(units) - 1)
    return f"{size / 1000**power:.3g} {units[power]}"


def shortage(size: int) -> int | None:
    """Return the free memory in bytes if ``size`` is more than a run may use of it, else None."""
    free = free_memory()
    return free if free is not None and size > ROOM * free else None


def fits(setting: str, number: int, size: int) -> None:
    """Raise ValueError, beginning with ``setting``, if ``number * size`` bytes do not fit."""
    free = shortage(number * size)
    if free is not None:
        raise ValueError(
            f"{setting} must be smaller: {number:,} take {in_words(number * size)}, and "
            f"{in_words(free)} of memory are free: the most that fits is {int(ROOM * free / size)}"
        )


def used_up(error: BaseException) -> bool:
    """Return whether Python or torch raised ``error`` because memory ran out."""
    return isinstance(error, MemoryError) or "tried to allocate" in str(error).lower()


def announcement(what: str, size: int) -> str:
    """Return a sentence on how much memory something will take; "" if that is little."""
    if size < WORTH_REPORTING:
        return ""
    free = free_memory()
    of = "memory" if free is None else f"{in_words(free)} free memory"
    return f"{what} will take up to {in_words(size)} of {of}"


def keep_freed() -> None:
    """Let this process keep freed memory for its next arrays.

    By default glibc returns the arrays of an update to the system, which clears every page again
    for the next update: a fifth of the time of ten seeds. Arrays above `LARGE` bytes, such as
    replays, are still allocated and returned by themselves. Does nothing with other C libraries.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, KEPT), (TOP_PAD, LARGE)):
            mallopt(option, value)
