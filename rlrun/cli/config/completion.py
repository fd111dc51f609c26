"""Settings that complete a command line, by Hydra's completion and rlrun's lists of options."""

from __future__ import annotations

import json
import re
from typing import Any

from hydra.core.object_type import ObjectType
from omegaconf import OmegaConf

from rlrun.cli.config import sources
from rlrun.cli.config.hydra_api import complete_line
from rlrun.cli.config.loader import loader


def complete_settings(line: str) -> list[str]:
    """Return the groups, options, settings and values that complete the last word of a line."""
    return [_continued(word) for word in complete_line(_Completable(loader()), line)]


def _continued(word: str) -> str:
    """Add the character that must follow a group which has options and folders of options."""
    if re.fullmatch(r"\+?\w+", word) is None:
        return word
    return f"{word}/" if word == "hydra" else f"{word}="


class _Completable:
    """A configuration loader for Hydra's completion, which has two dead ends with the usual one.

    It takes a list for a group of settings (`agent.hidden.0=`), and it does not list the options
    in the folders of a group (`tuned=dqn/CartPole-v1`).
    """

    def __init__(self, usual: Any) -> None:
        self._usual = usual

    def get_group_options(
        self, group_name: str, results_filter: ObjectType | None, **more: Any
    ) -> list[str]:
        names: list[str] = self._usual.get_group_options(group_name, results_filter, **more)
        if results_filter is not ObjectType.CONFIG or not group_name:
            return names
        return list(dict.fromkeys([*names, *sources.options(group_name)]))

    def load_configuration(self, **arguments: Any) -> Any:
        config = self._usual.load_configuration(**arguments)
        return OmegaConf.create(_with_lists_as_text(OmegaConf.to_container(config)))


def _with_lists_as_text(value: Any) -> Any:
    """Return nested settings in which every list is the text that sets it: [128,128]."""
    if isinstance(value, dict):
        return {key: _with_lists_as_text(each) for key, each in value.items()}
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value
