"""Genomes of NEAT, by neat-python, and the arrays that checkpoints keep of them.

Only `rlrun.agents.neat` imports this, and not before an agent is built: the package is optional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from neat.attributes import FloatAttribute
from neat.genes import BaseGene, DefaultConnectionGene
from neat.genome import DefaultGenome, DefaultGenomeConfig

from rlrun.agents.parts.graph import Activation, Graph
from rlrun.core.types import Array, State

SMALL = 20  # links of a genome whose number does not count in the distance


class Unit(BaseGene):  # type: ignore[misc]  # the package has no types
    """The gene of an output or hidden unit: a bias."""

    _gene_attributes = (FloatAttribute("bias"),)


class Genome(DefaultGenome):  # type: ignore[misc]
    """Units and links, and the mean fitness of all evaluations so far."""

    def __init__(self, key: int) -> None:
        super().__init__(key)
        self.total, self.evaluations = 0.0, 0  # a champion is evaluated in several generations

    @classmethod
    def parse_config(cls, param_dict: Mapping[str, Any]) -> Any:
        genes = {"node_gene_type": Unit, "connection_gene_type": DefaultConnectionGene}
        return DefaultGenomeConfig({**param_dict, **genes})

    def evaluated(self, fitness: float) -> None:
        """Add an evaluation; the fitness is the mean of all of them."""
        self.total += fitness
        self.evaluations += 1
        self.fitness = self.total / self.evaluations

    @cached_property
    def numbers(self) -> dict[int, float]:
        """The weights by innovation number, and the biases by ``-1 - key``; they never change."""
        weights = {link.innovation: link.weight for link in self.connections.values()}
        return weights | {-1 - key: unit.bias for key, unit in self.nodes.items()}

    def distance(self, other: Any, config: Any) -> float:
        """Return the distance between two genomes (Stanley and Miikkulainen 2002, equation 1).

        δ = c1 E / N + c2 D / N + c3 W, with c1 = c2: the excess and disjoint links, N those of the
        larger genome (1 below 20), and the mean difference of the weights, here also the biases,
        that both have. The package's own distance divides all genomes by their sizes.
        """
        theirs = other.numbers
        differences = [abs(x - theirs[n]) for n, x in self.numbers.items() if n in theirs]
        shared = len(differences) - len(self.nodes.keys() & other.nodes.keys())
        sizes = len(self.connections), len(other.connections)
        apart, size = sum(sizes) - 2 * shared, max(sizes)
        structure: float = config.compatibility_disjoint_coefficient * apart
        weights: float = config.compatibility_weight_coefficient * sum(differences)
        return structure / (size if size >= SMALL else 1) + weights / len(differences)

    def network(self, inputs: int, outputs: int, activation: Activation) -> Graph:
        """Return the network of the enabled links."""
        biases = {key: unit.bias for key, unit in self.nodes.items()}
        links = [(*each.key, each.weight) for each in self.connections.values() if each.enabled]
        return Graph(inputs, outputs, biases, links, activation)


def encoded(genomes: Iterable[Genome]) -> State:
    """Return genomes as arrays: of each genome ``[genome]``, of all units and links ``[gene]``."""
    every = list(genomes)
    units = [unit for each in every for unit in each.nodes.values()]
    links = [link for each in every for link in each.connections.values()]
    return {
        "key": np.array([each.key for each in every], np.int64),
        "total": np.array([each.total for each in every], np.float64),
        "evaluations": np.array([each.evaluations for each in every], np.int64),
        "units": np.array([len(each.nodes) for each in every], np.int64),
        "links": np.array([len(each.connections) for each in every], np.int64),
        "unit": np.array([unit.key for unit in units], np.int64),
        "bias": np.array([unit.bias for unit in units], np.float64),
        "link": np.array([link.key for link in links], np.int64).reshape(-1, 2),
        "weight": np.array([link.weight for link in links], np.float64),
        "enabled": np.array([link.enabled for link in links], np.bool_),
        "innovation": np.array([link.innovation for link in links], np.int64),
    }


KINDS = {"total": "f", "bias": "f", "weight": "f", "enabled": "b"}  # of numpy's dtypes; others: i


def decoded(state: Mapping[str, Array]) -> list[Genome]:
    """Return the genomes of `encoded` arrays. Raises ValueError if they do not fit together."""
    for name, array in state.items():
        if array.dtype.kind != KINDS.get(name, "i"):
            raise ValueError(f"{name} of the genomes is {array.dtype}")
    given = {name: array.tolist() for name, array in state.items()}
    units = zip(given["unit"], given["bias"], strict=True)
    genes = ("link", "weight", "enabled", "innovation")
    links = zip(*(given[name] for name in genes), strict=True)
    genomes = []
    each_genome = ("key", "total", "evaluations", "units", "links")
    for key, total, evaluations, many, count in zip(
        *(given[name] for name in each_genome), strict=True
    ):
        genome = Genome(key)
        genome.total, genome.evaluations = total, evaluations
        for _, (unit, bias) in zip(range(many), units, strict=False):
            genome.nodes[unit] = gene = Unit(unit)
            gene.bias = bias
        for _, (link, weight, enabled, innovation) in zip(range(count), links, strict=False):
            pair = tuple(link)
            genome.connections[pair] = gene = DefaultConnectionGene(pair, innovation)
            gene.weight, gene.enabled = weight, enabled
        genomes.append(genome)
    return genomes
