"""The words after a verb that plays a run: the verb's settings, and changes to the run's."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from rlrun.cli.config.paths import config_root
from rlrun.core.errors import BadInput, did_you_mean

PLAYED = ("env.kwargs.NAME", "env.max_episode_steps", "eval.max_steps", "device")
"""The settings of a run that may differ when its policies are played."""
DEVICE = ("name", "threads", "compile", "deterministic", "precision")


def split(
    words: Sequence[str], own: Sequence[str], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of a verb's ``own`` settings, and the run's settings with the changes.

    Raises BadInput for a word that is neither.
    """
    values: dict[str, Any] = {}
    changed = copy.deepcopy(dict(settings))
    for word in words:
        key, value = _read(word)
        outer, _, name = key.rpartition(".")
        if key in own:
            values[key] = value
        elif outer == "env.kwargs":
            changed["env"]["kwargs"] = {**(changed["env"].get("kwargs") or {}), name: value}
        elif key == "device":
            changed["device"] = _device(str(value))
        elif key in PLAYED or (outer == "device" and name in DEVICE):
            changed[outer][name] = value
        else:
            raise BadInput(_neither(key, own, settings), key)
    return values, changed


def flag(words: list[str], name: str) -> bool:
    """Remove the flag from the words; return whether it was among them."""
    present = name in words
    words[:] = [word for word in words if word != name]
    return present


def option(words: list[str], name: str, placeholder: str) -> str | None:
    """Remove ``--name VALUE`` or ``--name=VALUE`` from the words; return the value or None.

    Raises BadInput if the value is missing; the message shows ``placeholder`` in its place.
    """
    for i, word in enumerate(words):
        key, is_assigned, value = word.partition("=")
        if key == name:
            value = value if is_assigned else "".join(words[i + 1 : i + 2])
            if not value:
                raise BadInput(f"{name} needs a value: {name} {placeholder}.")
            del words[i : i + (1 if is_assigned else 2)]
            return value
    return None


def _read(word: str) -> tuple[str, Any]:
    if word.startswith("-"):
        raise BadInput(f"there is no flag {word.partition('=')[0]} here.")
    try:
        override = OverridesParser.create().parse_overrides([word])[0]
    except HydraException as error:
        raise BadInput(f"cannot read '{word}': settings are written KEY=VALUE.") from error
    if override.is_sweep_override() or override.is_delete():
        raise BadInput(f"cannot use '{word}': {override.key_or_group} needs one value.")
    return override.key_or_group, override.value()


def _device(name: str) -> dict[str, Any]:
    """Return the settings of a device by the name of its file."""
    files = {path.stem: path for path in (config_root() / "device").glob("*.yaml")}
    if name not in files:
        hint = did_you_mean(name, files)
        raise BadInput(f"there is no device '{name}'.{hint} Devices: {', '.join(sorted(files))}.")
    loaded = OmegaConf.to_container(OmegaConf.load(files[name]))
    assert isinstance(loaded, dict)
    return {str(key): value for key, value in loaded.items()}


def _neither(key: str, own: Sequence[str], settings: Mapping[str, Any]) -> str:
    allowed = ", ".join([*own, *PLAYED])
    node: Any = settings
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    if node is not None:
        return f"{key} is fixed by the run. Settings allowed here: {allowed}."
    return f"unknown setting {key}.{did_you_mean(key, [*own, *PLAYED])} Settings: {allowed}."
