"""Settings classes as a schema: ranges in the types, parts inside parts, inheritance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from rlrun.core.errors import BadInput
from rlrun.core.fields import (
    By,
    Count,
    Fraction,
    Natural,
    NonNegative,
    PerRow,
    Positive,
    Range,
    Share,
)
from rlrun.core.schema import as_bad_input, construct, convert, settings_of
from rlrun.explore.options import LinearSettings

PER_ROW: Any = PerRow  # mypy does not take an alias with a union for a value


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (Positive, 1e-300, 1e-300),
        (NonNegative, 0, 0.0),
        (Fraction, 0, 0.0),
        (Fraction, 1, 1.0),
        (Share, 1, 1.0),
        (Count, 1.0, 1),
        (Natural, 0, 0),
        (Annotated[int, Range(least=2, most=4)], 4, 4),
        (PER_ROW[Positive], 3, 3.0),
        (PER_ROW[bool], True, True),
        (PER_ROW[Fraction | None], None, None),
        (PER_ROW[Count | None], 2, 2),
        (tuple[Count, ...], [1, 2.0], (1, 2)),
        (Count | Literal["auto"], 2.0, 2),
        (Count | Literal["auto"], "auto", "auto"),
        (Positive | None, None, None),
    ],
)
def test_what_lies_in_the_range_passes(kind: Any, value: Any, result: Any) -> None:
    converted = convert(value, kind, "sweep.jobs")
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Positive, 0, "jobs must be positive, got 0.0"),
        (NonNegative, -1, "jobs must be at least 0, got -1.0"),
        (Fraction, 1.5, "jobs must be between 0 and 1, got 1.5"),
        (Fraction, -0.5, "jobs must be between 0 and 1, got -0.5"),
        (Share, 0, "jobs must be above 0 and at most 1, got 0.0"),
        (Share, 1.5, "jobs must be above 0 and at most 1, got 1.5"),
        (Count, 0, "jobs must be at least 1, got 0"),
        (Natural, -1, "jobs must be at least 0, got -1"),
        (Annotated[int, Range(least=2, most=4)], 5, "jobs must be between 2 and 4, got 5"),
        (Annotated[int, Range(least=2)], 1, "jobs must be at least 2, got 1"),
        # the type comes first
        (Positive, float("nan"), "jobs must be a finite number, got nan."),
        (Fraction, "much", "jobs must be a number, got 'much'."),
        (Count, 0.5, "jobs must be a whole number, got 0.5."),
        (Count, True, "jobs must be a whole number, got true."),
        # marked for rows, in lists, in unions
        (PER_ROW[Positive], 0, "jobs must be positive, got 0.0"),
        (PER_ROW[Fraction | None], 2, "jobs must be between 0 and 1, got 2.0"),
        (PER_ROW[Fraction], None, "jobs must be a number, got null."),
        (PER_ROW[Fraction | None], "x", "jobs must be a number or null, got 'x'."),
        (tuple[Count, ...], [64, 0], "jobs[1] must be at least 1, got 0"),
        (tuple[Count, ...] | None, [0], "jobs[0] must be at least 1, got 0"),
        (tuple[Count, ...], [64, 0.5], "jobs[1] must be a whole number, got 0.5."),
        (Positive | None, -1, "jobs must be positive, got -1.0"),
        (Positive | None, "x", "jobs must be a number or null, got 'x'."),
        (Count | Literal["auto"], 0, "jobs must be at least 1, got 0"),
        (Count | Literal["auto"], -3.0, "jobs must be at least 1, got -3"),
        (Count | Literal["auto"], "fast", "jobs must be a whole number or auto, got 'fast'."),
        (Count | Literal["auto"], 0.5, "jobs must be a whole number or auto, got 0.5."),
        (Count | Literal["auto"], None, "jobs must be a whole number or auto, got null."),
        (
            Natural | Share,
            1.5,
            "jobs must be a whole number or a number above 0 and at most 1, got 1.5.",
        ),
        (Natural | Share, -1, "jobs must be at least 0, got -1"),
        # numbers with a letter
        (Count, "100k", "jobs must be a whole number, got '100k'. Write 100000."),
        (Count, "1.2345k", "jobs must be a whole number, got '1.2345k'."),
        (tuple[Count, ...], ["1.5M"], "jobs[0] must be a whole number, got '1.5M'. Write 1500000."),
        (Positive | None, "2k", "jobs must be a number or null, got '2k'. Write 2000."),
        (Count | float, "5k", "jobs must be a whole number or a number, got '5k'. Write 5000."),
        (Literal["tpe"], "5k", "jobs must be tpe, got '5k'."),
        (Count, "k", "jobs must be a whole number, got 'k'."),
    ],
)
def test_what_lies_outside_is_refused_by_its_name(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        convert(value, kind, "sweep.jobs")
    assert str(refusal.value) == f"sweep.{message}"
    assert refusal.value.key == "sweep.jobs"


def hours(value: Any, key: str) -> float:
    """Minutes in hours, and a word for a day."""
    if value == "day":
        return 24.0
    if not isinstance(value, int):
        raise BadInput(f"{key} is no number of minutes: {value!r}", key)
    return value / 60


@dataclass(frozen=True, kw_only=True)
class Brush:
    """A part of another class's settings."""

    width: Positive = 0.5
    bristles: Count

    def __post_init__(self) -> None:
        if self.bristles > 100 * self.width:
            raise ValueError(f"bristles do not fit into a width of {self.width}")
        if self.bristles == 13:
            raise ValueError("a bug of ours")


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Settings with parts."""

    brush: Brush
    spare: Brush | None = None
    lr: PerRow[Share] = 0.1
    time: Annotated[float, By(hours)] = 1.0
    rooms: Mapping[str, Any] = field(default_factory=dict)
    jobs: Count | Literal["auto"] = "auto"


def cleaner(**given: Any) -> Cleaner:
    return construct(Cleaner, {"brush": {"bristles": 4}, **given}, "agent")


def test_the_fields_of_a_dataclass_are_its_settings() -> None:
    assert list(settings_of(Cleaner)) == ["brush", "spare", "lr", "time", "rooms", "jobs"]
    made = cleaner(lr=1, time=90, rooms={"kitchen": 2}, spare={"bristles": 2.0, "width": 1})
    assert made == Cleaner(
        brush=Brush(width=0.5, bristles=4),
        spare=Brush(width=1.0, bristles=2),
        lr=1.0,
        time=1.5,
        rooms={"kitchen": 2},
        jobs="auto",
    )
    assert type(made.lr) is float and type(made.spare) is Brush
    assert cleaner(time="day").time == 24.0
    assert cleaner(spare=None, jobs=3) == dataclasses.replace(cleaner(), jobs=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.lr = 0.5  # type: ignore[misc]


def test_what_is_converted_otherwise_says_why_not() -> None:
    with pytest.raises(BadInput, match=r"^agent\.time is no number of minutes: 'long'$") as refusal:
        cleaner(time="long")
    assert refusal.value.key == "agent.time"


@pytest.mark.parametrize(
    ("given", "message", "key"),
    [
        ({"brush": 3}, "agent.brush must be a mapping such as {name: value}, got 3.", "brush"),
        ({"brush": {}}, "agent.brush.bristles has no value: write agent.", "brush.bristles"),
        (
            {"brush": {"bristles": 1, "with": 2}},
            "unknown setting agent.brush.with. Did you mean width? agent.brush has: width, bristl",
            "brush.with",
        ),
        ({"brush": {"bristles": 0}}, "agent.brush.bristles must be at least 1", "brush.bristles"),
        ({"brush": {"bristles": "x"}}, "agent.brush.bristles must be a whole", "brush.bristles"),
        (
            {"brush": {"bristles": 51}},
            "agent.brush.bristles do not fit into a width of 0.5",
            "brush.bristles",
        ),
        ({"spare": {"bristles": 51}}, "agent.spare.bristles do not fit", "spare.bristles"),
        ({"spare": {"bristles": 0}}, "agent.spare.bristles must be at least 1", "spare.bristles"),
        (
            {"spare": {"bristles": 1, "width": "x"}},
            "agent.spare.width must be a number, got 'x'.",
            "spare.width",
        ),
        (
            {"spare": 3},
            "agent.spare must be a mapping such as {name: value} or null, got 3.",
            "spare",
        ),
        ({"jobs": 0}, "agent.jobs must be at least 1, got 0", "jobs"),
    ],
)
def test_a_part_is_named_with_its_path(given: dict[str, Any], message: str, key: str) -> None:
    with pytest.raises(BadInput) as refusal:
        cleaner(**given)
    assert str(refusal.value).startswith(message)
    assert refusal.value.key == f"agent.{key}"


def test_a_bug_in_a_part_is_no_bad_input() -> None:
    with pytest.raises(ValueError, match=r"^a bug of ours$"):
        cleaner(brush={"bristles": 13})


@dataclass(frozen=True, kw_only=True)
class LateSettings(LinearSettings):
    """Inherits settings whose annotations name what is not imported here."""

    delay: Natural = 0
    end: PerRow[Fraction] = 0.5


def test_settings_are_inherited_from_other_modules() -> None:
    given = {"start": 1, "clock": "episodes", "over": 8.0, "delay": 3}
    made = construct(LateSettings, given, "explore")
    assert made == LateSettings(start=1.0, clock="episodes", over=8, delay=3)
    assert (made.end, type(made.over)) == (0.5, int)
    for name, value, message in (
        ("clock", "minutes", "clock must be one of steps, episodes, got 'minutes'"),
        ("over", 0, "over must be at least 1, got 0"),
        ("fraction", 2, "fraction must be between 0 and 1, got 2"),
        ("delay", -1, "delay must be at least 0, got -1"),
        ("end", 3, "end must be between 0 and 1, got 3"),
        ("over", None, "clock=episodes needs over"),
    ):
        with pytest.raises(BadInput, match=rf"^explore\.{message}"):
            construct(LateSettings, {**given, name: value}, "explore")


def test_errors_about_a_group_get_its_path() -> None:
    with pytest.raises(BadInput) as refusal, as_bad_input(["lr"], "agent"):
        raise ValueError("lr is too large")
    assert (str(refusal.value), refusal.value.key) == ("agent.lr is too large", "agent.lr")
    with pytest.raises(ValueError, match=r"^lrs are none$"), as_bad_input(["lr"], "agent"):
        raise ValueError("lrs are none")
