"""The search space: settings and the values that each may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WITHIN = 0.381966  # fraction of an interval at which a value is not a round number
DIGITS = 5  # significant digits of a drawn value


@dataclass(frozen=True)
class Interval:
    """A number from ``low`` to ``high``, both included; with ``log`` on a logarithmic scale."""

    key: str
    low: float
    high: float
    integer: bool
    log: bool

    def word(self, value: float) -> str:
        """Return the setting as a command-line word, to 5 digits."""
        if self.integer:
            return f"{self.key}={round(value)}"
        rounded = float(f"{value:.{DIGITS}g}")
        return f"{self.key}={min(max(rounded, self.low), self.high)!r}"

    def samples(self) -> list[str]:
        """Return both ends and a fraction between them, to check which values are allowed."""
        between = self.low + WITHIN * (self.high - self.low)
        return [self.word(value) for value in (self.low, self.high, between)]


@dataclass(frozen=True)
class Categorical:
    """One of several values, written as on a command line."""

    key: str
    options: tuple[str, ...]

    def word(self, option: str) -> str:
        return f"{self.key}={option}"

    def samples(self) -> list[str]:
        return [self.word(option) for option in self.options]


Dimension: TypeAlias = Interval | Categorical
