"""Hydra's configuration loader, also available after Hydra itself has ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from rlrun.cli.config.hydra_api import args_parser, new_loader
from rlrun.cli.config.paths import config_root


def config_dir() -> str | None:
    """Return the folder given with --config-dir, as the user wrote it, or None."""
    folder: str | None = args_parser().parse_known_args()[0].config_dir
    return folder


def loader() -> Any:
    """Return Hydra's configuration loader for conf/ and the user's --config-dir."""
    hydra = GlobalHydra.instance().hydra
    if hydra is not None:
        return hydra.config_loader
    folder = config_dir()  # Hydra drops its own loader on errors
    return new_loader(config_root(), None if folder is None else os.path.abspath(folder))


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Return the configuration of a command line with these words; nothing is checked."""
    config: DictConfig = loader().load_configuration("config", list(overrides), RunMode.RUN)
    return config
