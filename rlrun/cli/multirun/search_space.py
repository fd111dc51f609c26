"""The space of a search, read from a command line or from an agent's file in conf/search."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import DictConfig, OmegaConf

from rlrun.cli.multirun.grid import JobGrid, all_words, compose_jobs
from rlrun.cli.multirun.words import parse
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct, convert
from rlrun.tuning.settings import SearchSettings
from rlrun.tuning.space import Categorical, Dimension, Interval

MANY = 10.0  # an interval whose ends differ by this factor or more is sampled in log space
OF_THE_SWEEP = ("sweep.", "search.")  # settings of the search, not of a trial


@dataclass(frozen=True)
class SearchPlan:
    """A search: the words all trials share, the space, and the steps between two evaluations."""

    common: list[str]
    space: list[Dimension]
    search: SearchSettings
    every: int

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.space]

    def samples(self) -> JobGrid:
        """Return runs that show whether the whole space is valid: one setting varies at a time."""
        first = {each.key: each.samples()[0] for each in self.space}
        runs = [
            [*self.common, *(first | {each.key: word}).values()]
            for number, each in enumerate(self.space)
            for word in each.samples()[1 if number else 0 :]
        ]
        return JobGrid(runs, self.keys)


def read_search_plan(config: DictConfig) -> SearchPlan:
    """Return the search that a command line describes.

    Its space is the settings with several values there, or else ``search.space``. Raises BadInput
    if the space is empty or invalid.
    """
    from rlrun.training.evaluator import EvalSettings  # imported late: it imports torch

    parsed = {o.get_key_element(): o for o in parse(all_words(config))}  # the last one wins
    swept = [override for override in parsed.values() if override.is_sweep_override()]
    for override in swept:
        if f"{override.key_or_group}.".startswith(OF_THE_SWEEP):
            raise BadInput(f"{override.key_or_group} takes one value for the whole search.")
    fixed = {
        key: key if override.is_delete() else f"{key}={override.get_value_element_as_str()}"
        for key, override in parsed.items()
        if not override.is_sweep_override()
    }
    (job,) = compose_jobs(config, JobGrid([list(fixed.values())], []))
    search = construct(SearchSettings, dict(job.config.search), "search")
    if not swept:
        swept = parse([f"{key}={words}" for key, words in search.space.items()])
    if not swept:
        raise BadInput(
            f"there is nothing to search: no setting has several values, and there is no search "
            f"space {job.choices.get('search')}: write 'agent.lr=interval(1e-4,1e-2)'."
        )
    if not job.config.eval.final_episodes:
        raise BadInput(
            "a search compares final evaluations: eval.final_episodes must be at least 1, got 0.",
            "eval.final_episodes",
        )
    common = [
        word for key, word in fixed.items() if not f"{key.lstrip('+~')}.".startswith(OF_THE_SWEEP)
    ]
    space = [_dimension(override, job.config) for override in swept]
    evaluation = construct(EvalSettings, dict(job.config.eval), "eval")
    every = evaluation.steps_between(convert(job.config.total_steps, int, "total_steps"))
    return SearchPlan(common, space, search, every)


def _dimension(override: Override, config: DictConfig) -> Dimension:
    """Return one dimension; ``config`` shows which settings are whole numbers."""
    key, swept = override.get_key_element(), override.value()
    if not isinstance(swept, IntervalSweep):
        if not override.is_sweep_override():
            raise BadInput(
                f"{key} has only one value in the search space: write an interval or a choice."
            )
        return Categorical(key, tuple(dict.fromkeys(override.sweep_string_iterator())))
    low, high = swept.start, swept.end
    text = f"{key}=interval({low:g},{high:g})"
    if low is None or high is None or not low < high:
        raise BadInput(f"{text}: the lower bound must be below the upper bound.", key)
    if unknown := swept.tags - {"log", "linear"}:
        raise BadInput(f"{text}: there is no tag {', '.join(unknown)}: write tag(log,...).", key)
    if "log" in swept.tags and low <= 0:
        raise BadInput(f"{text}: only positive numbers have a logarithm.", key)
    now = OmegaConf.select(config, key.lstrip("+"), default=None)
    whole = float(low).is_integer() and float(high).is_integer()
    integer = whole and isinstance(now, int) and not isinstance(now, bool)
    integer = integer or (isinstance(low, int) and isinstance(high, int))
    wide = low > 0 and high / low >= MANY and "linear" not in swept.tags
    return Interval(key, low, high, integer, wide or "log" in swept.tags)
