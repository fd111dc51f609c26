"""What a search goes through: settings, and what each of them may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WITHIN = 0.381966  # a place between the ends of an interval that is no round number
DIGITS = 5  # of a value that is drawn


@dataclass(frozen=True)
class Interval:
    """A number from ``low`` to ``high``, both included; ``log``: drawn by its logarithm."""

    key: str
    low: float
    high: float
    integer: bool
    log: bool

    def word(self, value: float) -> str:
        """The setting as it is written on a command line, to 5 digits."""
        if self.integer:
            return f"{self.key}={round(value)}"
        rounded = float(f"{value:.{DIGITS}g}")
        return f"{self.key}={min(max(rounded, self.low), self.high)!r}"

    def samples(self) -> list[str]:
        """Both ends, and a value between them, which shows whether fractions are allowed."""
        between = self.low + WITHIN * (self.high - self.low)
        return [self.word(value) for value in (self.low, self.high, between)]

    def told(self) -> str:
        how = " by its logarithm" if self.log else ""
        return f"{self.key} from {self.low:g} to {self.high:g}{how}"


@dataclass(frozen=True)
class Categorical:
    """One of some values, which are written as on a command line."""

    key: str
    options: tuple[str, ...]

    def word(self, option: str) -> str:
        return f"{self.key}={option}"

    def samples(self) -> list[str]:
        return [self.word(option) for option in self.options]

    def told(self) -> str:
        return f"{self.key} one of {', '.join(self.options)}"


Dimension: TypeAlias = Interval | Categorical
