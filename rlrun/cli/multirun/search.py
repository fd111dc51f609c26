"""A search (`hydra/sweeper=optuna`): checked, its trials run in batches, the best one told."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from rlrun.cli.config.loader import config_dir
from rlrun.cli.multirun.grid import JobGrid, compose_jobs, job_name
from rlrun.cli.multirun.prepare import at_once, check_sweep, record_plan, use_folder
from rlrun.cli.multirun.search_space import SearchPlan, read_search_plan
from rlrun.cli.validation import check, claim, naming
from rlrun.run_folder.config_file import read_config
from rlrun.sweep import batch, ledger, stop
from rlrun.sweep.batch import Launcher
from rlrun.sweep.plan import print_resume_command
from rlrun.sweep.plan import read as read_plan
from rlrun.sweep.plan import write as write_plan
from rlrun.tuning.study import Study, Trial, TrialOutcome, import_optuna

CHOSEN = ("agent", "env", "replay", "explore")  # the groups that decide which settings there are
TRIALS = "search.trials="
OUTCOMES: tuple[TrialOutcome, ...] = ("done", "pruned", "failed")


@dataclass(frozen=True)
class Searched:
    """A search of this command: its folder, and what it is about."""

    folder: Path
    plan: SearchPlan
    config: DictConfig

    def title(self, job: str) -> str:
        """What the output of a job begins with."""
        return f"trial {job} of {self.plan.search.trials}"

    def report(self) -> bool:
        """Tell the best settings, and keep them as an experiment; whether all has been tried."""
        study = _study(self.folder, self.plan)
        counts = [f"{count} {each}" for each in OUTCOMES if (count := study.count(each))]
        print(f"search:    {len(study)} trials: {', '.join(counts) or 'none has ended'}")
        left = bool(study.unfinished()) or len(study) < self.plan.search.trials
        if left:
            print_resume_command(self.folder)
        best = study.best()
        if best is None:
            print("rlrun: no trial has come to its end.", file=sys.stderr)
            return False
        job = _name(self.plan, best)
        given = config_dir()
        flags = ["--config-dir", given] if given else []
        words = [*self.plan.common, *best.words]
        print(f"best:      {best.value:.6g} in trial {job}")
        print(f"again:     {shlex.join(['rlrun', *flags, *words])}")
        _save(self.folder, job, self.config, words)
        if not given:  # Hydra takes one such folder
            where = shlex.quote(os.path.relpath(self.folder))
            print(f"or:        rlrun --config-dir {where} experiment=best")
        return not left


def prepare_search(config: DictConfig, resuming: Path | None = None) -> Searched:
    """Check what can be known of the trials, claim the folder, and write down what is searched.

    ``resuming`` is the folder of the search that is resumed; None for a new one, which claims one.

    Raises BadInput, and leaves nothing behind then.
    """
    import_optuna()
    check_sweep(config)
    plan = read_search_plan(config)
    needs, samples = [], plan.samples()
    composed = compose_jobs(config, samples)
    for number, words in enumerate(samples.overrides):
        with naming(f"where the search may come: {samples.label(number)}"):
            job = next(composed)
            needs.append(check(job.config, job.choices, words))
    config.search.trials = plan.search.trials  # they may be the sweeper's
    config.sweep.jobs = at_once(config.sweep.jobs, plan.search.trials, needs)
    if resuming is None:
        folder = claim(config, "sweep")
        record_plan(folder, config, "search", plan.keys)
    else:
        folder = resuming
        _keep_trials(folder, list(config.hydra.overrides.task))
    use_folder(config, folder)
    return Searched(folder, plan, config)


def _keep_trials(folder: Path, task: list[str]) -> None:
    """Write down how many trials a search that goes on has now."""
    made = read_plan(folder)
    now = [word for word in task if word.startswith(TRIALS)][-1:]
    others = [word for word in made.task if not word.startswith(TRIALS)]
    write_plan(folder, replace(made, task=(*others, *now)))


def run_search(config: DictConfig, launcher: Launcher, arguments: list[str]) -> None:
    """Try settings until there are enough of them, `sweep.jobs` at once."""
    plan, folder = read_search_plan(config), Path(config.hydra.sweep.dir)
    with batch.holding(folder):
        study = _study(folder, plan)
        waiting = study.unfinished()
        while (waiting or len(study) < plan.search.trials) and not stop.requested(folder):
            trials, waiting = waiting[: config.sweep.jobs], waiting[config.sweep.jobs :]
            room = min(config.sweep.jobs - len(trials), plan.search.trials - len(study))
            trials += [study.ask() for _ in range(room)]
            names = {_name(plan, trial): trial for trial in trials}
            _queue(folder, plan, names)
            found = batch.launch(launcher, folder, list(names), arguments, trials[0].number)
            for name, entry in found.items():
                if entry.state in OUTCOMES:
                    study.finish(names[name].number, entry.state, entry.value)


def _queue(folder: Path, plan: SearchPlan, names: dict[str, Trial]) -> None:
    """Write trials that are new into the ledger."""
    known = ledger.recorded(folder) if (folder / ledger.FILE).exists() else {}
    for name, trial in names.items():
        if name not in known:
            ledger.record(folder, name, "queued", overrides=[*plan.common, *trial.words])


def _study(folder: Path, plan: SearchPlan) -> Study:
    return Study(folder, plan.search, plan.space, plan.every)


def _name(plan: SearchPlan, trial: Trial) -> str:
    return job_name(f"{trial.number:03}", trial.words, plan.keys)


def _save(folder: Path, job: str, config: DictConfig, words: list[str]) -> None:
    """``experiment/best.yaml``: all settings of the best trial, and the choices they belong to."""
    (composed,) = compose_jobs(config, JobGrid([words], []))
    chosen = [{f"override /{group}": composed.choices[group]} for group in CHOSEN]
    entries = {"defaults": [*chosen, {"override /tuned": "none"}, "_self_"]}
    content = OmegaConf.to_yaml(OmegaConf.create(entries | read_config(folder / job)))
    path = folder / "experiment" / "best.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# @package _global_\n# The best trial of a search: {job}\n{content}", "utf-8")
