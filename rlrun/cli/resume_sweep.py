"""`rlrun resume SWEEP`: run what is left of a multirun, in its own folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlrun.cli import sweeps
from rlrun.cli.app import run
from rlrun.cli.checking import quote
from rlrun.cli.explain import explain
from rlrun.cli.loader import loader
from rlrun.errors import BadInput
from rlrun.folder import FolderError, is_open
from rlrun.reading import refuse_own_code
from rlrun.sweep import ledger, plan

ENVIRONMENT = re.compile(r"([A-Za-z_][\w.]*):")  # the module of one, wherever a word names it
TRIALS = re.compile(r"search\.trials=\d+")
MAY_CHANGE = re.compile(r"sweep\.\w+=.*|hydra/launcher=\w+|hydra\.launcher\.[a-zA-Z]\w*=.*")
TARGETS = ("hydra_plugins.", "hydra._internal.core_plugins.", "rlrun.cli.hooks.Hooks")


def resume(folder: Path, words: Sequence[str]) -> int:
    """Go on with the sweep in `folder`; the result is the exit code.

    Jobs that are done are left alone, those that were begun go on from their checkpoints.
    """
    before = sys.argv
    try:
        argv = _prepared(folder, words)
        if argv is None:
            print(f"{folder} is done.")
            return 0
        sweeps.resuming = folder
        return run(argv)
    except Exception as error:
        print(f"rlrun: {explain(error)}", file=sys.stderr)
        return 2
    finally:
        sys.argv, sweeps.resuming = before, None


def _prepared(folder: Path, words: Sequence[str]) -> list[str] | None:
    """The command line that goes on; None where nothing is left. Raises BadInput, FolderError."""
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
    if hydra["job"]["env_set"] or set(hydra["callbacks"]) != {"rlrun"}:
        raise FolderError("the sweep's configuration would change more than settings.")


def _targets(node: Any) -> list[Any]:
    """Everything that some part of a configuration names to be called."""
    if isinstance(node, Mapping):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [found for value in node.values() for found in _targets(value)]
    return [found for value in node for found in _targets(value)] if isinstance(node, list) else []
