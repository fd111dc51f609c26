"""`rlrun resume SWEEP`: run the unfinished jobs of a multirun, in its own folder."""

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

ENVIRONMENT = re.compile(r"([A-Za-z_][\w.]*):")  # the module of an environment, anywhere in a word
TRIALS = re.compile(r"search\.trials=\d+")
MAY_CHANGE = re.compile(r"sweep\.\w+=.*|hydra/launcher=\w+|hydra\.launcher\.[a-zA-Z]\w*=.*")
TARGETS = ("hydra_plugins.", "hydra._internal.core_plugins.", "rlrun.cli.hooks.Hooks")


def command_line(folder: Path, words: Sequence[str]) -> list[str] | None:
    """Return the words that resume the sweep in ``folder``; None if all its jobs are done.

    ``words`` are the settings of the sweep that the user changes. Raises BadInput for a setting
    that may not change or a sweep in use, FolderError for a folder that cannot be trusted.
    """
    recorded = plan.read(folder)
    entries = ledger.read(folder)
    for entry in entries.values():
        plan.check_words(folder / ledger.FILE, entry.overrides)
    for word in words:
        more = recorded.kind == "search" and TRIALS.fullmatch(word)
        if not (MAY_CHANGE.fullmatch(word) or more) or "_target_" in word:
            key, trials = word.partition("=")[0], ", search.trials" * (recorded.kind == "search")
            raise BadInput(
                f"{key} is fixed by the sweep. These may change: sweep.jobs, sweep.on_error, "
                f"hydra/launcher{trials}."
            )
    words_of_jobs = [word for entry in entries.values() for word in entry.overrides]
    for word in (*words_of_jobs, *recorded.task):
        for module in ENVIRONMENT.findall(word):
            refuse_own_code(folder, f"{module}:")
    if is_open(folder):
        raise BadInput(f"{folder} is in use: its jobs are being run.")
    all_done = entries and all(entry.state == "done" for entry in entries.values())
    if recorded.kind != "search" and all_done:
        return None
    changes = {word.partition("=")[0] for word in words}
    hydra = [w for w in recorded.hydra if w.partition("=")[0] not in changes]
    if "hydra/launcher" in changes:  # the recorded keys belong to the previous launcher
        hydra = [w for w in hydra if not w.lstrip("+").startswith(("hydra/l", "hydra.launcher."))]
    argv = ["-m", *recorded.flags, *hydra, *recorded.task, *words]
    sys.argv = ["rlrun", *argv]  # the loader reads its flags from here
    task = argv[1 + len(recorded.flags) :]
    _check_harmless(loader().load_configuration("config", task, RunMode.MULTIRUN))
    return [*argv, f"hydra.sweep.dir={quote(str(folder))}"]


def _check_harmless(config: DictConfig) -> None:
    """Raise FolderError if a file that the sweep names makes Hydra call or set something."""
    hydra = OmegaConf.to_container(config.hydra, resolve=False)
    assert isinstance(hydra, dict)
    for target in _targets(hydra):
        if not str(target).startswith(TARGETS):
            raise FolderError(f"the sweep's configuration would call {target}.")
    ours = {"rlrun": {"_target_": TARGETS[-1], "resuming": None}}
    if hydra["job"]["env_set"] or hydra["job"]["chdir"] or hydra["callbacks"] != ours:
        raise FolderError("the sweep's configuration would change more than settings.")


def _targets(node: Any) -> list[Any]:
    """Return every `_target_` in a part of a configuration."""
    if isinstance(node, Mapping):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [target for value in node.values() for target in _targets(value)]
    return [each for value in node for each in _targets(value)] if isinstance(node, list) else []
