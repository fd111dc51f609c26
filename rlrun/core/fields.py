"""Declarations of settings: fields of frozen dataclasses, with types, ranges and docstrings.

    @dataclass(frozen=True, kw_only=True)
    class CleanerSettings:
        lr: PerRow[Positive] = 1e-3
        \"\"\"Step size (Author 2001, equation 3).\"\"\"

The type gives the range. ``PerRow`` marks a number that may differ between the rows of a stack
(``rlrun.core.rows``). ``rlrun.core.schema`` checks values against these fields; `fields_of`
describes them.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import textwrap
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar, Union

from rlrun.core.types import Array


@dataclass(frozen=True)
class Range:
    """Bounds of a number: ``above`` is exclusive, ``least`` and ``most`` are inclusive."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
        )

    def __str__(self) -> str:
        """Return the range in words that complete "must be"."""
        if self.above == 0 and self.most is None:
            return "positive"
        if self.least is not None and self.most is not None:
            return f"between {number(self.least)} and {number(self.most)}"
        bounds = {"at least": self.least, "above": self.above, "at most": self.most}
        words = [f"{word} {number(bound)}" for word, bound in bounds.items() if bound is not None]
        return " and ".join(words)


def number(value: float) -> str:
    """Format a number for reading: 10,000."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def in_range(noun: str, bounds: Range) -> str:
    """Return the noun of a number with its range: "positive number", "number of at least 2"."""
    words = str(bounds)
    link = "of " if words.startswith("at least") else ""
    return f"positive {noun}" if words == "positive" else f"{noun} {link}{words}"


@dataclass(frozen=True)
class By:
    """An annotation whose values are converted by ``convert(value, key)``."""

    convert: Callable[[Any, str], Any]


class _Mark(NamedTuple):
    """A named mark in an annotation, such as `PER_ROW`."""

    name: str


T = TypeVar("T")
PER_ROW = _Mark("per row")
OFF_AT_0 = _Mark("off at 0")
"""A number per row that is 0 in all rows, which switches a part of the agent off, or in none."""
PerRow: TypeAlias = Annotated[T | Array, PER_ROW]
"""A number that may differ between the rows of a stack: then it is an array ``[row]``."""
Positive: TypeAlias = Annotated[float, Range(above=0)]
NonNegative: TypeAlias = Annotated[float, Range(least=0)]
Fraction: TypeAlias = Annotated[float, Range(least=0, most=1)]
Share: TypeAlias = Annotated[float, Range(above=0, most=1)]
"""A fraction of a whole, at most all of it."""
Count: TypeAlias = Annotated[int, Range(least=1)]
"""A positive whole number."""
Natural: TypeAlias = Annotated[int, Range(least=0)]


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    """The settings class of an option without settings."""


def alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the types in a union, without the array that `PerRow` adds."""
    # by equality: the origin of numpy's alias is the alias itself from numpy 2.5 on
    return tuple(each for each in typing.get_args(hint) if each != Array)


class Field(NamedTuple):
    """The description of one setting."""

    name: str
    kind: str
    """The type and range in words."""
    default: Any
    """``dataclasses.MISSING`` if a value is required."""
    per_row: bool
    doc: str
    """The docstring; its first paragraph, one line, is also the comment in the YAML file."""


def fields_of(settings: type) -> list[Field]:
    """Describe the fields of a settings class, in order."""
    hints = typing.get_type_hints(settings, include_extras=True)
    docs = _docs(settings)
    fields = []
    for each in dataclasses.fields(settings):
        default = each.default
        if each.default_factory is not dataclasses.MISSING:
            default = each.default_factory()
        hint = hints[each.name]
        per_row = PER_ROW in getattr(hint, "__metadata__", ())
        fields.append(Field(each.name, _words(hint), default, per_row, docs.get(each.name, "")))
    return fields


def _docs(settings: type) -> dict[str, str]:
    """Return the docstrings of the fields by name, including those of base classes."""
    docs: dict[str, str] = {}
    for cls in reversed(settings.__mro__):
        if not dataclasses.is_dataclass(cls):
            continue
        try:
            source = textwrap.dedent(inspect.getsource(cls))
        except (OSError, TypeError):  # a class without a file
            continue
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.ClassDef)
        docs |= _documented(definition.body)
    return docs


def _documented(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the docstrings that follow annotated names in the body of a class."""
    docs = {}
    for each, following in itertools.pairwise(body):
        match each, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=doc)):
                if isinstance(doc, str):
                    docs[name] = inspect.cleandoc(doc)
    return docs


_NOUNS: Mapping[Any, tuple[str, str]] = {
    int: ("whole number", "whole numbers"),
    float: ("number", "numbers"),
    bool: ("true or false", "true or false"),
    str: ("text", "texts"),
}


def _words(hint: Any, plural: bool = False) -> str:
    """Describe a type in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        noun = _words(arguments[0], plural)
        for each in hint.__metadata__:
            noun = in_range(noun, each) if isinstance(each, Range) else noun
        return noun
    if origin is Literal:
        return _either([str(each) for each in arguments])
    if origin in (Union, types.UnionType):
        arguments = alternatives(hint)
        literals = [
            str(value)
            for each in arguments
            if typing.get_origin(each) is Literal
            for value in typing.get_args(each)
        ]
        others = [
            _words(each)
            for each in arguments
            if each is not type(None) and typing.get_origin(each) is not Literal
        ]
        return _either([*literals, *others, *["null"] * (type(None) in arguments)])
    if origin is tuple:
        if arguments[-1] is not Ellipsis:
            return f"[{', '.join(_words(each) for each in arguments)}]"
        return f"list of {_words(arguments[0], plural=True)}"
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        return "mapping"
    return _NOUNS[hint][plural] if hint in _NOUNS else "settings"


def _either(words: Sequence[str]) -> str:
    """Join words to "a, b or c"."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
