"""The jobs of a multirun, composed before the first one starts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from rlrun.cli.config.hydra_api import apply_overrides, split_sweep
from rlrun.cli.config.loader import loader
from rlrun.cli.config.paths import slug
from rlrun.cli.multirun.words import parse
from rlrun.core.errors import BadInput


@dataclass(frozen=True)
class Job:
    """One point of the grid: its configuration and its choices of options."""

    config: DictConfig
    choices: dict[str, str]


@dataclass(frozen=True)
class JobGrid:
    """The jobs of a multirun: the overrides of every job, and the keys that vary.

    The overrides do not include how jobs are run (`sweep.*`).
    """

    overrides: list[list[str]]
    varying: list[str]

    def label(self, number: int) -> str:
        """Return what distinguishes this job from the others: `agent.lr=0.001 seeds=3`."""
        words = [o for o in self.overrides[number] if o.partition("=")[0] in self.varying]
        return " ".join(words) or "as configured"

    @cached_property
    def names(self) -> list[str]:
        """The folder names of the jobs."""
        digits = len(str(len(self.overrides) - 1))
        return [
            job_name(f"{number:0{digits}}", words, self.varying)
            for number, words in enumerate(self.overrides)
        ]


def job_name(number: str, overrides: Sequence[str], varying: Sequence[str]) -> str:
    """Return a job's folder name, its number and what varies: `2_lr=0.001_env=Acrobot-v1`."""
    last = [key.rpartition(".")[2] for key in varying]
    words = [number]
    for override in overrides:
        key, _, value = override.partition("=")
        if key in varying:
            short = key.rpartition(".")[2]
            words.append(f"{short if last.count(short) == 1 else key}={value}")
    return slug("_".join(words))[:100]


def all_words(config: DictConfig) -> list[str]:
    """Return the words of a multirun: those of its sweeper, then those of the command line."""
    params = OmegaConf.to_container(config.hydra.sweeper.get("params") or OmegaConf.create())
    assert isinstance(params, dict)
    return [f"{key!s}={value}" for key, value in params.items()] + list(config.hydra.overrides.task)


def read_grid(config: DictConfig) -> JobGrid:
    """Return the grid of a multirun's configuration, as Hydra's basic sweeper expands it."""
    parsed = parse(all_words(config))
    for override in parsed:
        if override.key_or_group.startswith("sweep.") and override.is_sweep_override():
            raise BadInput(f"{override.key_or_group} takes one value for the whole multirun.")
    parsed = [o for o in parsed if not o.key_or_group.startswith("sweep.")]
    jobs = split_sweep(parsed)
    varying = [o.get_key_element() for o in parsed if o.is_sweep_override()]
    return JobGrid(jobs, list(dict.fromkeys(varying)))


def compose_jobs(config: DictConfig, grid: JobGrid) -> Iterator[Job]:
    """Yield every job of the grid.

    A composition costs 60 ms. Jobs that differ only in plain values share one composition, to
    which the values are applied.
    """
    reader = loader()
    parser = OverridesParser.create()
    words: dict[str, tuple[Override, bool]] = {}
    bases: dict[tuple[str, ...], tuple[DictConfig, dict[str, str]]] = {}
    for job in grid.overrides:
        for word in set(job) - words.keys():
            override = parser.parse_override(word)
            words[word] = override, reader.repository.group_exists(override.key_or_group)
        groups = tuple(word for word in job if words[word][1])
        if groups not in bases:
            base = reader.load_sweep_config(config, list(groups))
            choices = dict(base.hydra.runtime.choices)
            with open_dict(base):
                base.pop("hydra")
            bases[groups] = base, choices
        base, choices = bases[groups]
        composed = copy.deepcopy(base)
        apply_overrides(reader, [words[w][0] for w in job if not words[w][1]], composed)
        yield Job(composed, choices)
