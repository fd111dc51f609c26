"""Checks of the settings, and the claim of a folder once they have passed."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, open_dict

from rlrun.cli.config import paths, sources
from rlrun.cli.explain import explain
from rlrun.core.errors import BadInput

if TYPE_CHECKING:
    from rlrun.build import Needs


def check(config: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> Needs:
    """Check the settings of a run and return what it needs.

    Raises BadInput, naming the file that a bad setting comes from.
    """
    from rlrun.build import plain  # imported late: it imports torch
    from rlrun.transfer.checks import validate

    sources.check_tuned(choices)
    settings = copy.deepcopy(config)
    with open_dict(settings):
        settings.pop("hydra", None)  # its placeholders have values only in a job
    try:
        return validate(plain(settings))
    except BadInput as error:
        place = sources.source(error.key, list(overrides))
        if not place:
            raise
        raise placed(error, f" (set in {place})") from error


@contextlib.contextmanager
def naming(place: str) -> Iterator[None]:
    """Add ``place`` to the errors of the composition and the checks inside the block."""
    try:
        yield
    except BadInput as error:
        raise placed(error, f" ({place})") from error
    except ConfigCompositionException as error:
        raise placed(BadInput(explain(error)), f" ({place})") from error


def placed(error: BadInput, place: str) -> BadInput:
    """Return the same error with the place of the mistake in brackets at the end."""
    return BadInput(str(error).removesuffix(".") + place, error.key)


def claim(config: DictConfig, kind: str) -> Path:
    """Create and return the folder of a "run" or a "sweep"."""
    return paths.claim(Path(config.hydra[kind].dir), is_set(config, f"hydra.{kind}.dir"))


def is_set(config: DictConfig, key: str) -> bool:
    """Return whether the command line sets this key of Hydra's."""
    return any(word.lstrip("+").startswith(f"{key}=") for word in config.hydra.overrides.hydra)


def quote(text: str) -> str:
    """Quote a value for Hydra's grammar: it may hold spaces, commas, brackets and =."""
    return "'" + text.replace("'", "\\'") + "'"
