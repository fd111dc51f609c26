"""Runs beside each other: what differs between their settings, and which belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rlrun.run_folder.reader import RecordedRun
from rlrun.stats import Summary, summary

Plain = bool | int | float | str
# Which learners, and how often they are looked at and saved: not how they learn.
ASIDE = (
    "seed",
    "seeds",
    "eval.every",
    "eval.episodes",
    "eval.final_episodes",
    "log.",
    "checkpoint.",
)


@dataclass(frozen=True)
class Variant:
    """Runs that learn alike, their seeds aside: one row of a table, one curve of a figure.

    ``label`` is what distinguishes it from the others (`dqn Acrobot-v1 agent.lr=0.001`), ``name``
    the same without the environment, as it is in every environment; ``values`` are the settings in
    which any of the compared runs differ.
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

    def scores(self, which: str = "final") -> dict[int, float]:
        """Each seed number's mean return, ``final`` or ``best``, of the seeds that have one.

        A seed that was run twice counts once, as the later run has it.
        """
        scores: dict[int, float] = {}
        for run in self.runs:
            for seed, score in zip(run.seeds, run.scores(which), strict=True):
                if score is not None:
                    scores[seed] = score
        return scores

    @cached_property
    def final(self) -> Summary | None:
        """What the final scores come to, by seed number; None where no seed has one."""
        return self._summary("final")

    @cached_property
    def best(self) -> Summary | None:
        """The same of each seed's best evaluation."""
        return self._summary("best")

    def _summary(self, which: str) -> Summary | None:
        scores = self.scores(which)
        return summary([scores[seed] for seed in sorted(scores)]) if scores else None

    @property
    def told(self) -> int:
        """How many seeds have a final score."""
        return len(self.final["per_seed"]) if self.final else 0

    @property
    def seeds(self) -> int:
        """How many seeds were asked for."""
        return len({seed for run in self.runs for seed in run.seeds})

    @property
    def steps(self) -> int:
        """The steps of each seed that were asked for."""
        return int(self.runs[0].settings["total_steps"])

    @property
    def wall_seconds(self) -> float | None:
        """Of all its runs together; None where none has ended."""
        told = [(run.result or {}).get("wall_seconds") for run in self.runs]
        known = [float(seconds) for seconds in told if isinstance(seconds, int | float)]
        return sum(known) if known else None


def flat(settings: Mapping[str, Any], path: str = "") -> dict[str, Plain]:
    """Nested settings as ``group.key`` to plain values, for the table of hyperparameters."""
    values: dict[str, Plain] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{path}{key}.")
        elif isinstance(value, bool | int | float | str):
            values[f"{path}{key}"] = value
        elif value is not None:
            values[f"{path}{key}"] = str(value)
    return values


def differing(runs: Iterable[RecordedRun]) -> list[str]:
    """The keys in which the settings of ``runs`` differ, those of `ASIDE` left out, in their order.

    A key that only some of them have differs too.
    """
    flattened = [flat(run.settings) for run in runs]
    names = dict.fromkeys(name for values in flattened for name in values if not is_aside(name))
    return [name for name in names if len({repr(values.get(name)) for values in flattened}) > 1]


def is_aside(key: str) -> bool:
    """Whether runs that differ in ``key`` learn the same, seed by seed."""
    return any(key == name or (name[-1] == "." and key.startswith(name)) for name in ASIDE)


def grouped(runs: Sequence[RecordedRun]) -> list[Variant]:
    """The runs by their settings, seeds aside, in the order in which each was met first."""
    keys = differing(runs)
    found: dict[tuple[Plain | None, ...], list[RecordedRun]] = {}
    for run in runs:
        values = flat(run.settings)
        found.setdefault(tuple(values.get(key) for key in keys), []).append(run)
    differ = _differing_by_kind(runs)
    agents, envs = (len({kind[i] for kind in differ}) > 1 for i in (0, 1))
    settings = []
    for chosen, members in found.items():
        first = members[0]
        own = _words(first, differ[first.agent, first.env])
        agent, env = [first.agent] * agents, [first.env] * envs
        label, name = " ".join(agent + env + own), " ".join(agent + own)
        usual = "as configured"
        members.sort(key=lambda run: str(run.meta.get("started", "")))  # the later one counts
        settings.append(Variant(label or usual, name or usual, dict(_set(keys, chosen)), members))
    return settings


def ranked(settings: Iterable[Variant]) -> list[Variant]:
    """Best first by the final interquartile mean, and what has no score last."""
    return sorted(settings, key=lambda each: -each.final["iqm"] if each.final else math.inf)


def _set(keys: Sequence[str], values: Sequence[Plain | None]) -> Iterator[tuple[str, Plain]]:
    return ((key, value) for key, value in zip(keys, values, strict=True) if value is not None)


def _differing_by_kind(runs: Sequence[RecordedRun]) -> dict[tuple[str, str], list[str]]:
    """For each agent in each environment what its runs differ in; what comes with either of them
    says nothing more.
    """
    kinds: dict[tuple[str, str], list[RecordedRun]] = {}
    for run in runs:
        kinds.setdefault((run.agent, run.env), []).append(run)
    return {kind: differing(members) for kind, members in kinds.items()}


def _words(run: RecordedRun, keys: Sequence[str]) -> list[str]:
    """What the run has of the keys, as on the command line; an empty value is one, too."""
    values = flat(run.settings)
    return [
        f"{key}={values.get(key, 'null')}"
        for key in keys
        if key in values or _is_null(run.settings, key)
    ]


def _is_null(settings: Mapping[str, Any], key: str) -> bool:
    *path, last = key.split(".")
    for name in path:
        inner = settings.get(name)
        if not isinstance(inner, Mapping):
            return False
        settings = inner
    return last in settings and settings[last] is None
