"""The trials of a search, stored by Optuna in ``study.log`` (JSON lines) in the sweep's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.run_folder.files import FolderError, drop_partial_line
from rlrun.tuning.settings import PrunerName, SearchSettings
from rlrun.tuning.space import Dimension, Interval

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import BaseTrial

FILE = "study.log"
MOST_BYTES = 100 * 2**20
NAME = "rlrun"
REDUCTION_FACTOR = 3  # successive halving keeps the best one of this many trials at each rung
TrialOutcome = Literal["done", "failed", "pruned"]


@dataclass(frozen=True)
class Trial:
    """One trial: its number, its settings as command-line words, and its value if it has one."""

    number: int
    words: tuple[str, ...]
    value: float | None = None


class Study:
    """The trials of the search in ``folder``, including those of an earlier process.

    The settings drawn for a trial depend only on ``search.seed``, its number and the results of
    earlier trials: a resumed search draws the same ones as an uninterrupted search.

    Args:
        folder: the sweep's folder.
        search: the ``search`` settings.
        space: the dimensions of the search space.
        every: steps between two evaluations, at which trials may be pruned.

    Raises:
        FolderError: the file is damaged, or belongs to another search.
    """

    def __init__(
        self, folder: Path, search: SearchSettings, space: Sequence[Dimension], every: int
    ) -> None:
        self._search, self._space, self._path = search, list(space), folder / FILE
        drop_partial_line(self._path)
        optuna = import_optuna()
        with as_study_error(self._path):
            self._study = optuna.create_study(
                storage=_storage(self._path),
                study_name=NAME,
                load_if_exists=True,
                direction="maximize",
            )
            for name, value in (("pruner", search.pruner), ("every", every)):
                if self._study.user_attrs.get(name) != value:
                    self._study.set_user_attr(name, value)

    def __len__(self) -> int:
        return len(self._study.get_trials(deepcopy=False))

    def ask(self) -> Trial:
        """Return a new trial."""
        self._study.sampler = _sampler(self._search, len(self))
        trial = self._study.ask()
        return Trial(trial.number, self._words(trial))

    def unfinished(self) -> list[Trial]:
        """Return the trials without an outcome, whose process ended before `finish`."""
        optuna = import_optuna()
        running = (optuna.trial.TrialState.RUNNING,)
        trials = []
        with as_study_error(self._path):
            for each in self._study.get_trials(deepcopy=False, states=running):
                self._study.sampler = _sampler(self._search, each.number)
                trial = optuna.trial.Trial(self._study, each._trial_id)
                trials.append(Trial(each.number, self._words(trial)))
        return trials

    def finish(self, number: int, outcome: TrialOutcome, value: float | None) -> None:
        """Record the outcome of a trial; ``value`` is its mean final evaluation if it is done.

        A trial that is done without a finite value counts as failed. A trial that was repeated
        keeps its first outcome.
        """
        states = import_optuna().trial.TrialState
        if outcome == "done" and value is not None and np.isfinite(value):
            self._study.tell(number, value, skip_if_finished=True)
        else:
            state = states.PRUNED if outcome == "pruned" else states.FAIL
            self._study.tell(number, state=state, skip_if_finished=True)

    def best(self) -> Trial | None:
        """Return the best trial, the first of equal ones; None if no trial has a value."""
        return max(self.done(), key=lambda trial: (trial.value, -trial.number), default=None)

    def done(self) -> list[Trial]:
        """Return the trials with a value."""
        done = (import_optuna().trial.TrialState.COMPLETE,)
        with as_study_error(self._path):
            trials = self._study.get_trials(deepcopy=False, states=done)
            return [Trial(each.number, self._words(each), float(each.value)) for each in trials]

    def count(self, outcome: TrialOutcome) -> int:
        """Return the number of trials with an outcome."""
        state = {"done": "COMPLETE", "failed": "FAIL", "pruned": "PRUNED"}[outcome]
        return sum(t.state.name == state for t in self._study.get_trials(deepcopy=False))

    def _words(self, trial: BaseTrial) -> tuple[str, ...]:
        """Return the settings of a trial; those not drawn yet are drawn now."""
        words = []
        for each in self._space:
            if not isinstance(each, Interval):
                words.append(each.word(trial.suggest_categorical(each.key, each.options)))
            elif each.integer:
                low, high = int(each.low), int(each.high)
                words.append(each.word(trial.suggest_int(each.key, low, high, log=each.log)))
            else:
                drawn = trial.suggest_float(each.key, each.low, each.high, log=each.log)
                words.append(each.word(drawn))
        return tuple(words)


def pruning(run: Path) -> Callable[[int, float], bool] | None:
    """Return a function that decides at each evaluation whether to prune a run of a search.

    The function takes the step and the evaluation's mean over seeds. None if the run belongs to no
    search, the search has no pruner, or the trial already has an outcome.
    """
    path, number = run.parent / FILE, run.name.partition("_")[0]
    if not number.isdecimal() or not path.exists():
        return None
    optuna = import_optuna()
    with as_study_error(path):
        study = load(path)
        storage = study._storage
        attributes = study.user_attrs
        study.pruner = _pruner(attributes["pruner"], int(attributes["every"]))
        matches = [t for t in study.get_trials(deepcopy=False) if t.number == int(number)]
        if attributes["pruner"] == "none" or not matches or matches[0].state.is_finished():
            return None
        trial = optuna.trial.Trial(study, matches[0]._trial_id)

    def should_prune(step: int, mean: float) -> bool:
        reported = storage.get_trial(trial._trial_id).intermediate_values
        if not np.isfinite(mean) or any(step < other for other in reported):
            return False  # before resuming it got further without being pruned
        if step not in reported:
            trial.report(mean, step)
        return bool(trial.should_prune())

    return should_prune


def import_optuna() -> Any:
    """Import Optuna, which only searches need. Raises BadInput if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise BadInput("hydra/sweeper=optuna needs Optuna: pip install 'optuna>=5'.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def load(path: Path) -> OptunaStudy:
    """Load the study in a file. Raises any exception if it is damaged: see `as_study_error`."""
    optuna = import_optuna()
    sampler = optuna.samplers.RandomSampler()  # nothing is drawn
    study: OptunaStudy = optuna.load_study(study_name=NAME, storage=_storage(path), sampler=sampler)
    return study


def _storage(path: Path) -> BaseStorage:
    from optuna.storages.journal import (
        JournalFileBackend,
        JournalFileOpenLock,
        JournalStorage,
    )

    if path.exists() and path.stat().st_size > MOST_BYTES:
        raise ValueError("it is too large")
    return JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path))))


@contextmanager
def as_study_error(path: Path) -> Iterator[None]:
    """Turn any error from reading a damaged file into a FolderError."""
    try:
        yield
    except (FolderError, BadInput):
        raise
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FolderError(f"{path} is damaged or belongs to another search: {reason}.") from error


def _sampler(search: SearchSettings, number: int) -> BaseSampler:
    """Return the sampler of one trial, seeded by ``search.seed`` and the trial's number."""
    optuna = import_optuna()
    seed = int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed)  # type: ignore[no-any-return]
    return optuna.samplers.TPESampler(seed=seed)  # type: ignore[no-any-return]


def _pruner(name: PrunerName, every: int) -> BasePruner:
    pruners = import_optuna().pruners
    if name == "halving":
        pruner = pruners.SuccessiveHalvingPruner(
            min_resource=max(every, 1), reduction_factor=REDUCTION_FACTOR
        )
    else:
        pruner = pruners.MedianPruner() if name == "median" else pruners.NopPruner()
    return pruner  # type: ignore[no-any-return]
