"""The settings of one agent, for `rlrun list agents NAME`."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlrun.cli.config.loader import compose
from rlrun.cli.explain import explain
from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.fields import fields_of
from rlrun.core.text import as_word

Row = dict[str, str]
INDENT = " " * 4


def settings_of_agent(name: str) -> list[Row]:
    """Return a row for each setting of the option ``agent=name``: key, default, values, meaning.

    They come from the agent's settings class; the defaults are those of a run without tuned
    settings. Raises BadInput if there is no such agent.
    """
    from rlrun.agents import agent_class  # imported late: an agent's file may import torch

    defaults = _defaults(name)
    cls = agent_class(str(defaults.get("name", name)))
    rows = []
    for each in fields_of(cls.settings_class):
        value = defaults.get(each.name, each.default)
        rows.append(
            {
                "setting": f"agent.{each.name}",
                "default": "VALUE" if value is dataclasses.MISSING else as_word(value),
                "values": each.kind,
                "meaning": " ".join(each.doc.replace("``", "").split()),
            }
        )
    return rows


def agents_of_options(options: Sequence[str]) -> dict[str, str]:
    """Return the agent that each of these options of `agent` sets up.

    Raises BadInput if a file cannot be read, or names no agent.
    """
    from rlrun.agents import AGENTS, installed_agents

    known = [*AGENTS, *installed_agents()]
    agents = {}
    for option in options:
        try:
            name = compose([f"agent={option}", "tuned=none"]).agent.get("name")
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise BadInput(f"agent={option}: {explain(error)}") from error
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise BadInput(f"agent={option} sets up '{name}', and there is no such agent.{hint}")
        agents[option] = str(name)
    return agents


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
    except HydraException:  # an agent of another package, which has no file for it
        return {}
    plain = OmegaConf.to_container(agent)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
