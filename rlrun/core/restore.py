"""Restoring saved arrays in place."""

from __future__ import annotations

from typing import Any


def restore_into(target: Any, source: Any, name: str) -> None:
    """Overwrite an array or tensor in place with a saved one of the same shape and type.

    Plain assignment would broadcast a single saved row over all seeds. Raises ValueError if the
    saved one has another type, shape or dtype.
    """
    if not isinstance(source, type(target)):
        raise ValueError(f"{name} is not an array of numbers")
    if tuple(source.shape) != tuple(target.shape) or source.dtype != target.dtype:
        raise ValueError(
            f"{name} is {source.dtype} {list(source.shape)}, but must be {target.dtype} "
            f"{list(target.shape)}"
        )
    target[...] = source
