"""How much a function does, counted: unlike its time, that does not depend on the machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest


def calls(function: Callable[[], Any]) -> int:
    """How many calls, of Python's and of C's functions, ``function`` makes."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def numbers_drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many uniform numbers each draw of a generator made from now on gives."""
    counts: list[int] = []

    class Counting(np.random.Generator):
        def random(self, size: Any = None, *rest: Any, **others: Any) -> Any:
            counts.append(math.prod(np.atleast_1d(1 if size is None else size).tolist()))
            return super().random(size, *rest, **others)

    monkeypatch.setattr(np.random, "Generator", Counting)
    return counts
