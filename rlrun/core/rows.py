"""Rows of a stack that differ in numbers: the settings of several learners as one object.

A row is a seed number and its settings. `stack` turns the settings of all rows into one object of
the same class, in which each field marked ``PerRow`` that differs is an array ``[row]``. Code that
uses such a number reads it with `column`, which aligns it with arrays ``[row, ...]``, or, where the
result of an operation depends on whether a number is a scalar or an array, with `groups`.
"""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from rlrun.core.fields import OFF_AT_0, PER_ROW
from rlrun.core.types import Array

S = TypeVar("S")
Number: TypeAlias = float | Array
"""A number for all rows, or one for each, ``[row]``."""


def stack(rows: Sequence[S]) -> S:
    """Return settings for all rows: fields that differ are arrays ``[row]``.

    The rows are instances of the same settings class, each of them checked. Raises ValueError,
    beginning with the field's name, if a field differs that must be the same in all rows.
    """
    stacked = copy.copy(rows[0])
    hints = typing.get_type_hints(type(stacked), include_extras=True)
    for field in dataclasses.fields(stacked):  # type: ignore[arg-type]
        values = [getattr(row, field.name) for row in rows]
        if all(value == values[0] for value in values):
            continue
        marks = getattr(hints[field.name], "__metadata__", ())
        if PER_ROW not in marks:
            raise ValueError(f"{field.name} must be the same in all rows of a stack")
        if any(value is None for value in values):
            raise ValueError(f"{field.name} must be null in all rows of a stack, or in none")
        if OFF_AT_0 in marks and 0 in values:
            raise ValueError(f"{field.name} must be 0 in all rows of a stack, or in none")
        object.__setattr__(stacked, field.name, np.array(values, np.float64))  # it is frozen
    return stacked


def repeat(settings: S, times: int) -> S:
    """Return settings for a stack in which each row stands so many times, one after the other."""
    repeated = copy.copy(settings)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if isinstance(value, np.ndarray):
            object.__setattr__(repeated, field.name, value.repeat(times))
    return repeated


def column(value: Any, axes: int) -> Any:
    """Return a number unchanged, and an array ``[row]`` as ``[row, 1, ...]`` with so many axes."""
    return value.reshape(-1, *(1,) * (axes - 1)) if isinstance(value, np.ndarray) else value


def of_row(value: Any, position: int) -> float:
    """Return the number of the row at this position: ``value`` itself, or one of ``[row]``."""
    return float(value[position] if isinstance(value, np.ndarray) else value)


def groups(value: Number, num_rows: int) -> Iterator[tuple[float, Any]]:
    """Yield each distinct number, and an index of the rows that have it (a slice if all have it).

    For functions whose result depends on the kind of their argument: numpy's power of a scalar
    exponent differs in the last bit from that of an array.
    """
    if not isinstance(value, np.ndarray):
        yield value, slice(num_rows)
        return
    for each in dict.fromkeys(value.tolist()):
        yield each, np.flatnonzero(value == each)


def power(base: Array, exponent: Number) -> Array:
    """Return ``base [row, ...]`` to the power of each row's exponent."""
    if not isinstance(exponent, np.ndarray):
        result: Array = base ** float(exponent)
        return result
    result = np.empty_like(base)
    for each, rows in groups(exponent, len(base)):
        result[rows] = base[rows] ** each
    return result
