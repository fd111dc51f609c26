"""Results as tables for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table: a column for each key, in the order of their first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[written(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    numbers = [
        any(isinstance(row.get(column), int | float) for row in rows) and column != "name"
        for column in columns
    ]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numbers, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([f"== {title}", line(columns), *map(line, cells)])


def written(value: Any) -> str:
    """Return a number as it is read, such as 12,345 or 1.2e-07."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < 0.01 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value)


def text(results: Mapping[str, Any]) -> str:
    """Return all parts' tables and notes."""
    lines = [", ".join(f"{key}: {value}" for key, value in results["machine"].items())]
    for part, found in results["parts"].items():
        lines.append(f"\n# {part}: {found.get('status', '')}")
        lines += [f"  {note}" for note in found.get("notes", ())]
        lines += [table(title, rows) for title, rows in found.get("tables", {}).items()]
    return "\n".join(lines)
