"""How much memory there is, asked before it is taken."""

from __future__ import annotations

import os
from pathlib import Path


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
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000:
            break
        size /= 1000
    else:
        return f"{size:.3g} EB"
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
