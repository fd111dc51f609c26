"""Checks of settings against a schema: the fields of a dataclass, or a function's signature.

The keyword-only parameters of a class or function are its settings. `check` compares a mapping with
them (unknown and missing names, types, ranges) and converts the values; `construct` also calls the
function, and adds the full path to ValueErrors that it raises about its settings.
``rlrun.core.fields`` describes how settings are declared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union

from rlrun.core.errors import BadInput, did_you_mean, in_digits
from rlrun.core.fields import By, Range, alternatives, in_range, number
from rlrun.core.text import as_word

T = TypeVar("T")
UNSET = "???"  # marks a required value in a YAML file


def check(
    function: Callable[..., Any], values: Mapping[str, Any], path: str, supplied: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the settings `values` of `function`, converted to the types of its signature.

    `path` is their group in the configuration ("agent", or "" at the top level). The parameters
    named in `supplied` are passed by the program and are not settings. Raises BadInput.
    """
    parameters = settings_of(function, supplied)
    for name in values:
        if name not in parameters:
            key = _join(path, str(name))
            raise BadInput(
                f"unknown setting {key}.{did_you_mean(str(name), parameters)}"
                f" {path or 'rlrun'} has: {', '.join(parameters) or 'no settings'}.",
                key,
            )
    checked = {}
    hints = _hints(function, parameters)
    for name, parameter in parameters.items():
        key = _join(path, name)
        if name in values and values[name] != UNSET:
            checked[name] = convert(values[name], hints.get(name, Any), key)
        elif parameter.default is parameter.empty:
            raise BadInput(f"{key} has no value: write {key}=VALUE.", key)
    return checked


def construct(
    function: Callable[..., T], values: Mapping[str, Any], path: str, /, *args: Any, **supplied: Any
) -> T:
    """Call `function(*args, **supplied)` with the checked settings and return the result.

    Raises BadInput, also for the ValueErrors that `as_bad_input` converts.
    """
    settings = check(function, values, path, tuple(supplied))
    with as_bad_input(settings_of(function, tuple(supplied)), path):
        return function(*args, **supplied, **settings)


@contextlib.contextmanager
def as_bad_input(names: Collection[str], path: str) -> Iterator[None]:
    """Convert a ValueError about one of the settings `names` of the group `path` to BadInput.

    The message of such an error begins with the setting's name ("loss must be huber ..."). Any
    other ValueError is a bug and is raised unchanged.
    """
    try:
        yield
    except ValueError as error:
        name = re.split(r"\W", str(error), maxsplit=1)[0]
        if name not in names:
            raise
        raise BadInput(_join(path, str(error)), _join(path, name)) from error


def settings_of(
    function: Callable[..., Any], supplied: Sequence[str] = ()
) -> dict[str, inspect.Parameter]:
    """Return the keyword-only parameters of `function` that are settings, by name."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in supplied}


def convert(value: Any, kind: Any, key: str) -> Any:
    """Convert `value` to the type `kind` of a signature; `key` names it in the message."""
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _annotated(value, options[0], kind.__metadata__, key)
    if kind is Any or kind is object:
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return construct(kind, _mapping(value, key), key)
    if origin is Literal:
        return _choice(value, options, key)
    if origin in (Union, types.UnionType):
        return _union(value, alternatives(kind), key)
    if origin in (tuple, list, Sequence) or kind in (tuple, list):
        return _sequence(value, origin or kind, options, key)
    if kind is dict or origin in (dict, Mapping) or kind is Mapping:
        return _mapping(value, key)
    if kind in _SCALARS:
        return _SCALARS[kind](value, key)
    raise TypeError(f"{key} is annotated with {kind!r}, which no setting can have")


def _annotated(value: Any, kind: Any, marks: tuple[Any, ...], key: str) -> Any:
    """Convert `value` to `kind`, and check or convert it by the marks of the annotation."""
    for mark in marks:
        if isinstance(mark, By):
            return mark.convert(value, key)
    value = convert(value, kind, key)
    for mark in marks:
        if isinstance(mark, Range) and value not in mark:
            text = f"{key} must be {mark}, got {number(value)}"
            raise _OutOfRange(text, key, f"a {in_range('number', mark)}")
    return value


def _mapping(value: Any, key: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(value, "a mapping such as {name: value}", key)
    return dict(value)


def _integer(value: Any, key: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:  # 1e5 in YAML is a float and means 100000
        raise _wrong(value, "a whole number", key, in_digits(str(value)))
    return int(value)


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, "a number", key, in_digits(str(value)))
    if not math.isfinite(value):
        raise _wrong(value, "a finite number", key)
    return float(value)


def _truth(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "true or false", key)
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "text", key)
    return value


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    int: _integer,
    float: _number,
    bool: _truth,
    str: _text,
}


def _choice(value: Any, options: tuple[Any, ...], key: str) -> Any:
    for option in options:
        if value == option and type(value) is type(option):
            return option
    names = [str(option) for option in options]
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    expected = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    raise _wrong(value, expected, key, hint)


def _union(value: Any, options: tuple[Any, ...], key: str) -> Any:
    if value is None and type(None) in options:
        return None
    kinds = [option for option in options if option is not type(None)]
    nested = isinstance(value, Mapping) and dataclasses.is_dataclass(kinds[0])
    if len(kinds) == 1 and (nested or isinstance(value, list | tuple)):
        return convert(value, kinds[0], key)  # whose messages name the wrong item
    if len(options) == 1:
        return convert(value, options[0], key)
    errors: list[_Mismatch] = []
    for kind in kinds:
        try:
            return convert(value, kind, key)
        except _Mismatch as error:
            if isinstance(error, _OutOfRange) and not errors:
                raise  # only its range is wrong
            errors.append(error)
    expected = " or ".join(error.expected for error in errors)
    hint = next((error.hint for error in errors if error.hint), "")
    raise _wrong(value, expected + (" or null" if type(None) in options else ""), key, hint)


def _sequence(value: Any, kind: Any, options: tuple[Any, ...], key: str) -> Any:
    if not isinstance(value, list | tuple):
        nested = bool(options) and typing.get_origin(options[0]) is tuple
        example = "[[-1, 1, 8], [0, 5, 10]]" if nested else "[64, 64]"
        raise _wrong(value, f"a list such as {example}", key)
    if kind is tuple and options and options[-1] is not Ellipsis:
        if len(value) != len(options):
            raise _wrong(value, f"a list of {len(options)}", key)
        kinds = list(options)
    else:
        kinds = [options[0] if options else Any] * len(value)
    items = [
        convert(item, one, f"{key}[{n}]")
        for n, (item, one) in enumerate(zip(value, kinds, strict=True))
    ]
    return tuple(items) if kind is tuple else items


class _Mismatch(BadInput):
    """A value that does not have the type of its setting."""

    def __init__(self, text: str, key: str, expected: str, hint: str = "") -> None:
        super().__init__(text, key.partition("[")[0])  # an item belongs to its list
        self.expected, self.hint = expected, hint


class _OutOfRange(_Mismatch):
    """A value of the right type outside its range."""


def _wrong(value: Any, expected: str, key: str, hint: str = "") -> _Mismatch:
    written = as_word(value) if value is None or isinstance(value, bool) else repr(value)
    return _Mismatch(f"{key} must be {expected}, got {written}.{hint}", key, expected, hint)


def _hints(function: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of the settings ``names`` of a class or function.

    Other annotations are not evaluated: they may name types that only type checkers import.
    """
    if dataclasses.is_dataclass(function):
        return typing.get_type_hints(function, include_extras=True)
    source = function.__init__ if inspect.isclass(function) else function
    hints = {n: a for n, a in getattr(source, "__annotations__", {}).items() if n in names}
    holder = types.SimpleNamespace(__annotations__=hints)
    return typing.get_type_hints(holder, source.__globals__, include_extras=True)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
