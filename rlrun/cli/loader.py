"""Hydra's reader of configurations, also when Hydra itself has ended."""

from __future__ import annotations

import os
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra

from rlrun.cli.folders import config_root


def config_dir() -> str | None:
    """The folder after --config-dir, as it was written."""
    folder: str | None = get_args_parser().parse_known_args()[0].config_dir
    return folder


def loader() -> Any:
    """Hydra's reader of configurations: conf/ and the user's --config-dir."""
    hydra = GlobalHydra.instance().hydra
    if hydra is not None:
        return hydra.config_loader
    search = create_config_search_path(str(config_root()))  # Hydra forgets its own on errors
    folder = config_dir()
    if folder is not None:
        path = f"file://{os.path.abspath(folder)}"
        search.prepend("command-line", path, anchor=SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(search)
