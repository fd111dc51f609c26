"""All that rlrun uses of Hydra's internals, which may change with any release of Hydra.

Nothing else imports ``hydra._internal``. Written for Hydra 1.3.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from omegaconf import DictConfig


def args_parser() -> argparse.ArgumentParser:
    """The parser of Hydra's own command line."""
    parser: argparse.ArgumentParser = get_args_parser()
    return parser


def flags(parser: argparse.ArgumentParser) -> list[str]:
    """The long flags of a parser: ``--cfg``, ``--multirun``, ..."""
    return [flag for flag in parser._option_string_actions if flag.startswith("--")]


def new_loader(root: Path, extra: str | None) -> ConfigLoaderImpl:
    """A reader of the configurations in ``root`` and, before them, in the folder ``extra``."""
    search = create_config_search_path(str(root))
    if extra is not None:
        anchor = SearchPathQuery(provider="schema")
        search.prepend("command-line", f"file://{extra}", anchor=anchor)
    return ConfigLoaderImpl(search)


def apply_overrides(loader: Any, overrides: Sequence[Override], config: DictConfig) -> None:
    """Apply overrides of plain values to a composed configuration, in place."""
    loader._apply_overrides_to_config(list(overrides), config)


def split_sweep(overrides: Sequence[Override]) -> list[list[str]]:
    """The words of each job of a grid, as Hydra's basic sweeper orders them."""
    # imported here: Hydra loads its plugins anew when it starts, and leaves older classes broken
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    jobs: list[list[str]] = BasicSweeper.split_arguments(list(overrides), None)[0]
    return jobs


def job_error(job: JobReturn) -> Any:
    """What a failed job raised (of one that succeeded, its value)."""
    return job._return_value
