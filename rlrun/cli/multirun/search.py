"""A search (`hydra/sweeper=optuna`): check it, run its trials in batches, report the best one."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from rlrun.cli.commands import LEARNING
from rlrun.cli.config.loader import config_dir
from rlrun.cli.multirun.grid import JobGrid, compose_jobs, job_name
from rlrun.cli.multirun.prepare import (
    at_once,
    check_sweep,
    record_plan,
    report_missing,
    use_folder,
)
from rlrun.cli.multirun.search_space import SearchPlan, read_search_plan
from rlrun.cli.validation import check, claim, naming
from rlrun.run_folder.config_file import read_config
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_run
from rlrun.sweep import batch, ledger, stop
from rlrun.sweep.batch import Launcher
from rlrun.sweep.plan import print_resume_command
from rlrun.sweep.plan import read as read_plan
from rlrun.sweep.plan import write as write_plan
from rlrun.terminal.commands import command_line
from rlrun.tuning.study import Study, Trial, TrialOutcome, import_optuna

TRIALS = "search.trials="
OUTCOMES: tuple[TrialOutcome, ...] = ("done", "pruned", "failed")


@dataclass(frozen=True)
class SearchRun:
    """A search of this command: its folder, its plan and its configuration."""

    folder: Path
    plan: SearchPlan
    config: DictConfig

    def title(self, job: str) -> str:
        """Return the line that the output of a job begins with."""
        return f"trial {job} of {self.plan.search.trials}"

    def report(self) -> bool:
        """Print the best settings and save them as an experiment; return whether all is done."""
        from rlrun.results.summary.csv_file import FILE as SUMMARY
        from rlrun.results.summary.overview import write_summary

        study = _study(self.folder, self.plan)
        counts = [f"{count} {each}" for each in OUTCOMES if (count := study.count(each))]
        print(f"search:    {len(study)} trials: {', '.join(counts) or 'none has ended'}")
        unfinished = bool(study.unfinished()) or len(study) < self.plan.search.trials
        if unfinished:
            print_resume_command(self.folder)
        if any(self.folder.glob("*/meta.json")):
            write_summary(self.folder)
            print(f"table:     {os.path.relpath(self.folder / SUMMARY)}")
        best = study.best()
        if best is None:
            print("rlrun: no trial has finished.", file=sys.stderr)
            return False
        job = _name(self.plan, best)
        config_folder = config_dir()
        flags = ["--config-dir", config_folder] if config_folder else []
        words = [*self.plan.common, *best.words]
        exact = ", by the exact return" if _is_exact(self.folder / job) else ""
        print(f"best:      {best.value:.6g} in trial {job}{exact}")
        print(f"again:     {command_line(*flags, *words)}")
        _save(self.folder, job, self.config, words)
        if not config_folder:  # Hydra takes only one such folder
            where = os.path.relpath(self.folder)
            print(f"or:        {command_line('--config-dir', where, 'experiment=best')}")
        return not unfinished


def prepare_search(config: DictConfig, resuming: Path | None = None) -> SearchRun:
    """Check samples of the search space, claim the folder, and record the plan of the search.

    ``resuming`` is the folder of the search to resume; None for a new one, which claims one.

    Raises BadInput, in which case nothing is left behind.
    """
    import_optuna()
    check_sweep(config)
    plan = read_search_plan(config)
    needs, samples = [], plan.samples()
    composed = compose_jobs(config, samples)
    for number, words in enumerate(samples.overrides):
        with naming(f"in the search space: {samples.label(number)}"):
            job = next(composed)
            needs.append(check(job.config, job.choices, words))
    config.search.trials = plan.search.trials  # the number may come from the sweeper's params
    config.sweep.jobs = at_once(config.sweep.jobs, plan.search.trials, needs)
    if resuming is None:
        folder = claim(config, "sweep")
        record_plan(folder, config, "search", plan.keys)
    else:
        folder = resuming
        _keep_trials(folder, list(config.hydra.overrides.task))
    use_folder(config, folder)
    return SearchRun(folder, plan, config)


def _keep_trials(folder: Path, task: list[str]) -> None:
    """Record the current number of trials of a resumed search."""
    recorded = read_plan(folder)
    now = [word for word in task if word.startswith(TRIALS)][-1:]
    others = [word for word in recorded.task if not word.startswith(TRIALS)]
    write_plan(folder, replace(recorded, task=(*others, *now)))


def run_search(config: DictConfig, launcher: Launcher, arguments: list[str]) -> None:
    """Run trials, `sweep.jobs` at once, until there are `search.trials` of them."""
    plan, folder = read_search_plan(config), Path(config.hydra.sweep.dir)
    with batch.holding(folder):
        study = _study(folder, plan)
        pending = [*study.unfinished(), *_missing(folder, plan, study)]
        while (pending or len(study) < plan.search.trials) and not stop.requested(folder):
            trials, pending = pending[: config.sweep.jobs], pending[config.sweep.jobs :]
            room = min(config.sweep.jobs - len(trials), plan.search.trials - len(study))
            trials += [study.ask() for _ in range(room)]
            names = {_name(plan, trial): trial for trial in trials}
            _queue(folder, plan, names)
            entries = batch.launch(launcher, folder, list(names), arguments, trials[0].number)
            for name, entry in entries.items():
                if entry.state in OUTCOMES:
                    study.finish(names[name].number, entry.state, entry.value)


def _missing(folder: Path, plan: SearchPlan, study: Study) -> list[Trial]:
    """Return the trials with a value whose folders were removed, and print which they are."""
    entries = ledger.read(folder) if (folder / ledger.FILE).exists() else {}
    report_missing(entries.values())
    missing = {entry.job for entry in entries.values() if entry.state == "missing"}
    return [trial for trial in study.done() if _name(plan, trial) in missing]


def _queue(folder: Path, plan: SearchPlan, names: dict[str, Trial]) -> None:
    """Record new trials in the ledger."""
    known = ledger.recorded(folder) if (folder / ledger.FILE).exists() else {}
    for name, trial in names.items():
        if name not in known:
            ledger.record(folder, name, "queued", overrides=[*plan.common, *trial.words])


def _study(folder: Path, plan: SearchPlan) -> Study:
    return Study(folder, plan.search, plan.space, plan.every)


def _name(plan: SearchPlan, trial: Trial) -> str:
    return job_name(f"{trial.number:03}", trial.words, plan.keys)


def _is_exact(trial: Path) -> bool:
    """Return whether the score of a finished trial is the mean of exact returns."""
    with contextlib.suppress(FolderError):  # its folder may be missing
        return read_run(trial).is_exact
    return False


def _save(folder: Path, job: str, config: DictConfig, words: list[str]) -> None:
    """Write ``experiment/best.yaml``: all settings and choices of options of the best trial."""
    (composed,) = compose_jobs(config, JobGrid([words], []))
    choices = [{f"override /{group}": composed.choices[group]} for group in LEARNING]
    entries = {"defaults": [*choices, {"override /tuned": "none"}, "_self_"]}
    content = OmegaConf.to_yaml(OmegaConf.create(entries | read_config(folder / job)))
    path = folder / "experiment" / "best.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# @package _global_\n# The best trial of a search: {job}\n{content}", "utf-8")
