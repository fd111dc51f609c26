"""Looks up environments that offer ``parallel_env``, PettingZoo's function for all acting at once.

An id is ``package:module``, such as ``mpe2:simple_spread_v3``.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gymnasium.envs.registration import EnvSpec

from rlrun.core.errors import BadInput, did_you_mean

PARALLEL, IN_TURNS = "parallel_env", "env"
"""The names of the functions that make an environment whose agents act together, or in turns."""


@dataclass
class ParallelSpec(EnvSpec):
    """What Gymnasium's registry would have about an environment with several agents."""

    constructor: Callable[..., Any] | None = None
    """What takes the arguments of the environment, to look up their names."""
    module: str = ""
    """The module's full name."""


_FOUND: dict[str, ParallelSpec] = {}


def parallel_spec(package: str, name: str) -> ParallelSpec | None:
    """Return the environment ``package:name``; None if there is none with several agents.

    It is a module of the package, or an object in it, with a function ``parallel_env``. Raises
    BadInput if it only has ``env``, whose agents act in turns.
    """
    module = _find(package, name)
    make = getattr(module, PARALLEL, None)
    if not callable(make):
        if inspect.ismodule(module) and callable(getattr(module, IN_TURNS, None)):
            raise BadInput(
                f"env={package}:{name}: its agents act in turns, and rlrun's act at the same time: "
                f"it needs a function {PARALLEL}, which {name} does not have.",
                "env.id",
            )
        return None
    raw = getattr(module, "raw_env", None)  # of PettingZoo's own; the functions take anything
    constructor = raw if inspect.isclass(raw) else make
    return ParallelSpec(
        id=name, entry_point=make, constructor=constructor, module=f"{package}.{name}"
    )


def did_you_mean_module(package: str, name: str) -> str:
    """Return a hint at a module of an imported package with a name like this one, or ""."""
    paths = getattr(sys.modules[package], "__path__", ())
    return did_you_mean(name, [module.name for module in pkgutil.iter_modules(paths)])


def _find(package: str, name: str) -> Any:
    """Return the module or the object of this name in an imported package; None if missing."""
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{package}.{name}".startswith(error.name):
            raise BadInput(
                f"env={package}:{name}: it needs the Python package '{error.name}', which is not "
                "installed.",
                "env.id",
            ) from error
    return getattr(importlib.import_module(package), name, None)
