"""Range checks of settings; each message begins with the setting's name."""

from __future__ import annotations


def positive(**values: float | None) -> None:
    """Raise ValueError for the first value that is 0 or less; None passes."""
    for name, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")


def at_least(minimum: float, **values: float | None) -> None:
    """Raise ValueError for the first value below ``minimum``; None passes."""
    for name, value in values.items():
        if value is not None and value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {value}")
