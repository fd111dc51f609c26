"""The population of one seed of NEAT, by neat-python, with its own random numbers.

Only `rlrun.agents.neat` imports this, and not before an agent is built: the package is optional.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from neat.reporting import ReporterSet
from neat.reproduction import DefaultReproduction
from neat.species import DefaultSpeciesSet, Species
from neat.stagnation import DefaultStagnation

from rlrun.agents.parts.genomes import Genome, decoded, encoded
from rlrun.core.rng import Purpose, sequence
from rlrun.core.types import Array, State


class Counter:
    """The whole numbers from one on, as an iterator that can be saved."""

    def __init__(self, following: int) -> None:
        self.following = following

    def __next__(self) -> int:
        self.following += 1
        return self.following - 1


class Population:
    """Genomes and their species, and all that decides on the next generation.

    The package draws from Python's global generator. Its state is exchanged for the seed's own
    around each call, and restored.

    Args:
        seed: the seed number.
        size: genomes of a generation.
        genome, species, stagnation, reproduction: the package's parameters, by its names.
    """

    def __init__(
        self,
        seed: int,
        size: int,
        genome: Mapping[str, Any],
        species: Mapping[str, Any],
        stagnation: Mapping[str, Any],
        reproduction: Mapping[str, Any],
    ) -> None:
        words = sequence(seed, Purpose.SEARCH).generate_state(8)
        start = int.from_bytes(words.astype("<u4").tobytes(), "little")
        self._random = random.Random(start).getstate()
        self._size, self.generation, reporters = size, 0, ReporterSet()
        self._config = SimpleNamespace(
            genome_type=Genome, genome_config=Genome.parse_config(_texts(genome))
        )
        own = self._config.genome_config
        own.node_indexer = Counter(own.num_outputs)
        self._species = DefaultSpeciesSet(
            DefaultSpeciesSet.parse_config(_texts(species)), reporters
        )
        self._reproduction = DefaultReproduction(
            DefaultReproduction.parse_config(_texts(reproduction)),
            reporters,
            DefaultStagnation(DefaultStagnation.parse_config(_texts(stagnation)), reporters),
        )
        self._species.indexer, self._reproduction.genome_indexer = Counter(1), Counter(1)
        with self._own_random():
            self._begin(self._reproduction.create_new(Genome, own, size))

    @contextmanager
    def _own_random(self) -> Iterator[None]:
        """Let Python's global generator be that of this population."""
        callers = random.getstate()
        random.setstate(self._random)
        try:
            yield
        finally:
            self._random = random.getstate()
            random.setstate(callers)

    def _begin(self, genomes: Mapping[int, Genome]) -> None:
        """Divide a new generation into species."""
        self.genomes = list(genomes.values())
        self._species.speciate(self._config, dict(genomes), self.generation)

    def advance(self, fitness: Array) -> Genome:
        """Begin the next generation, given the fitness ``[genome]`` of this one.

        Returns the best genome of this one: of those evaluated more than once, unless there is
        none. The champions of species survive, so they are evaluated again.
        """
        for genome, value in zip(self.genomes, fitness.tolist(), strict=True):
            genome.evaluated(value)
        proven = [each for each in self.genomes if each.evaluations > 1] or self.genomes
        chosen = max(proven, key=lambda each: (each.fitness, each.evaluations))
        with self._own_random():
            following = self._reproduction.reproduce(
                self._config, self._species, self._size, self.generation
            )
            self._begin(following)
        self._reproduction.ancestors.clear()  # else all genomes ever
        self.generation += 1
        return chosen

    @property
    def species(self) -> int:
        """The number of species."""
        return len(self._species.species)

    def state_dict(self) -> State:
        _, words, gauss = self._random
        return {
            "random": np.array(words, np.uint32),
            "gauss": gauss,
            "genomes": encoded(self.genomes),
            "species": [_encoded(each) for each in self._species.species.values()],
            "generation": self.generation,
            "innovation": self._reproduction.innovation_tracker.global_counter,
            "next": {name: each.following for name, each in self._counters().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        version = self._random[0]
        self._random = (version, tuple(state["random"].tolist()), state["gauss"])
        self.genomes = decoded(state["genomes"])
        by_key = {genome.key: genome for genome in self.genomes}
        self._species.species = {each["key"]: _decoded(each, by_key) for each in state["species"]}
        self.generation = state["generation"]
        self._reproduction.innovation_tracker.global_counter = state["innovation"]
        for name, counter in self._counters().items():
            counter.following = state["next"][name]

    def _counters(self) -> dict[str, Counter]:
        return {
            "genome": self._reproduction.genome_indexer,
            "unit": self._config.genome_config.node_indexer,
            "species": self._species.indexer,
        }


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the package reads them from files."""
    return {name: str(value) for name, value in parameters.items()}


def _encoded(species: Any) -> State:
    """Return a species as numbers; its representative is the first of its members."""
    return {
        "key": species.key,
        "created": species.created,
        "improved": species.last_improved,
        "members": np.array(list(species.members), np.int64),
        "history": np.array(species.fitness_history, np.float64),
    }


def _decoded(state: Mapping[str, Any], genomes: Mapping[int, Genome]) -> Any:
    """Return the species of `_encoded` numbers. Raises KeyError for a genome that is not there."""
    species = Species(state["key"], state["created"])
    members = {key: genomes[key] for key in state["members"].tolist()}
    species.update(next(iter(members.values())), members)
    species.last_improved = state["improved"]
    species.fitness_history = state["history"].tolist()
    return species
