"""Work before the first job of a multirun and after its last: check, record the plan, report."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from rlrun.cli.config.loader import config_dir
from rlrun.cli.multirun.grid import JobGrid, compose_jobs, read_grid
from rlrun.cli.multirun.words import expand
from rlrun.cli.validation import check, claim, is_set, naming, quote
from rlrun.core.errors import BadInput
from rlrun.core.memory import ROOM, free_memory
from rlrun.run_folder.provenance import now
from rlrun.sweep import ledger, plan
from rlrun.sweep.ledger import Entry

if TYPE_CHECKING:
    from rlrun.build import Needs

PROCESS_BYTES = 300 * 10**6  # memory of a job's process, without its replay
ADDED = {"env.action_mask": "auto", "device.products": "auto"}
"""Defaults of settings that earlier versions did not have and that change what they did: the jobs
that such a version began continue without them, the others begin with them."""
EARLIER_DEFAULTS = {"eval.every": 5000}
"""Defaults of earlier versions that are null now: a job begun then still has the number."""
SPEED = "env.vector"
"""A setting that changes how fast a job is, but none of its numbers."""
CHOSEN = "device.products"
"""A setting whose auto was resolved when a job began, which keeps what it got."""
OURS = "hydra_plugins.rlrun_"  # the sweepers that use the ledger


@dataclass(frozen=True)
class Sweep:
    """A multirun of this command: its folder, and by job name what distinguishes each job."""

    folder: Path
    labels: dict[str, str]

    def title(self, job: str) -> str:
        number = list(self.labels).index(job) + 1
        return f"job {number} of {len(self.labels)}: {self.labels[job]}"

    def report(self) -> bool:
        """Print how the sweep ended; return whether all its jobs are done."""
        from rlrun.results.summary.overview import print_summary

        if any(self.folder.glob("*/meta.json")):
            print_summary(self.folder)
        entries = ledger.read(self.folder)
        unfinished = [entry for entry in entries.values() if entry.state != "done"]
        failed = [entry for entry in unfinished if entry.state == "failed"]
        others = len(unfinished) - len(failed)
        if failed:
            lines = [f"  {self.title(entry.job)}: {entry.reason}" for entry in failed]
            head = f"rlrun: {len(failed)} of {len(entries)} jobs failed:"
            print(head, *lines, sep="\n", file=sys.stderr)
        if others:
            print(f"rlrun: {others} of {len(entries)} jobs are not done.", file=sys.stderr)
        if unfinished:
            plan.print_resume_command(self.folder)
        return not unfinished


def prepare_sweep(config: DictConfig, resuming: Path | None = None) -> Sweep:
    """Check every job, claim the sweep's folder, and record the sweep's plan and jobs in it.

    ``resuming`` is the folder of the sweep to resume; None for a new one, which claims one.

    Raises BadInput, in which case nothing is left behind.
    """
    check_sweep(config)
    if not str(config.hydra.sweeper.get("_target_")).startswith(OURS):
        raise BadInput("hydra/sweeper must be ledger or optuna: only these keep rlrun's ledger.")
    grid = read_grid(config)
    before = {} if resuming is None else ledger.read(resuming)
    _check_same(grid, before, resuming)
    report_missing(before.values())
    needs = list(_checked(config, grid, before, resuming))
    config.sweep.jobs = at_once(config.sweep.jobs, len(grid.names), needs)
    folder = claim(config, "sweep") if resuming is None else resuming
    if resuming is None:
        record_plan(folder, config, "grid", grid.varying)
    for name, overrides in zip(grid.names, grid.overrides, strict=True):
        if name not in before:
            ledger.record(folder, name, "queued", overrides=overrides)
    use_folder(config, folder)
    labels = {name: grid.label(number) for number, name in enumerate(grid.names)}
    return Sweep(folder, labels)


def check_sweep(config: DictConfig) -> None:
    """Raise BadInput for invalid settings of the multirun as a whole."""
    if is_set(config, "hydra.sweep.subdir"):
        raise BadInput("hydra.sweep.subdir cannot be set: rlrun names the jobs' folders.")
    if str(config.hydra.launcher.get("_target_")).endswith(".LocalLauncher"):
        from rlrun.sweep import server

        server.warm(config.device.threads)
    from rlrun.core.schema import construct
    from rlrun.settings import SweepSettings

    construct(SweepSettings, dict(config.sweep), "sweep")


def report_missing(entries: Iterable[Entry]) -> None:
    """Print which finished jobs are run again because their folders were removed."""
    missing = [entry.job for entry in entries if entry.state == "missing"]
    if missing:
        print(
            f"rlrun: run again, for their folders are missing: {', '.join(missing)}",
            file=sys.stderr,
        )


def _check_same(grid: JobGrid, before: Mapping[str, Entry], folder: Path | None) -> None:
    """Raise BadInput if the jobs of the ledger are not those of the command line."""
    known = {name: tuple(words) for name, words in zip(grid.names, grid.overrides, strict=True)}
    for name, entry in before.items():
        if known.get(name) != entry.overrides:
            raise BadInput(f"{plan.FILE} and {ledger.FILE} of {folder} disagree on job {name}.")


def _checked(
    config: DictConfig, grid: JobGrid, before: Mapping[str, Entry], resuming: Path | None
) -> Iterator[Needs]:
    """Check one job after the other; yield what each unfinished job needs."""
    composed = compose_jobs(config, grid)
    total = len(grid.names)
    for number, (name, words) in enumerate(zip(grid.names, grid.overrides, strict=True)):
        with naming(f"job {number + 1} of {total}: {grid.label(number)}"):
            job = next(composed)
            if name in before and resuming is not None:
                _check_unchanged(resuming / name, job.config)
            if name not in before or before[name].state != "done":
                yield check(job.config, job.choices, words)


def _check_unchanged(folder: Path, config: DictConfig) -> None:
    """Raise BadInput if a started job would have other settings now.

    A setting that its version did not know is unchanged if it has its default, which means what
    runs did before.
    """
    from rlrun import build
    from rlrun.core.schema import construct
    from rlrun.data.recorded import open_data
    from rlrun.results.grouping import flat, has
    from rlrun.run_folder.config_file import read_config
    from rlrun.settings import Settings, run_settings, setting_value
    from rlrun.training.checkpoints import MAY_CHANGE, RECORD

    if not (folder / "config.yaml").exists():
        return
    laid_out, _ = open_data(run_settings(build.plain(config)))
    both = read_config(folder), laid_out
    then, today = map(flat, both)
    today |= {key: v for key, v in EARLIER_DEFAULTS.items() if key in then and key not in today}
    for key in [*then, *(key for key in today if key not in then)]:
        free = key == SPEED or key.partition(".")[0] in (*MAY_CHANGE, RECORD)
        free |= key == CHOSEN and today.get(key) == "auto"
        if free or then.get(key) == today.get(key):
            continue
        if not has(both[0], key):
            if ADDED.get(key) == today.get(key):
                continue
            old, new = (setting_value(construct(Settings, each, ""), key) for each in both)
            if old == new:
                continue
        raise BadInput(
            f"{key} was {then.get(key)} when the job began and would be {today.get(key)} now: "
            "undo the changes to the configuration files, or start a new sweep"
        )


def use_folder(config: DictConfig, folder: Path) -> None:
    """Make ``folder`` the sweep's folder, for the jobs too."""
    config.hydra.sweep.dir = str(folder)
    # the jobs are composed again from the overrides alone
    config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quote(str(folder))}")


def at_once(requested: Any, count: int, needs: Sequence[Needs]) -> int:
    """Return how many of `count` jobs run at once; `needs` is what some of them need."""
    if requested != "auto":
        return min(int(requested), count)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max((each.threads for each in needs), default=1)
    size = max((each.bytes for each in needs), default=0)
    free = free_memory()
    most = count if free is None else int(ROOM * free / (PROCESS_BYTES + size))
    return max(1, min((cores or 1) // threads, count, most))


def record_plan(folder: Path, config: DictConfig, kind: str, varying: Sequence[str]) -> None:
    """Write the plan of the sweep in `folder`, from which it can be resumed."""
    config_folder = config_dir()
    excluded = ("hydra.mode=", "hydra.sweep.dir=")
    hydra = [w for w in config.hydra.overrides.hydra if not w.lstrip("+").startswith(excluded)]
    recorded = plan.Plan(
        command=shlex.join(["rlrun", *sys.argv[1:]]),
        flags=("--config-dir", os.path.abspath(config_folder)) if config_folder else (),
        hydra=tuple(hydra),
        task=tuple(expand(config.hydra.overrides.task)),  # a resumed sweep has the same jobs
        varying=tuple(varying),
        kind=kind,
        started=now(),
    )
    plan.write(folder, recorded)
    if words := plan.not_resumable(recorded):
        print(
            f"rlrun: this sweep cannot be resumed, because of {', '.join(words)}", file=sys.stderr
        )
