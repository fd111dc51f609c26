"""What the fields of settings say of themselves: types, ranges and docstrings in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from rlrun.core.fields import (
    By,
    Count,
    Field,
    Fraction,
    Natural,
    NonNegative,
    NoSettings,
    PerRow,
    Positive,
    Range,
    Share,
    fields_of,
)
from rlrun.explore.options import LinearSettings
from rlrun.replay.options import PrioritizedReplaySettings

PER_ROW: Any = PerRow  # mypy does not take an alias with a union for a value


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """The settings of a cleaner."""

    lr: PerRow[Positive] = 1e-3
    """Step size
    of an update.

    Author 2001, equation 3.
    """
    rooms: Count
    """How many rooms. There is at least one."""
    wet: bool = False
    names: tuple[str, ...] = ()
    """What they are called."""

    def area(self) -> int:
        """What is no field has no place here."""
        return self.rooms

    brushes: dict[str, int] = field(default_factory=lambda: {"left": 1})
    """Brushes by their place."""


@dataclass(frozen=True, kw_only=True)
class QuickCleaner(Cleaner):
    """Its own settings follow those of its base, whose defaults it may change."""

    rooms: Count = 2
    lr: PerRow[Positive] = 0.1
    """Step size, a large one."""
    minutes: Natural = 5
    """Time for all rooms."""


def test_fields_with_their_docstrings_and_defaults() -> None:
    assert fields_of(Cleaner) == [
        Field(
            "lr",
            "positive number",
            1e-3,
            True,
            "Step size\nof an update.\n\nAuthor 2001, equation 3.",
        ),
        Field(
            "rooms",
            "whole number of at least 1",
            dataclasses.MISSING,
            False,
            "How many rooms. There is at least one.",
        ),
        Field("wet", "true or false", False, False, ""),
        Field("names", "list of texts", (), False, "What they are called."),
        Field("brushes", "mapping", {"left": 1}, False, "Brushes by their place."),
    ]
    assert fields_of(NoSettings) == []


def test_a_docstring_is_inherited_until_there_is_another() -> None:
    found = {each.name: each for each in fields_of(QuickCleaner)}
    assert list(found) == ["lr", "rooms", "wet", "names", "brushes", "minutes"]
    assert found["lr"] == Field("lr", "positive number", 0.1, True, "Step size, a large one.")
    assert found["rooms"] == Field(
        "rooms", "whole number of at least 1", 2, False, "How many rooms. There is at least one."
    )
    assert found["minutes"].doc == "Time for all rooms."
    assert found["wet"].doc == ""


@dataclass(frozen=True, kw_only=True)
class LateSettings(LinearSettings):
    """An explorer of another module, whose annotations name what is not imported here."""

    end: PerRow[Fraction] = 0.5
    delay: Natural = 0
    """Steps before it begins."""


def test_fields_and_docstrings_of_other_modules() -> None:
    found = {each.name: each for each in fields_of(LateSettings)}
    assert list(found) == ["fraction", "clock", "over", "start", "end", "delay"]
    assert found["clock"].kind == "steps or episodes"
    assert found["over"] == Field(
        "over",
        "whole number of at least 1 or null",
        None,
        True,
        "Number of steps (or episodes) until end is reached, instead of a fraction of the run.",
    )
    assert found["end"] == Field(
        "end", "number between 0 and 1", 0.5, True, "Epsilon after that fraction of the run."
    )
    assert found["delay"].doc.partition("\n")[0] == "Steps before it begins."


def test_fields_of_several_bases() -> None:
    found = {each.name: (each.kind, each.default) for each in fields_of(PrioritizedReplaySettings)}
    assert found == {
        "capacity": ("whole number of at least 1", 100_000),
        "alpha": ("number between 0 and 1", 0.6),
        "beta": ("number between 0 and 1", 0.4),
        "beta_fraction": ("positive number", 1.0),
        "priority": ("error or loss", "error"),
        "epsilon": ("positive number", 1e-5),
    }
    assert all(each.doc for each in fields_of(PrioritizedReplaySettings))


def test_a_class_without_a_file_has_no_docstrings() -> None:
    made = dataclasses.make_dataclass("Made", [("x", Count, 1), ("y", float)], kw_only=True)
    assert fields_of(made) == [
        Field("x", "whole number of at least 1", 1, False, ""),
        Field("y", "number", dataclasses.MISSING, False, ""),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "whole number"),
        (float, "number"),
        (bool, "true or false"),
        (str, "text"),
        (Positive, "positive number"),
        (NonNegative, "number of at least 0"),
        (Fraction, "number between 0 and 1"),
        (Share, "number above 0 and at most 1"),
        (Count, "whole number of at least 1"),
        (Natural, "whole number of at least 0"),
        (Annotated[int, Range(least=1, most=10_000)], "whole number between 1 and 10,000"),
        (int | None, "whole number or null"),
        (None | float, "number or null"),
        (Count | None, "whole number of at least 1 or null"),
        (PER_ROW[Fraction], "number between 0 and 1"),
        (PER_ROW[NonNegative | None], "number of at least 0 or null"),
        (Literal["auto"], "auto"),
        (Literal["sync", "async"], "sync or async"),
        (Literal["first", "every", 3], "first, every or 3"),
        (Literal["first", "every"] | None, "first, every or null"),
        (Literal["auto"] | float | None, "auto, number or null"),
        (Count | Literal["auto"], "auto or whole number of at least 1"),
        (tuple[int, ...], "list of whole numbers"),
        (tuple[Count, ...], "list of whole numbers of at least 1"),
        (tuple[Positive, ...], "list of positive numbers"),
        (tuple[float, ...] | None, "list of numbers or null"),
        (tuple[float, int], "[number, whole number]"),
        (tuple[tuple[float, float, int], ...], "list of [number, number, whole number]"),
        (dict, "mapping"),
        (Mapping[str, Any], "mapping"),
        (dict[str, int], "mapping"),
        (Cleaner, "settings"),
        (Cleaner | None, "settings or null"),
        (Annotated[Any, By(lambda value, key: value)], "settings"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_types_and_ranges_in_words(kind: Any, words: str) -> None:
    made = dataclasses.make_dataclass("Made", [("x", kind)], kw_only=True)
    (found,) = fields_of(made)
    assert found.kind == words


@pytest.mark.parametrize(
    ("kind", "per_row"),
    [
        (PER_ROW[float], True),
        (PER_ROW[Positive], True),
        (PER_ROW[Positive | None], True),
        (PER_ROW[bool], True),
        (float, False),
        (Positive, False),
        (Positive | None, False),
    ],
)
def test_what_may_differ_between_rows_is_marked(kind: Any, per_row: bool) -> None:
    (found,) = fields_of(dataclasses.make_dataclass("Made", [("x", kind)], kw_only=True))
    assert found.per_row is per_row


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        (Range(above=0), [1e-300, 5, 1e300], [0, -1e-300, -3], "positive"),
        (Range(above=2), [2.1, 3], [2, 1.9], "above 2"),
        (Range(least=0), [0, 0.5, 9], [-0.1, -9], "at least 0"),
        (Range(least=-1, most=1), [-1, 0, 1], [-1.1, 1.1], "between -1 and 1"),
        (Range(above=0, most=1), [0.1, 1], [0, 1.1], "above 0 and at most 1"),
        (Range(most=4), [4, -10], [4.1, 5], "at most 4"),
    ],
)
def test_ranges(bounds: Range, inside: list[float], outside: list[float], words: str) -> None:
    assert [value in bounds for value in inside] == [True] * len(inside)
    assert [value in bounds for value in outside] == [False] * len(outside)
    assert str(bounds) == words
    assert float("nan") not in bounds
