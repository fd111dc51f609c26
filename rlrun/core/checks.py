"""Range checks of settings, with messages that begin with the setting's name."""

from __future__ import annotations


def positive(**values: float | None) -> None:
    """Raises ValueError for the first value that is 0 or less; None passes."""
    for name, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")


def at_least(least: float, **values: float | None) -> None:
    """Raises ValueError for the first value below ``least``; None passes."""
    for name, value in values.items():
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
