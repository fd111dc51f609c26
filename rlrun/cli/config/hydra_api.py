"""The parts of Hydra's internals that rlrun uses; they may change with any release of Hydra.

Nothing else imports ``hydra._internal``. Written for Hydra 1.3.
"""

from __future__ import annotations

import argparse
import re
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
    """Return the parser of Hydra's own command line."""
    parser: argparse.ArgumentParser = get_args_parser()
    return parser


def flags(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long flags of a parser: ``--cfg``, ``--multirun``, ..."""
    return [flag for flag in parser._option_string_actions if flag.startswith("--")]


def new_loader(root: Path, extra: str | None) -> ConfigLoaderImpl:
    """Return a loader of the configurations in ``extra``, which comes first, and ``root``."""
    search = create_config_search_path(str(root))
    if extra is not None:
        anchor = SearchPathQuery(provider="schema")
        search.prepend("command-line", f"file://{extra}", anchor=anchor)
    return ConfigLoaderImpl(search)


def apply_overrides(loader: Any, overrides: Sequence[Override], config: DictConfig) -> None:
    """Apply overrides of plain values to a composed configuration, in place."""
    loader._apply_overrides_to_config(list(overrides), config)


def split_sweep(overrides: Sequence[Override]) -> list[list[str]]:
    """Return the words of each job of a grid, in the order of Hydra's basic sweeper."""
    # imported late: Hydra reloads its plugins when it starts, and breaks classes imported before
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    jobs: list[list[str]] = BasicSweeper.split_arguments(list(overrides), None)[0]
    return jobs


def complete_line(loader: Any, line: str) -> list[str]:
    """Return what completes the settings of a command line, with this loader."""
    # imported late, as above
    from hydra.plugins.completion_plugin import DefaultCompletionPlugin

    settings = re.sub(r"^\s*\S+\s*", "", line)  # without the program's name
    words: list[str] = DefaultCompletionPlugin(loader)._query("config", settings)
    return words


def job_error(job: JobReturn) -> Any:
    """Return the exception of a failed job (of one that succeeded, its value)."""
    return job._return_value
