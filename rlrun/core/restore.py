"""Saved arrays: restored in place, or taken for some of the seeds."""

from __future__ import annotations

from collections.abc import Sequence
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


def take_rows(tree: Any, rows: Sequence[int]) -> Any:
    """Return the ``rows`` of a saved state: its arrays, tensors and lists start with the seed.

    Other values belong to all seeds and are returned unchanged.
    """
    if isinstance(tree, dict):
        return {name: take_rows(each, rows) for name, each in tree.items()}
    if isinstance(tree, list):
        return [tree[row] for row in rows]
    return tree[list(rows)] if getattr(tree, "ndim", 0) else tree
