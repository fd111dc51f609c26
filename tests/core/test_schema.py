"""A constructor's signature, or the fields of a dataclass, are the schema of its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from rlrun.core.errors import BadInput
from rlrun.core.schema import check, construct


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
