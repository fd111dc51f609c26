"""The file that a setting comes from, and the options of a group, for messages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import OmegaConf

from rlrun.cli.config.loader import loader
from rlrun.cli.config.resolvers import NO_EXPLORE, tuned
from rlrun.core.errors import BadInput, did_you_mean


def options(group: str) -> list[str]:
    """Return all options of a group, including its subfolders: `tuned` has `dqn/CartPole-v1`."""
    repository = loader().repository
    names: list[str] = list(repository.get_group_options(group, ObjectType.CONFIG))
    for folder in repository.get_group_options(group, ObjectType.GROUP):
        names += [f"{folder}/{name}" for name in options(f"{group}/{folder}")]
    return names


def check_tuned(choices: dict[str, str]) -> None:
    """Raise BadInput for an unknown `tuned=`: the entry is optional, so Hydra does not complain."""
    chosen, *keys = (choices.get(group) for group in ("tuned", "agent", "env", "explore"))
    if chosen is None or None in keys or chosen == tuned(*map(str, keys)):
        return
    if not loader().repository.config_exists(f"tuned/{chosen.removesuffix(NO_EXPLORE)}"):
        known = [name for name in options("tuned") if "/_" not in name]
        if pairs := [name for name in known if f"/{chosen}/" in f"/{name}/"]:
            raise BadInput(
                f"tuned={chosen} needs an agent and an environment: {', '.join(pairs)}. Without "
                "tuned= the settings of the run's own pair are used, if there are any.",
                "tuned",
            )
        raise BadInput(
            f"there are no tuned settings '{chosen}'.{did_you_mean(chosen, known)}"
            f" Tuned: {', '.join(known)}.",
            "tuned",
        )


def source(key: str, overrides: list[str]) -> str:
    """Return the file that gives a setting its value; "" if the user typed it or no file has it."""
    typed = {word.lstrip("+~").partition("=")[0] for word in overrides}
    values = [word for word in typed if not loader().repository.group_exists(word)]
    if not key or any(f"{key}.".startswith(f"{word}.") for word in values):
        return ""
    entries = loader().compute_defaults_list("config", overrides, RunMode.RUN).defaults
    for entry in reversed(entries):  # the last file wins
        package = entry.package or ""
        loaded = loader().repository.load_config(entry.config_path) if entry.config_path else None
        if loaded is None or not f"{key}.".startswith(f"{package}." if package else ""):
            continue
        inner = key[len(package) :].lstrip(".")
        if inner and OmegaConf.select(loaded.config, inner, default=_ABSENT) is not _ABSENT:
            return _file(loaded, entry.config_path)
    return ""


_ABSENT = object()


def _file(loaded: Any, name: str) -> str:
    """Return a loaded configuration's path, relative if it is below here; "" if not a file."""
    for place in loader().repository.get_sources():
        if place.provider == loaded.provider and place.scheme() == "file":
            path = Path(place.path, f"{name}.yaml")
            return str(path.relative_to(os.getcwd()) if path.is_relative_to(os.getcwd()) else path)
    return ""
