"""Memory that is freed and allocated again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ROUNDS = 50
CODE = f"""
import resource, sys
import numpy as np
from rlrun.core.memory import keep_freed

if sys.argv[1] == "keep":
    keep_freed()
def update():
    return sum(each.sum() for each in [np.ones(160_000) for _ in range(20)])
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
update()
before = faults()
for _ in range({ROUNDS}):
    update()
print(faults() - before)
"""


def page_faults(word: str) -> int:
    """Pages that the system had to provide for 20 arrays of 1.3 MB, allocated and freed again."""
    done = subprocess.run([sys.executable, "-c", CODE, word], capture_output=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's option")
def test_freed_memory_is_kept_for_the_next_arrays() -> None:
    pages = 20 * 1.28e6 / 4096
    assert page_faults("keep") < ROUNDS * pages / 100
    assert page_faults("return") > ROUNDS * pages / 10  # otherwise there is no need for it
