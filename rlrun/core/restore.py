"""Putting saved arrays back where they belong, and nowhere else."""

from __future__ import annotations

from typing import Any


def restore_into(target: Any, source: Any, name: str) -> None:
    """Overwrite an array or tensor in place by a saved one of the same shape and type.

    Assignment alone would stretch a single saved row over all seeds. Raises ValueError where the
    saved one is another.
    """
    if not isinstance(source, type(target)):
        raise ValueError(f"{name} is not an array of numbers")
    if tuple(source.shape) != tuple(target.shape) or source.dtype != target.dtype:
        raise ValueError(
            f"{name} is {source.dtype} {list(source.shape)}, and not {target.dtype} "
            f"{list(target.shape)}"
        )
    target[...] = source
