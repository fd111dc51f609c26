"""Runs beside each other: what differs between their settings, and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlrun.reading import RecordedRun

Plain = bool | int | float | str
SEEDS = ("seed", "seeds")  # which learners, not how they learn


@dataclass(frozen=True)
class Setting:
    """Runs that differ in nothing but their seeds: one row of a table, one curve of a figure.

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
    """The keys in which the settings of ``runs`` differ, the seeds aside, in the settings' order.

    A key that only some of them have differs too.
    """
    flattened = [flat(run.settings) for run in runs]
    names = dict.fromkeys(name for values in flattened for name in values if name not in SEEDS)
    return [name for name in names if len({repr(values.get(name)) for values in flattened}) > 1]


def grouped(runs: Sequence[RecordedRun]) -> list[Setting]:
    """The runs by their settings, seeds aside, in the order in which each was met first."""
    keys = differing(runs)
    found: dict[tuple[Plain | None, ...], list[RecordedRun]] = {}
    for run in runs:
        values = flat(run.settings)
        found.setdefault(tuple(values.get(key) for key in keys), []).append(run)
    return [
        Setting(
            _label(members[0], runs),
            _label(members[0], runs, with_env=False),
            dict(_set(keys, values)),
            members,
        )
        for values, members in found.items()
    ]


def _set(keys: Sequence[str], values: Sequence[Plain | None]) -> Iterator[tuple[str, Plain]]:
    return ((key, value) for key, value in zip(keys, values, strict=True) if value is not None)


def _label(run: RecordedRun, runs: Sequence[RecordedRun], with_env: bool = True) -> str:
    """What tells a run from others: agent and environment where these differ, and what differs
    between runs of its agent in its environment; settings that come with either say nothing more.
    """
    words = []
    if len({other.agent for other in runs}) > 1:
        words.append(run.agent)
    if with_env and len({other.env for other in runs}) > 1:
        words.append(run.env)
    peers = [other for other in runs if (other.agent, other.env) == (run.agent, run.env)]
    values = flat(run.settings)
    words += [f"{key}={values[key]}" for key in differing(peers) if key in values]
    return " ".join(words) or "as configured"
