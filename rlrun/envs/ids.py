"""Environment ids: looking them up in Gymnasium's registry, checking their arguments."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rlrun.core.errors import BadInput, closest, did_you_mean
from rlrun.envs.vector.atari import check_atari_kwargs

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec


MINIGRID = ("MiniGrid-", "BabyAI-")
"""The beginnings of the ids that the package minigrid registers when it is imported."""


def env_spec(env_id: str) -> EnvSpec:
    """Return the registered environment `env_id`: `Acrobot-v1`, `ALE/Pong-v5`, `package:Name-v0`.

    The package in front of a colon is imported, from the installed ones or from the current
    directory. ``package:module`` may also be one with several agents (``rlrun.envs.parallel``), for
    which the result is a `ParallelSpec`. Raises BadInput with Gymnasium's message and the closest
    id if there is no such environment.
    """
    import gymnasium

    module, _, name = env_id.rpartition(":")
    if module:
        _import(module, env_id)
    if name.startswith("ALE/"):
        _import_atari()
    if name.startswith(MINIGRID) and not _import_minigrid():
        raise BadInput(
            f"env={env_id}: it is part of MiniGrid, which is not installed: pip install minigrid.",
            "env.id",
        )
    if name.startswith("rlrun/"):
        importlib.import_module("rlrun.envs.games")
    try:
        return gymnasium.spec(name)
    except gymnasium.error.Error as error:
        if module and (several := _parallel(module, name)) is not None:
            return several
        text = _not_found(name, str(error))
        hint = _module_like(module, name) or _how_to_register(module, name)
        raise BadInput(f"{text}{hint}", "env.id") from error


def _parallel(module: str, name: str) -> EnvSpec | None:
    from rlrun.envs.parallel.find import parallel_spec  # imports Gymnasium

    return parallel_spec(module, name)


def _module_like(module: str, name: str) -> str:
    """Return a hint at an environment with several agents with a name like this one, or ""."""
    from rlrun.envs.parallel.find import did_you_mean_module

    return did_you_mean_module(module, name) if module else ""


def is_parallel(spec: EnvSpec) -> bool:
    """Return whether it has several agents, which act at the same time: `mpe2:simple_spread_v3`."""
    return hasattr(spec, "constructor")


def is_atari(spec: EnvSpec) -> bool:
    """Return whether it is a game that runs in ALE's own vector environment: `ALE/Pong-v5`."""
    return spec.vector_entry_point == "ale_py.vector_env:AtariVectorEnv"


def env_ids() -> list[str]:
    """Return every registered id, including Atari games and MiniGrid if they are installed."""
    import gymnasium

    _import_atari()
    _import_minigrid()
    importlib.import_module("rlrun.envs.games")
    return sorted(gymnasium.registry)


def check_env_kwargs(env_id: str, kwargs: Mapping[str, Any]) -> None:
    """Raise BadInput for a keyword argument that the environment's constructor does not take."""
    spec = env_spec(env_id)
    if is_atari(spec):
        check_atari_kwargs(kwargs)
        return
    known = _accepted(spec)
    if known is None:
        return
    for name in kwargs:
        if name not in known:
            key = f"env.kwargs.{name}"
            takes = ", ".join(sorted(known)) or "nothing"
            hint = did_you_mean(str(name), known)
            raise BadInput(f"unknown setting {key}: {spec.id} takes {takes}.{hint}", key)
    _check_map(spec, kwargs)


def _check_map(spec: EnvSpec, kwargs: Mapping[str, Any]) -> None:
    """Raise BadInput for a map that the environment's module does not have, as in FrozenLake."""
    from gymnasium.envs.registration import load_env_creator

    name, entry = kwargs.get("map_name"), spec.entry_point
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    maps = getattr(sys.modules.get(getattr(creator, "__module__", "")), "MAPS", None)
    if name is None or kwargs.get("desc") is not None or not isinstance(maps, dict):
        return
    if name not in list(maps):
        key, listed = "env.kwargs.map_name", ", ".join(map(str, maps))
        hint = did_you_mean(str(name), map(str, maps))
        raise BadInput(f"{key}={name}: {spec.id} has no such map.{hint} Maps: {listed}.", key)


def closest_id(name: str, others: Iterable[str] = ()) -> str | None:
    """Return the id, in its newest version, or the one of `others` closest to `name`; else None."""
    newest = {_stem(env_id): env_id for env_id in sorted(env_ids(), key=_version)}
    newest |= {other: other for other in others}
    near = closest(_stem(name), newest)
    return None if near is None else newest[near]


def _stem(env_id: str) -> str:
    return re.sub(r"-v\d+$", "", env_id)


def _version(env_id: str) -> int:
    return int(env_id[len(_stem(env_id)) + 2 :] or -1)


def _import(module: str, env_id: str) -> None:
    """Import the package that registers an environment; the current directory is searched last."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", module):
        raise BadInput(f"env={env_id}: '{module}' is not the name of a Python package.", "env.id")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # at the end: a file here must not hide a package
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the package exists, but something it imports does not
        raise BadInput(
            f"env={env_id}: there is no Python package '{module}', neither installed nor in the"
            " current directory.",
            "env.id",
        ) from error


def _import_atari() -> None:
    """Register the Atari games; without ale_py Gymnasium's own message names what is missing."""
    try:
        ale_py = importlib.import_module("ale_py")
    except ModuleNotFoundError:
        return
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # no banner


def _import_minigrid() -> bool:
    """Register MiniGrid's environments; return whether it is installed."""
    try:
        importlib.import_module("minigrid")
    except ModuleNotFoundError as error:
        if error.name != "minigrid":
            raise  # it is installed, but something it imports is not
        return False
    return True


def _not_found(name: str, text: str) -> str:
    text = text.replace("`", "").split(" Did you mean")[0].rstrip(".")
    text += "" if text.endswith("?") else "."
    near = closest_id(name)
    hint = f" Did you mean {near}?" if near is not None and near not in text else ""
    return f"there is no environment '{name}': {text}{hint}"


def _how_to_register(module: str, name: str) -> str:
    """Return a hint for packages that register their environments in a function; "" without one."""
    if not module:
        return ""
    functions = [
        word
        for word, value in vars(sys.modules[module]).items()
        if word.startswith("register") and inspect.isfunction(value)
        if not value.__module__.startswith("gymnasium")
    ]
    call = f"{module}.{functions[0]}()" if functions else f"that function of {module}"
    return (
        f" Importing {module} does not register this name. If it has a function that does, write a "
        f"two-line module my_envs.py that imports {module} and calls {call}; then use "
        f"env=my_envs:{name}."
    )


def _accepted(spec: EnvSpec) -> set[str] | None:
    """Return the keyword arguments of the environment's constructor; None if it takes any."""
    from gymnasium.envs.registration import EnvCreator, load_env_creator

    entry: str | EnvCreator | None = getattr(spec, "constructor", spec.entry_point)
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    if creator is None:
        return None
    names = {"render_mode"}
    functions = [k.__init__ for k in creator.__mro__] if inspect.isclass(creator) else [creator]
    for function in functions:
        parameters = list(inspect.signature(function).parameters.values())
        names |= {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {"self"}  # without **kwargs none is passed to the parent class
    return None
