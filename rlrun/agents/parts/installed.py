"""Agents of other packages: the entry-point group ``rlrun.agents``."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint
from typing import Any

from rlrun.core.errors import BadInput

EXAMPLE = "CONTRIBUTING.md of rlrun shows a complete agent"


def by_name(points: Iterable[EntryPoint], own: Collection[str]) -> dict[str, EntryPoint]:
    """Return entry points by name. Raises BadInput if one has a name of rlrun's ``own`` agents."""
    points = list(points)
    for point in points:
        if point.name in own:
            raise BadInput(
                f"the entry point {point.name} = {point.value} has the name of an agent of rlrun: "
                "rename it, or uninstall its package."
            )
    return {point.name: point for point in points}


def load(point: EntryPoint) -> Any:
    """Import and return an agent's class. Raises BadInput if it is not complete."""
    name = point.name
    try:
        cls = point.load()
    except Exception as error:  # the code of its package, which can raise anything
        raise BadInput(
            f"the agent {name} cannot be imported from {point.value}: {type(error).__name__}: "
            f"{error}."
        ) from error
    for attribute in ("observes", "acts", "settings_class"):
        if not hasattr(cls, attribute):
            raise BadInput(f"the agent {name} ({cls.__module__}) has no {attribute}: {EXAMPLE}.")
    settings = cls.settings_class
    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        raise BadInput(
            f"the settings_class of the agent {name} ({cls.__module__}) is not a dataclass: "
            f"{EXAMPLE}."
        )
    positional = [each.name for each in dataclasses.fields(settings) if not each.kw_only]
    if positional:
        raise BadInput(
            f"the settings of the agent {name} ({cls.__module__}.{settings.__name__}) "
            f"must be keyword-only, but {', '.join(positional)} can be passed by position: write "
            "@dataclass(frozen=True, kw_only=True) above the class."
        )
    return cls
