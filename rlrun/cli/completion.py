"""Completion with the Tab key: `eval "$(rlrun -sc install=bash)"`, also for zsh and fish.

The shell calls `rlrun -sc query=bash` with the line typed so far in COMP_LINE. Nothing is ever
printed but the words that complete it: a message would appear in the user's prompt.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rlrun.cli.commands import CONFIG_DIR, RUNS, VERBS, WORDS
from rlrun.cli.verbs.dispatch import from_verb

FLAGS = (["-sc"], ["--shell-completion"])  # of the commands that the shell itself runs
ZSH = """\
if [ -n "$ZSH_VERSION" ]; then
  whence compdef > /dev/null || { autoload -Uz compinit && compinit; }
  autoload -Uz bashcompinit && bashcompinit
fi"""
"""Precedes Hydra's script for bash, which zsh understands after these lines."""


def shell_command(words: Sequence[str]) -> int | None:
    """Answer a command line that a shell runs to complete another; None for any other one."""
    if list(words[:1]) not in FLAGS:
        return None
    if "COMP_LINE" not in os.environ or not any(word.startswith("query=") for word in words):
        if {"install=bash", "install=zsh"} & set(words):
            print(ZSH)
        return None  # Hydra prints the rest
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Exception, SystemExit):
        for word in complete(os.environ["COMP_LINE"]):
            print(word)
    return 0


def complete(line: str) -> list[str]:
    """Return the words that may be in the place of the last word of a command line."""
    typed = line.split()[1:] + [""] * line[-1:].isspace()
    *before, word = typed or [""]
    if after := from_verb(before):
        return _after_verb(after, word)
    verbs = [verb for verb in VERBS if verb.startswith(word) and from_verb([*before, verb])]
    return [*verbs, *_settings(line)]


def _settings(line: str) -> list[str]:
    """Return the settings that complete a command line."""
    if folder := re.search(rf"\s(?:{'|'.join(CONFIG_DIR)})[\s=](\S+)\s", line):
        sys.argv += [CONFIG_DIR[0], folder[1]]  # the loader reads its flags from there
    from rlrun.cli.config.completion import complete_settings

    return complete_settings(line)


def _after_verb(before: Sequence[str], word: str) -> list[str]:
    """Return the words after a verb: the folder of a run, or what a list takes."""
    verb, *others = before
    if verb != "list":
        last = ["last"] if verb in RUNS and "last".startswith(word) else []
        return [] if others and verb in RUNS else [*last, *_folders(word)]
    from rlrun.cli.verbs.folders import config_folders  # imported late, for a quick --help

    folders = config_folders(others)
    options = WORDS[verb] if not others else _after_list(others[0], word, folders)
    return [option for option in options if option.startswith(word)]


def _after_list(what: str, word: str, folders: Sequence[Path]) -> list[str]:
    """Return the words that `rlrun list WHAT` takes; ``folders`` have the files of options."""
    from rlrun.cli.verbs.folders import option_names

    if what == "agents" and word.startswith("env="):
        from rlrun.envs.ids import env_ids

        return [f"env={name}" for name in sorted({*option_names(folders, "env"), *env_ids()})]
    from rlrun.agents import AGENTS, installed_agents

    agents = dict.fromkeys([*AGENTS, *installed_agents(), *option_names(folders, "agent")])
    return {"agents": ["env=", *agents], "envs": [f"agent={name}" for name in agents]}.get(what, [])


def _folders(word: str) -> list[str]:
    """Return the folders that a path may continue with; a shell splits names at spaces."""
    parent, name = os.path.split(word)
    with os.scandir(os.path.expanduser(parent) or ".") as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    visible = [each for each in names if each.startswith(name) and not re.search(r"\s", each)]
    return [f"{os.path.join(parent, each)}/" for each in visible if name or each[0] != "."]
