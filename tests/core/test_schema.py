"""A constructor's signature, or the fields of a dataclass, are the schema of its settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.fields import (
    By,
    Count,
    Fraction,
    Natural,
    NonNegative,
    PerRow,
    Positive,
    Range,
    StepSize,
)
from rlrun.core.schema import as_bad_input, check, construct, convert, settings_of
from rlrun.explore.options import LinearSettings

PER_ROW: Any = PerRow  # mypy does not take an alias with a union for a value


class Thing:
    def __init__(
        self,
        spec: object = None,
        *,
        lr: float,
        steps: int = 10,
        double: bool = True,
        hidden: tuple[int, ...] = (64,),
        pair: tuple[int, float] = (1, 2.0),
        sizes: list[int] | None = None,
        loss: Literal["huber", "squared"] = "huber",
        limit: int | None = None,
        label: str = "",
        names: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        seeds: int = 1,
    ) -> None:
        if lr <= 0:
            raise ValueError(f"lr must be positive, got {lr:g}")
        if steps == 13:
            raise ValueError("a bug of ours")
        if 0 in hidden:
            raise ValueError("hidden[0] must be positive")
        self.lr, self.seeds = lr, seeds


def checked(**given: Any) -> dict[str, Any]:
    return check(Thing, {"lr": 0.1, **given}, "agent")


@pytest.mark.parametrize(
    ("key", "value", "result"),
    [
        ("lr", 1, 1.0),
        ("steps", 1e5, 100_000),
        ("double", False, False),
        ("hidden", [120, 84], (120, 84)),
        ("hidden", [], ()),
        ("pair", [1, 2], (1, 2.0)),
        ("sizes", [1.0], [1]),
        ("sizes", None, None),
        ("loss", "squared", "squared"),
        ("limit", None, None),
        ("limit", 5, 5),
        ("names", ["a"], ["a"]),
        ("extra", {"is_slippery": False}, {"is_slippery": False}),
    ],
)
def test_values_become_the_types_of_the_signature(key: str, value: Any, result: Any) -> None:
    converted = checked(**{key: value})[key]
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lr", "fast", "agent.lr must be a number, got 'fast'."),
        ("lr", True, "agent.lr must be a number, got true."),
        ("lr", None, "agent.lr must be a number, got null."),
        ("lr", float("nan"), "agent.lr must be a finite number, got nan."),
        ("lr", float("inf"), "agent.lr must be a finite number, got inf."),
        ("steps", 0.5, "agent.steps must be a whole number, got 0.5."),
        ("steps", float("inf"), "agent.steps must be a whole number, got inf."),
        ("steps", True, "agent.steps must be a whole number, got true."),
        ("steps", "10", "agent.steps must be a whole number, got '10'."),
        ("double", 1, "agent.double must be true or false, got 1."),
        ("double", "yes", "agent.double must be true or false, got 'yes'."),
        ("hidden", 64, "agent.hidden must be a list such as [64, 64], got 64."),
        ("hidden", [64, 0.5], "agent.hidden[1] must be a whole number, got 0.5."),
        ("hidden", "64", "agent.hidden must be a list such as [64, 64], got '64'."),
        ("pair", [1], "agent.pair must be a list of 2, got [1]."),
        ("loss", "hubber", "must be one of huber, squared, got 'hubber'. Did you mean huber?"),
        ("loss", 3, "agent.loss must be one of huber, squared, got 3."),
        ("limit", 0.5, "agent.limit must be a whole number or null, got 0.5."),
        ("label", 1, "agent.label must be text, got 1."),
        ("extra", 1, "agent.extra must be a mapping such as {name: value} or null, got 1."),
        ("lrr", 1, "unknown setting agent.lrr. Did you mean lr? agent has: lr, steps, double,"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(key: str, value: Any, message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        checked(**{key: value})
    assert message in str(refusal.value)
    assert refusal.value.key == f"agent.{key}"


@pytest.mark.parametrize("given", [{}, {"lr": "???"}])
def test_a_setting_without_a_default_has_to_be_given(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"agent\.lr has no value: write agent\.lr=VALUE"):
        check(Thing, given, "agent")


def test_what_the_program_supplies_is_no_setting() -> None:
    with pytest.raises(BadInput, match=r"unknown setting agent\.seeds"):
        check(Thing, {"lr": 1, "seeds": 3}, "agent", supplied=["seeds"])
    with pytest.raises(BadInput, match=r"unknown setting agent\.spec"):
        check(Thing, {"lr": 1, "spec": 3}, "agent")
    assert construct(Thing, {"lr": 1}, "agent", seeds=3).seeds == 3


def test_defaults_are_left_to_the_constructor() -> None:
    assert check(Thing, {"lr": 1}, "agent") == {"lr": 1.0}


def test_functions_and_the_top_level() -> None:
    def run(*, seeds: int) -> int:
        return seeds

    assert construct(run, {"seeds": 3.0}, "") == 3
    with pytest.raises(BadInput, match=r"^unknown setting sed\. Did you mean seeds\?"):
        check(run, {"seeds": 1, "sed": 1}, "")


def test_a_range_error_gets_the_full_name() -> None:
    with pytest.raises(BadInput, match=r"^agent\.lr must be positive, got -1$") as refusal:
        construct(Thing, {"lr": -1}, "agent")
    assert refusal.value.key == "agent.lr"
    with pytest.raises(BadInput, match=r"^agent\.hidden\[0\] must be positive"):
        construct(Thing, {"lr": 1, "hidden": [0]}, "agent")


def test_a_range_error_about_something_else_is_a_bug() -> None:
    with pytest.raises(ValueError, match="a bug of ours"):
        construct(Thing, {"lr": 1, "steps": 13}, "agent")


def test_an_annotation_that_no_setting_can_have_is_a_bug() -> None:
    def wrong(*, x: set[int]) -> None: ...

    with pytest.raises(TypeError, match="no setting can have"):
        check(wrong, {"x": 1}, "agent")


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (Positive, 1e-300, 1e-300),
        (NonNegative, 0, 0.0),
        (Fraction, 0, 0.0),
        (Fraction, 1, 1.0),
        (StepSize, 1, 1.0),
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
        (StepSize, 0, "jobs must be above 0 and at most 1, got 0.0"),
        (StepSize, 1.5, "jobs must be above 0 and at most 1, got 1.5"),
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
    lr: PerRow[StepSize] = 0.1
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


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("dqnn", " Did you mean dqn?"),
        ("DQN", " Did you mean dqn?"),
        ("dueling", " Did you mean dueling_dqn?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_did_you_mean(word: str, hint: str) -> None:
    assert did_you_mean(word, ["dqn", "dueling_dqn", "random"]) == hint
