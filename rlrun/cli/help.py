"""The text of `rlrun --help`, generated from the files in conf/ so that it is always up to date.

The files are read as text: importing a YAML reader or Hydra would take longer than the rest.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from rlrun.cli.commands import OPTIONAL, REQUIRED
from rlrun.cli.config.paths import config_root

TEXT = """\
rlrun trains reinforcement-learning agents, several seeds at once.

  rlrun agent=dqn env=CartPole-v1            train; the run's folder is under outputs/
  rlrun env=Acrobot-v1 seeds=3 agent.lr=1e-3 change settings
  rlrun -m agent.lr=1e-3,3e-4 seeds=3        a sweep: one run for each value, several at once
  rlrun -m hydra/sweeper=optuna seeds=3      a search: try settings and print the best ones
  rlrun resume last                          resume a run or sweep that was stopped or killed
  rlrun report outputs                       make a page of tables and figures about runs
  rlrun evaluate last                        play the trained policies again
  rlrun record last                          make a video of the best policy
  rlrun record-data last                     write episodes of the policies to imitate
  rlrun list agents env=Pendulum-v1          list the agents that fit; also: envs, experiments
  rlrun list agents dqn                      list the settings of an agent, and what they mean
  rlrun agent=dqn --cfg job                  print every setting of a run without running it
  tensorboard --logdir outputs               look at the curves

Choices (GROUP=NAME; * is the default)
{groups}

  env takes any registered Gymnasium id (env=Acrobot-v1), also from another package
  (env=package:Name-v0), and env.kwargs.NAME=VALUE for the environment's own arguments.
  tuned is selected by the agent and the environment; tuned=none switches it off. The search space
  is selected by the agent, unless the command line gives a setting several values, such as
  'agent.lr=interval(1e-4,1e-2)'.

Settings (KEY=VALUE; the choices above, including tuned, may set other values)
{settings}

  agent.*, env.*, replay.*, explore.*, curiosity.* and device.* have further settings: see --cfg
  job.

More
  --config-dir DIR                  read choices from your own folder too (DIR/agent/mine.yaml)
  eval "$(rlrun -sc install=bash)"  complete with the Tab key; also zsh (=zsh) and fish (=fish)
  rlrun --version                   print the version
  rlrun --hydra-help                list the options of Hydra, which reads this command line"""


def overview() -> str:
    """Return the whole text."""
    root = config_root()
    lines = (root / "config.yaml").read_text(encoding="utf-8").splitlines()
    return TEXT.format(groups=_groups(root, _defaults(lines)), settings=_settings(lines))


def run_wide(lines: list[str]) -> list[tuple[str, str, str]]:
    """Return key, default and comment of the settings in config.yaml that belong to no group."""
    settings, parent = [], ""
    for line in lines:
        match = re.fullmatch(r"( *)([\w]+):(?: +([^#\s][^#]*?))?(?: *# *(.*))?", line)
        if match is None:
            continue
        indent, key, value, comment = match.groups()
        parent = parent if indent else key
        if parent in ("defaults", "hydra") or value is None:
            continue
        settings.append((f"{parent}.{key}" if indent else key, value, comment or ""))
    return settings


def _settings(lines: list[str]) -> str:
    rows = [(f"{key}={value}", comment) for key, value, comment in run_wide(lines)]
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"  {setting:{width}}  {comment}" for setting, comment in rows)


def _groups(root: Path, defaults: dict[str, str]) -> str:
    rows = []
    for group in (*REQUIRED, *OPTIONAL):
        if group == "search":  # it is selected by the agent, as the text says
            continue
        folder = root / group
        names = sorted(p.relative_to(folder).with_suffix("").as_posix() for p in _files(folder))
        marked = [f"{name}*" if name == defaults.get(group) else name for name in names]
        listed = textwrap.wrap(", ".join(marked) or "(none yet)", 84, break_on_hyphens=False)
        rows.append(f"  {group:10}  " + f"\n{'':14}".join(listed))
    return "\n".join(rows)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.yaml") if not path.name.startswith("_")]


def _defaults(lines: list[str]) -> dict[str, str]:
    """Return the default choice of each group, from the defaults list of config.yaml."""
    matches = (re.match(r"  - (\w+): ([\w.-]+)", line) for line in lines)
    return {m[1]: m[2] for m in matches if m}
