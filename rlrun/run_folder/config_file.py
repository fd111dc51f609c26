"""Reading and writing a run's ``config.yaml``: written resolved, read as data."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import OmegaConf

from rlrun.run_folder.files import (
    MOST_BYTES,
    FolderError,
)


def read_config(folder: Path) -> dict[str, Any]:
    """Return the settings of a run, read as data: nothing in the file is resolved or executed.

    Raises FolderError if the file is missing or damaged.
    """
    path = folder / "config.yaml"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        text = path.read_text("utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("it has references")  # a few of them can expand to any size
        loaded = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)
    except FileNotFoundError as error:
        raise FolderError(
            f"{path} is missing: without its settings a run cannot be played, resumed or reported."
        ) from error
    except Exception as error:  # a YAML reader may raise anything on a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FolderError(f"{path} is damaged: {reason}.") from error
    if (
        not isinstance(loaded, dict)
        or not {"agent", "env", "total_steps"} <= loaded.keys()
        or not isinstance(loaded["env"], dict)
        or _interpolations(loaded)
    ):
        raise FolderError(f"{path} is damaged: it does not hold the settings of a run.")
    return {str(key): value for key, value in loaded.items()}


def _interpolations(value: Any) -> bool:
    """Return whether any text in nested settings contains an interpolation."""
    if isinstance(value, Mapping):
        return any(_interpolations(key) or _interpolations(each) for key, each in value.items())
    if isinstance(value, list):
        return any(map(_interpolations, value))
    return isinstance(value, str) and "${" in value


def recorded_form(settings: Mapping[str, Any], products: str) -> dict[str, Any]:
    """Return the settings of a run as it records them.

    ``env.vector=arrays`` is a demand on its beginning. From then on ``auto`` gives the same
    numbers, also where arrays are not possible, as in an evaluation with other arguments.
    ``products`` are those in use: on another machine ``device.products=auto`` could choose others.
    """
    env = dict(settings["env"])
    if env.get("vector") == "arrays":
        env["vector"] = "auto"
    return {**settings, "env": env, "device": {**settings["device"], "products": products}}


def write_config(settings: Mapping[str, Any], folder: Path) -> None:
    """Write ``config.yaml``: every setting, resolved."""
    temporary = folder / ".config.yaml.tmp"
    OmegaConf.save(OmegaConf.create(dict(settings)), temporary, resolve=True)
    os.replace(temporary, folder / "config.yaml")
