"""Feed-forward networks of any topology, one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Literal

Activation = Literal["sigmoid", "tanh", "relu"]
STEEP = 4.9
"""Of the sigmoid 1 / (1 + exp(-4.9 x)) of Stanley and Miikkulainen (2002, section 4)."""


def _sigmoid(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * STEEP * x))


def _relu(x: float) -> float:
    return max(x, 0.0)


ACTIVATIONS: Mapping[Activation, Callable[[float], float]] = {
    "sigmoid": _sigmoid,
    "tanh": math.tanh,
    "relu": _relu,
}


class Graph:
    """A network as a list of units, each after those that it gets its input from.

    Inputs have the keys -1, -2, ..., outputs 0, 1, ..., hidden units larger ones. The output of a
    hidden unit is the activation of its bias and weighted inputs; that of an output is their sum.

    Args:
        inputs, outputs: the numbers of each.
        biases: of the units, by key.
        links: (source, target, weight) of each link that is used.
        activation: that of hidden units.

    Raises:
        KeyError: a link joins units that do not exist.
        ValueError: there is a cycle.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        biases: Mapping[int, float],
        links: Iterable[tuple[int, int, float]],
        activation: Activation,
    ) -> None:
        into: dict[int, list[tuple[int, float]]] = {key: [] for key in biases}
        for source, target, weight in links:
            into[target].append((source, weight))
        places = {-1 - n: n for n in range(inputs)}  # in the list of all values, by key
        self._units: list[tuple[float, list[tuple[int, float]], bool]] = []
        sources = {key: [each for each, _ in before] for key, before in into.items()}
        for key in TopologicalSorter(sources).static_order():
            if key not in into:  # an input, whose value is given
                continue
            before = [(places[source], weight) for source, weight in into[key]]
            places[key] = inputs + len(self._units)
            self._units.append((biases[key], before, key >= outputs))
        self._outputs = [places[key] for key in range(outputs)]
        self._activation = ACTIVATIONS[activation]

    def __call__(self, values: list[float]) -> list[float]:
        """Return the outputs for the values of the inputs."""
        values = values.copy()
        for total, before, hidden in self._units:
            for place, weight in before:
                total += weight * values[place]
            values.append(self._activation(total) if hidden else total)
        return [values[place] for place in self._outputs]
