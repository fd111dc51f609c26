"""The words of a multirun, parsed; a glob becomes the options of its group that it matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override

from rlrun.cli.config import sources
from rlrun.cli.config.loader import loader
from rlrun.cli.validation import quote
from rlrun.core.errors import BadInput


def parse(words: Sequence[str]) -> list[Override]:
    """Return the overrides of these words, without globs."""
    parsed: list[Override] = OverridesParser.create(loader()).parse_overrides(expand(words))
    return parsed


def expand(words: Sequence[str]) -> list[str]:
    """Return the words with every glob replaced by the choice of the options that it matches.

    Raises BadInput for a glob that matches nothing, and for one of a key that is not a group.
    """
    parsed = OverridesParser.create(loader()).parse_overrides(list(words))
    return [
        f"{each.get_key_element()}=choice({','.join(map(_word, _matches(each)))})"
        if isinstance(each.value(), Glob)
        else word
        for word, each in zip(words, parsed, strict=True)
    ]


def _matches(override: Override) -> list[str]:
    """Return the options that the glob of a group matches."""
    glob: Any = override.value()
    group = override.key_or_group
    if group.startswith("hydra") or not loader().repository.group_exists(group):
        raise BadInput(
            f"{group} is not a group, so {override.input_line} matches nothing: list its "
            f"values, such as {group}=A,B.",
            group,
        )
    names = _names(group)
    matches: list[str] = glob.filter(names)
    if matches:
        return matches
    listed = "rlrun list envs shows them" if group == "env" else ", ".join(names)
    raise BadInput(f"{override.input_line} matches no option of {group}: {listed}.", group)


def _names(group: str) -> list[str]:
    """Return the options of a group; those of `env` are its files and the ids that are listed."""
    names = [name for name in sources.options(group) if not name.rpartition("/")[2].startswith("_")]
    if group == "env":
        from rlrun.envs.survey import newest_ids

        names += newest_ids()
    return list(dict.fromkeys(names))


def _word(name: str) -> str:
    return name if re.fullmatch(r"[\w.:/+-]+", name) else quote(name)
