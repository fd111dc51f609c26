"""NEAT: networks whose topology evolves with their weights (Stanley and Miikkulainen 2002)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rlrun.agents.parts.generations import Generations, check_busy
from rlrun.agents.parts.graph import STEEP, Activation, Graph
from rlrun.core.errors import BadInput
from rlrun.core.fields import Count, Fraction, NonNegative, PerRow, Positive, Share
from rlrun.core.rows import of_row
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.direct_policy import DirectActions

if TYPE_CHECKING:
    from rlrun.agents.parts.genomes import Genome
    from rlrun.agents.parts.population import Population

LIMIT = 30.0  # of weights and biases, so that they stay finite
KEPT_SPECIES = 2  # that do not die out, as in section 3.3 of the paper


@dataclass(frozen=True, kw_only=True)
class NEATSettings:
    """The settings of `NEAT`; the numbers of the paper are those of its section 4."""

    population: Count = 150
    """Networks of a generation."""
    episodes: Count = 1
    """Episodes of each network in a generation; its fitness is their mean return."""
    activation: Activation = "sigmoid"
    """Activation of the hidden units: sigmoid, as steep as in the paper, tanh or relu."""
    start: PerRow[NonNegative] = 2.0
    """Standard deviation of new weights and biases."""
    mutate: PerRow[Fraction] = 0.8
    """Probability that a weight of a child is changed by noise."""
    noise: PerRow[Positive] = 0.5
    """Standard deviation of that noise."""
    replace: PerRow[Fraction] = 0.1
    """Probability that a weight of a child is drawn anew."""
    add_unit: PerRow[Fraction] = 0.03
    """Probability that a child has a new unit, which splits a link."""
    add_link: PerRow[Fraction] = 0.05
    """Probability that a child has a new link."""
    threshold: PerRow[Positive] = 3.0
    """Distance of two networks from which on they are of different species."""
    structure: PerRow[NonNegative] = 1.0
    """What a link that only one of two networks has adds to their distance (c1 and c2)."""
    weights: PerRow[NonNegative] = 0.4
    """Factor of the mean difference of weights in the distance (c3)."""
    stagnation: Count = 15
    """Generations without a better network after which a species dies out; the two best remain."""
    parents: PerRow[Share] = 0.2
    """Fraction of a species that are parents, the best of them."""

    def __post_init__(self) -> None:
        if np.any(self.mutate + self.replace > 1):
            raise ValueError(
                f"replace must be at most 1 - mutate={self.mutate}: a weight is changed by noise "
                f"or drawn anew, got {self.replace}"
            )

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput without the package, or ValueError if environments would be idle."""
        if importlib.util.find_spec("neat") is None:
            raise BadInput(
                "agent=neat needs the package neat-python: pip install 'neat-python>=2'."
            )
        check_busy(spec, self.population, self.episodes)

    def parameters(self, position: int, inputs: int, outputs: int) -> dict[str, dict[str, Any]]:
        """Return the parameters of neat-python for the seed at a position, by section."""
        values = {
            "init_mean": 0.0,
            "init_stdev": of_row(self.start, position),
            "mutate_rate": of_row(self.mutate, position),
            "mutate_power": of_row(self.noise, position),
            "replace_rate": of_row(self.replace, position),
            "max_value": LIMIT,
            "min_value": -LIMIT,
        }
        genome = {
            **{
                f"{each}_{name}": value
                for each in ("weight", "bias")
                for name, value in values.items()
            },
            "num_inputs": inputs,
            "num_outputs": outputs,
            "num_hidden": 0,
            "feed_forward": True,
            "initial_connection": "full_nodirect",  # of all inputs with all outputs
            "compatibility_disjoint_coefficient": of_row(self.structure, position),
            "compatibility_weight_coefficient": of_row(self.weights, position),
            "conn_add_prob": of_row(self.add_link, position),
            "conn_delete_prob": 0.0,
            "node_add_prob": of_row(self.add_unit, position),
            "node_delete_prob": 0.0,
            "enabled_default": True,
            "enabled_mutate_rate": 0.0,
        }
        return {
            "genome": genome,
            "species": {"compatibility_threshold": of_row(self.threshold, position)},
            "stagnation": {
                "species_fitness_func": "max",
                "max_stagnation": self.stagnation,
                "species_elitism": KEPT_SPECIES,
            },
            "reproduction": {
                "elitism": 1,  # the champion of each species
                "survival_threshold": of_row(self.parents, position),
                "min_species_size": 1,
            },
        }


class NEAT:
    """Evolve the topology and the weights of small networks, divided into species.

    The networks begin without hidden units, all inputs linked to all outputs. Mutations add units
    and links, whose innovation numbers show which genes of two parents correspond. Networks
    compete within species, so that a new topology has time to be optimised. There are no cycles.

    The champion of each species remains and is evaluated again. The policy is the one with the
    best mean of all its evaluations, among those of the generation that had more than one.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[NEATSettings]] = NEATSettings

    def __init__(self, spec: Spec, seeds: Sequence[int], settings: NEATSettings) -> None:
        from rlrun.agents.parts.population import Population  # of an optional package

        self._spec, self._actions = spec, DirectActions(spec.action)
        self._activation = settings.activation
        self._size = spec.obs.shape[0], self._actions.outputs
        self._populations: list[Population] = [
            Population(seed, settings.population, **settings.parameters(position, *self._size))
            for position, seed in enumerate(seeds)
        ]
        self._generations = Generations(
            len(seeds), spec.num_envs, settings.population, settings.episodes
        )
        self.faults = self._generations.faults
        self._policy: list[Genome] = [each.genomes[0] for each in self._populations]
        for position in range(len(seeds)):
            self._generations.begin(position)
        self._build()

    def _build(self) -> None:
        """Build all networks anew."""
        self._greedy = [self._network(genome) for genome in self._policy]
        self._individuals = [[self._network(each) for each in p.genomes] for p in self._populations]
        seeds = range(len(self._populations))
        self._players = [self._seated(position) for position in seeds]
        self._topology = self._counted()

    def _network(self, genome: Genome) -> Graph:
        return genome.network(*self._size, self._activation)

    def _seated(self, position: int) -> list[Graph]:
        """Return the networks that play in the environments of a seed."""
        individuals = self._individuals[position]
        return [individuals[each] for each in self._generations.players(position)]

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        lead = obs.shape[:2]
        nets = self._players if explore else [[each] * lead[1] for each in self._greedy]
        values = obs.astype(np.float64).tolist()
        out = np.array(
            [
                [net(each) for net, each in zip(*row, strict=True)]
                for row in zip(nets, values, strict=True)
            ]
        )  # [seed, env, output]
        if self._spec.action.kind == "vector":
            # the sigmoid of the paper, from -1 to 1 instead of 0 to 1
            out = np.tanh(0.5 * STEEP * out).astype(np.float32)
        return self._actions(out, legal).reshape(*lead, *self._spec.action.shape)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; where a generation has ended, begin the next one."""
        for position, fitness in self._generations.add(t):
            if fitness is not None:
                self._advance(position, fitness)
            self._players[position] = self._seated(position)
        return {**self._generations.metrics(), **self._topology}

    def _advance(self, position: int, fitness: Array) -> None:
        """Choose the policy of a seed and begin its next generation."""
        if not np.isfinite(fitness).all():
            self.faults.setdefault(position, "a return of its policies is not finite")
            return
        population = self._populations[position]
        self._policy[position] = population.advance(fitness)
        self._greedy[position] = self._network(self._policy[position])
        self._individuals[position] = [self._network(each) for each in population.genomes]
        self._generations.begin(position)
        self._topology = self._counted()

    def _counted(self) -> Metrics:
        """Return the numbers of species, and of hidden units and links of the policies."""
        units = [len(each.nodes) - self._size[1] for each in self._policy]
        links = [sum(link.enabled for link in each.connections.values()) for each in self._policy]
        return {
            "train/species": np.array([each.species for each in self._populations]),
            "train/hidden_units": np.array(units),
            "train/links": np.array(links),
        }

    def cut(self) -> None:
        """Play the unfinished episodes anew: the next step does not follow the last one."""
        self._generations.cut()

    def freeze(self, position: int) -> None:
        """Freeze the policy of a seed, permanently."""
        self._generations.freeze(position)

    def state_dict(self) -> State:
        from rlrun.agents.parts.genomes import encoded

        return {
            "policy": {"genome": [encoded([each]) for each in self._policy]},
            "populations": [each.state_dict() for each in self._populations],
            **self._generations.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        from rlrun.agents.parts.genomes import decoded

        genomes = [decoded(each) for each in state["policy"]["genome"]]
        self._policy = [genome for (genome,) in genomes]
        for population, each in zip(self._populations, state["populations"], strict=True):
            population.load_state_dict(each)
        self._generations.load_state_dict(state)
        self._build()
