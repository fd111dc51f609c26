"""Before anything is left behind: the settings are checked, then a folder is claimed."""

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
    """Refuse what cannot run, naming the file a bad setting comes from; what it takes otherwise."""
    from rlrun import build  # imports torch: only now, when there is something to run

    sources.check_tuned(choices)
    settings = copy.deepcopy(config)
    with open_dict(settings):
        settings.pop("hydra", None)  # its own placeholders have values only in a job
    try:
        return build.validate(build.plain(settings))
    except BadInput as error:
        place = sources.source(error.key, list(overrides))
        if not place:
            raise
        raise placed(error, f" (set in {place})") from error


@contextlib.contextmanager
def naming(place: str) -> Iterator[None]:
    """Tell the ``place`` of whatever is wrong with what is composed and checked here."""
    try:
        yield
    except BadInput as error:
        raise placed(error, f" ({place})") from error
    except ConfigCompositionException as error:
        raise placed(BadInput(explain(error)), f" ({place})") from error


def placed(error: BadInput, place: str) -> BadInput:
    """The same, with the place of the mistake in brackets at the end."""
    return BadInput(str(error).removesuffix(".") + place, error.key)


def claim(config: DictConfig, kind: str) -> Path:
    """A folder for a "run" or a "sweep", made now."""
    return paths.claim(Path(config.hydra[kind].dir), asked(config, f"hydra.{kind}.dir"))


def asked(config: DictConfig, key: str) -> bool:
    """Whether the command line sets this key of Hydra's."""
    return any(word.lstrip("+").startswith(f"{key}=") for word in config.hydra.overrides.hydra)


def quote(text: str) -> str:
    """For Hydra's grammar: spaces, commas, brackets and = pass."""
    return "'" + text.replace("'", "\\'") + "'"
