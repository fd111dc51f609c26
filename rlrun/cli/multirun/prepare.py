"""A multirun before its first job and after its last: checked, written down, reported."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from rlrun.cli.config.loader import config_dir
from rlrun.cli.multirun.grid import JobGrid, compose_jobs, read_grid
from rlrun.cli.validation import asked, check, claim, naming, quote
from rlrun.core.errors import BadInput
from rlrun.core.memory import ROOM, free_memory
from rlrun.run_folder.provenance import now
from rlrun.sweep import ledger, plan
from rlrun.sweep.ledger import Entry

if TYPE_CHECKING:
    from rlrun.build import Needs

PROCESS_BYTES = 300 * 10**6  # of a job's process, its replay aside
OURS = "hydra_plugins.rlrun_"  # sweepers that keep the ledger


@dataclass(frozen=True)
class Sweep:
    """A multirun of this command: its folder, and what distinguishes each job by its name."""

    folder: Path
    labels: dict[str, str]

    def title(self, job: str) -> str:
        number = list(self.labels).index(job) + 1
        return f"job {number} of {len(self.labels)}: {self.labels[job]}"

    def report(self) -> bool:
        """Tell how the sweep ended; whether all its jobs are done."""
        from rlrun.results.summary.overview import print_summary

        if any(self.folder.glob("*/meta.json")):
            print_summary(self.folder)
        entries = ledger.read(self.folder)
        left = [entry for entry in entries.values() if entry.state != "done"]
        failed = [entry for entry in left if entry.state == "failed"]
        others = len(left) - len(failed)
        if failed:
            lines = [f"  {self.title(entry.job)}: {entry.reason}" for entry in failed]
            head = f"rlrun: {len(failed)} of {len(entries)} jobs failed:"
            print(head, *lines, sep="\n", file=sys.stderr)
        if others:
            print(f"rlrun: {others} of {len(entries)} jobs are not done.", file=sys.stderr)
        if left:
            plan.print_resume_command(self.folder)
        return not left


def prepare_sweep(config: DictConfig, resuming: Path | None = None) -> Sweep:
    """Check every job, claim the sweep's folder, and write down what it is made of.

    ``resuming`` is the folder of the sweep that is resumed; None for a new one, which claims one.

    Raises BadInput, and leaves nothing behind then.
    """
    check_sweep(config)
    if not str(config.hydra.sweeper.get("_target_")).startswith(OURS):
        raise BadInput("hydra/sweeper must be left alone: rlrun keeps the ledger of its sweeps.")
    grid = read_grid(config)
    before = {} if resuming is None else ledger.read(resuming)
    _check_same(grid, before, resuming)
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
    """Raises BadInput for settings of the whole multirun that cannot be."""
    if asked(config, "hydra.sweep.subdir"):
        raise BadInput("hydra.sweep.subdir cannot be set: rlrun names the jobs' folders.")
    if str(config.hydra.launcher.get("_target_")).endswith(".LocalLauncher"):
        from rlrun.sweep import server

        server.warm(config.device.threads)
    from rlrun.core.schema import construct
    from rlrun.settings import SweepSettings

    construct(SweepSettings, dict(config.sweep), "sweep")


def _check_same(grid: JobGrid, before: Mapping[str, Entry], folder: Path | None) -> None:
    """Raises BadInput where the jobs of the ledger are not those of the command line."""
    known = {name: tuple(words) for name, words in zip(grid.names, grid.overrides, strict=True)}
    for name, entry in before.items():
        if known.get(name) != entry.overrides:
            raise BadInput(f"{plan.FILE} and {ledger.FILE} of {folder} differ in job {name}.")


def _checked(
    config: DictConfig, grid: JobGrid, before: Mapping[str, Entry], resuming: Path | None
) -> Iterator[Needs]:
    """Check one job after the other; what each takes that is still to be run."""
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
    """Raises BadInput where a job that was begun would be another one today."""
    from rlrun import build
    from rlrun.results.grouping import flat
    from rlrun.run import run_settings
    from rlrun.run_folder.config_file import read_config
    from rlrun.training.checkpoints import MAY_CHANGE

    if not (folder / "config.yaml").exists():
        return
    then, today = flat(read_config(folder)), flat(run_settings(build.plain(config)))
    for key in [*then, *(key for key in today if key not in then)]:
        if then.get(key) != today.get(key) and key.partition(".")[0] not in MAY_CHANGE:
            raise BadInput(
                f"{key} was {then.get(key)} when the job began and would be {today.get(key)} now: "
                "put back what has changed in the files of the configuration, or begin a new sweep"
            )


def use_folder(config: DictConfig, folder: Path) -> None:
    """Let the sweep's folder be this one, for the jobs too."""
    config.hydra.sweep.dir = str(folder)
    # the jobs are composed anew, from the overrides alone
    config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quote(str(folder))}")


def at_once(wanted: Any, count: int, needs: Sequence[Needs]) -> int:
    """How many of `count` jobs run at once; `needs` is what some of them take."""
    if wanted != "auto":
        return min(int(wanted), count)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max((each.threads for each in needs), default=1)
    size = max((each.bytes for each in needs), default=0)
    free = free_memory()
    most = count if free is None else int(ROOM * free / (PROCESS_BYTES + size))
    return max(1, min((cores or 1) // threads, count, most))


def record_plan(folder: Path, config: DictConfig, kind: str, varying: Sequence[str]) -> None:
    """Write down what the sweep in `folder` is made of, for who goes on with it."""
    given = config_dir()
    not_kept = ("hydra.mode=", "hydra.sweep.dir=")
    hydra = [w for w in config.hydra.overrides.hydra if not w.lstrip("+").startswith(not_kept)]
    plan.write(
        folder,
        plan.Plan(
            command=shlex.join(["rlrun", *sys.argv[1:]]),
            flags=("--config-dir", os.path.abspath(given)) if given else (),
            hydra=tuple(hydra),
            task=tuple(config.hydra.overrides.task),
            varying=tuple(varying),
            kind=kind,
            started=now(),
        ),
    )
