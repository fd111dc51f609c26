"""`rlrun resume SWEEP`: run what is left of a multirun, in its own folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlrun.cli.config.loader import loader
from rlrun.cli.validation import quote
from rlrun.core.errors import BadInput
from rlrun.run_folder.files import FolderError, refuse_own_code
from rlrun.run_folder.folder import is_open
from rlrun.sweep import ledger, plan

ENVIRONMENT = re.compile(r"([A-Za-z_][\w.]*):")  # the module of one, wherever a word names it
TRIALS = re.compile(r"search\.trials=\d+")
MAY_CHANGE = re.compile(r"sweep\.\w+=.*|hydra/launcher=\w+|hydra\.launcher\.[a-zA-Z]\w*=.*")
TARGETS = ("hydra_plugins.", "hydra._internal.core_plugins.", "rlrun.cli.hooks.Hooks")


def command_line(folder: Path, words: Sequence[str]) -> list[str] | None:
    """The words that resume the sweep in ``folder``; None where all its jobs are done.

    ``words`` are the settings of the sweep that the user changes. Raises BadInput for one that may
    not change or a sweep in use, FolderError for a folder that cannot be trusted.
    """
    made = plan.read(folder)
    entries = ledger.read(folder)
    for entry in entries.values():
        plan.check_words(folder / ledger.FILE, entry.overrides)
    for word in words:
        more = made.kind == "search" and TRIALS.fullmatch(word)
        if not (MAY_CHANGE.fullmatch(word) or more) or "_target_" in word:
            key, trials = word.partition("=")[0], ", search.trials" * (made.kind == "search")
            raise BadInput(
                f"{key} is fixed by the sweep. What may change: sweep.jobs, sweep.on_error, "
                f"hydra/launcher{trials}."
            )
    words_of_jobs = [word for entry in entries.values() for word in entry.overrides]
    for word in (*words_of_jobs, *made.task):
        for module in ENVIRONMENT.findall(word):
            refuse_own_code(folder, f"{module}:")
    if is_open(folder):
        raise BadInput(f"{folder} is in use: its jobs are being run.")
    all_done = entries and all(entry.state == "done" for entry in entries.values())
    if made.kind != "search" and all_done:
        return None
    chosen = {word.partition("=")[0] for word in words}
    hydra = [w for w in made.hydra if w.partition("=")[0] not in chosen]
    if "hydra/launcher" in chosen:  # the keys were those of the other one
        hydra = [w for w in hydra if not w.lstrip("+").startswith(("hydra/l", "hydra.launcher."))]
    argv = ["-m", *made.flags, *hydra, *made.task, *words]
    sys.argv = ["rlrun", *argv]  # where the loader looks for flags
    task = argv[1 + len(made.flags) :]
    _check_harmless(loader().load_configuration("config", task, RunMode.MULTIRUN))
    return [*argv, f"hydra.sweep.dir={quote(str(folder))}"]


def _check_harmless(config: DictConfig) -> None:
    """Raises FolderError where a file that the sweep names makes Hydra call or set something."""
    hydra = OmegaConf.to_container(config.hydra, resolve=False)
    assert isinstance(hydra, dict)
    for target in _targets(hydra):
        if not str(target).startswith(TARGETS):
            raise FolderError(f"the sweep's configuration would call {target}.")
    ours = {"rlrun": {"_target_": TARGETS[-1], "resuming": None}}
    if hydra["job"]["env_set"] or hydra["callbacks"] != ours:
        raise FolderError("the sweep's configuration would change more than settings.")


def _targets(node: Any) -> list[Any]:
    """Everything that some part of a configuration names to be called."""
    if isinstance(node, Mapping):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [found for value in node.values() for found in _targets(value)]
    return [found for value in node for found in _targets(value)] if isinstance(node, list) else []
