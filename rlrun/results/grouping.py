"""Grouping runs into variants by the settings in which they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rlrun.core.text import as_word
from rlrun.run_folder.reader import RecordedRun, Tuned
from rlrun.stats import Summary, summary

Plain = bool | int | float | str
# Keys ignored when runs are compared: they choose seeds, evaluation, logging and saving, not how
# an agent learns.
IGNORED_KEYS = (
    "seed",
    "seeds",
    "eval.every",
    "eval.episodes",
    "eval.final_episodes",
    "log.",
    "checkpoint.",
    "env.resume_actions",
    "env.vector",
    "tuned.",  # where values come from: the values are compared
)


@dataclass(frozen=True)
class Variant:
    """Runs with equal settings apart from `IGNORED_KEYS`: a row of a table, a curve of a figure.

    ``label`` distinguishes it from the other variants (`dqn Acrobot-v1 agent.lr=0.001`), ``name``
    does so without the environment and is the same in every one; ``values`` are its settings under
    the keys in which any of the compared runs differ.
    """

    label: str
    name: str
    values: dict[str, Plain]
    runs: list[RecordedRun]

    @property
    def agent(self) -> str:
        return self.runs[0].agent

    @property
    def env(self) -> str:
        return self.runs[0].env

    @property
    def tuned(self) -> Tuned | None:
        """The tuned settings of its runs; None if no run has recorded them."""
        return next((run.tuned for run in self.runs if run.tuned is not None), None)

    def scores(self, which: str = "final") -> dict[int, float]:
        """Return the mean return by seed number, of the seeds with one (`RecordedRun.scores`).

        A seed that was run twice counts once, with the score of the later run.
        """
        scores: dict[int, float] = {}
        for run in self.runs:
            for seed, score in zip(run.seeds, run.scores(which), strict=True):
                if score is not None:
                    scores[seed] = score
        return scores

    @cached_property
    def final(self) -> Summary | None:
        """Summary of the final scores, in the order of the seeds; None if no seed has one."""
        return self._summary("final")

    @cached_property
    def best(self) -> Summary | None:
        """Summary of each seed's best evaluation; None if no seed has one."""
        return self._summary("best")

    @cached_property
    def exact(self) -> Summary | None:
        """Summary of the exact returns of the final policies; None if they are unknown."""
        return self._summary("exact")

    @property
    def score(self) -> Summary | None:
        """The scores by which variants are ranked: the exact ones, if all seeds have them."""
        has_all = self.exact and len(self.exact["per_seed"]) == self.num_scores
        return self.exact if has_all else self.final

    def _summary(self, which: str) -> Summary | None:
        scores = self.scores(which)
        return summary([scores[seed] for seed in sorted(scores)]) if scores else None

    @property
    def num_scores(self) -> int:
        """Number of seeds with a final score."""
        return len(self.final["per_seed"]) if self.final else 0

    @property
    def num_seeds(self) -> int:
        """Number of seeds requested."""
        return len({seed for run in self.runs for seed in run.seeds})

    @property
    def steps(self) -> int:
        """Requested environment steps per seed; updates if it learns from data."""
        return int(self.runs[0].settings["total_steps"])

    @property
    def counts_updates(self) -> bool:
        """Whether its steps are updates: its runs learnt from data."""
        return self.runs[0].counts_updates

    @property
    def wall_seconds(self) -> float | None:
        """Wall time of all runs together; None if none has ended."""
        values = [(run.result or {}).get("wall_seconds") for run in self.runs]
        known = [float(seconds) for seconds in values if seconds is not None]
        return sum(known) if known else None


def flat(settings: Mapping[str, Any], path: str = "") -> dict[str, Plain]:
    """Flatten nested settings to ``group.key: value``; null values are left out.

    A list is the text that sets it on the command line: [64,64].
    """
    values: dict[str, Plain] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{path}{key}.")
        elif isinstance(value, bool | int | float | str):
            values[f"{path}{key}"] = value
        elif value is not None:
            values[f"{path}{key}"] = as_word(value)
    return values


def differing(runs: Iterable[RecordedRun]) -> list[str]:
    """Return the keys in which the settings of ``runs`` differ, in their order.

    `IGNORED_KEYS` are left out. A key that only some of the runs have counts as different.
    """
    flattened = [flat(run.settings) for run in runs]
    names = dict.fromkeys(name for values in flattened for name in values if not is_ignored(name))
    return [name for name in names if len({repr(values.get(name)) for values in flattened}) > 1]


def is_ignored(key: str) -> bool:
    """Return whether ``key`` has no influence on how a given seed learns."""
    return any(key == name or (name[-1] == "." and key.startswith(name)) for name in IGNORED_KEYS)


def grouped(runs: Sequence[RecordedRun]) -> list[Variant]:
    """Group runs into variants, in the order of each variant's first run."""
    keys = differing(runs)
    groups: dict[tuple[Plain | None, ...], list[RecordedRun]] = {}
    for run in runs:
        values = flat(run.settings)
        groups.setdefault(tuple(values.get(key) for key in keys), []).append(run)
    differ = _differing_by_kind(runs)
    agents, envs = (len({kind[i] for kind in differ}) > 1 for i in (0, 1))
    variants = []
    for chosen, members in groups.items():
        first = members[0]
        own = _words(first, differ[first.agent, first.env])
        agent, env = [first.agent] * agents, [first.env] * envs
        label, name = " ".join(agent + env + own), " ".join(agent + own)
        usual = "as configured"
        members.sort(key=lambda run: str(run.meta.get("started", "")))  # the later one counts
        variants.append(Variant(label or usual, name or usual, dict(_set(keys, chosen)), members))
    return variants


def ranked(variants: Iterable[Variant]) -> list[Variant]:
    """Sort variants by the interquartile mean of their scores, best first; without one, last."""
    return sorted(variants, key=lambda each: -each.score["iqm"] if each.score else math.inf)


def steps_of(variants: Iterable[Variant]) -> str:
    """Return what the steps of these variants count, in words."""
    kinds = {variant.counts_updates for variant in variants}
    if kinds == {True}:
        return "updates"
    return (
        "environment steps (updates, where data is set)" if True in kinds else "environment steps"
    )


def _set(keys: Sequence[str], values: Sequence[Plain | None]) -> Iterator[tuple[str, Plain]]:
    return ((key, value) for key, value in zip(keys, values, strict=True) if value is not None)


def _differing_by_kind(runs: Sequence[RecordedRun]) -> dict[tuple[str, str], list[str]]:
    """Return, by (agent, environment), the keys in which its runs differ.

    Keys that differ only because agents or environments do are redundant in a label.
    """
    kinds: dict[tuple[str, str], list[RecordedRun]] = {}
    for run in runs:
        kinds.setdefault((run.agent, run.env), []).append(run)
    return {kind: differing(members) for kind, members in kinds.items()}


def _words(run: RecordedRun, keys: Sequence[str]) -> list[str]:
    """Return ``key=value`` for each of ``keys`` that the run has; a null value counts as one."""
    values = flat(run.settings)
    return [f"{key}={as_word(values.get(key))}" for key in keys if has(run.settings, key)]


def has(settings: Mapping[str, Any], key: str) -> bool:
    """Return whether nested settings have a full key, with any value, null too."""
    *path, last = key.split(".")
    for name in path:
        inner = settings.get(name)
        if not isinstance(inner, Mapping):
            return False
        settings = inner
    return last in settings
