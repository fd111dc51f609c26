"""The settings of one agent, for `rlrun list agents NAME`."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
from typing import Any

from hydra.errors import HydraException
from omegaconf import OmegaConf

from rlrun.cli.config.loader import compose
from rlrun.core.fields import fields_of

Row = dict[str, str]
INDENT = " " * 4


def settings_of_agent(name: str) -> list[Row]:
    """Return a row for each setting of the agent: its key, default, possible values and meaning.

    They come from the agent's settings class; the defaults are those of a run without tuned
    settings. Raises BadInput if there is no such agent.
    """
    from rlrun.agents import agent_class  # imported late: an agent's file may import torch

    defaults = _defaults(name)
    return [
        {
            "setting": f"agent.{each.name}",
            "default": _plain(defaults.get(each.name, each.default)),
            "values": each.kind,
            "meaning": " ".join(each.doc.replace("``", "").split()),
        }
        for each in fields_of(agent_class(name).settings_class)
    ]


def print_settings(rows: list[Row]) -> None:
    """Print each setting as it is written on the command line, its values and its meaning."""
    width = max((len(f"{row['setting']}={row['default']}") for row in rows), default=0)
    for row in rows:
        print(f"\n{row['setting'] + '=' + row['default']:{width}}   {row['values']}".rstrip())
        room = shutil.get_terminal_size().columns
        meaning = textwrap.wrap(
            row["meaning"], room, initial_indent=INDENT, subsequent_indent=INDENT
        )
        print("\n".join(meaning))


def _defaults(name: str) -> dict[str, Any]:
    """Return the agent's settings in the YAML files; {} if there is no file."""
    try:
        agent = compose([f"agent={name}", "tuned=none"]).agent
    except HydraException:  # an agent of another package, whose folder is not in --config-dir
        return {}
    plain = OmegaConf.to_container(agent)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _plain(value: Any) -> str:
    """Format a value as it is written on the command line; VALUE if there is no default."""
    if value is dataclasses.MISSING:
        return "VALUE"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_plain, value))}]"
    return str(value)
