"""Reports of a learnt table: pictures, the policy, its exact value, a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlrun.core.abilities import Tabular
from rlrun.core.types import Array, Spec
from rlrun.rules.planning import expected_return
from rlrun.tables.marks import Marks, arrows, ends, marks
from rlrun.tables.pictures import grid_world, whole_table
from rlrun.tables.states import States

MAX_LISTED = 64  # states up to which the log lists their actions
MAX_PICTURES = 10  # seeds with a picture
MAX_VALUES = 500_000  # values up to which a picture is drawn


class TableReport:
    """Reports on the table of an agent, which it does not change.

    Args:
        agent: the tabular agent.
        spec: the specification of its environment.
        seeds: the seed numbers.
        limit: steps after which an evaluation episode is truncated.
    """

    def __init__(self, agent: Tabular, spec: Spec, seeds: Sequence[int], limit: int) -> None:
        self._agent, self._model, self._seeds, self._limit = agent, spec.model, seeds, limit
        self._states = States(spec)
        self._arrows = [] if self._model is None else arrows(self._model)
        self._ends = () if self._model is None else ends(self._model)
        self._marks = Marks() if self._model is None else marks(self._model)

    def exact(self) -> Array | None:
        """Return the exact expected return ``[seed]`` of an evaluation episode, or None.

        It needs a model of the environment.
        """
        model = self._model
        if model is None:
            return None
        return expected_return(
            model.probability,
            model.next_state,
            model.reward,
            model.alive,
            model.start,
            self._agent.policy(),
            self._limit,
        )

    def pictures(self) -> list[Array]:
        """Return a picture ``[height, width, colour]`` for each of the first `MAX_PICTURES` seeds.

        For a grid world it shows the values and actions of its cells, otherwise the whole table.
        The list is empty if the table is too large.
        """
        values = self._agent.values[:MAX_PICTURES]
        if values[0].size > MAX_VALUES:
            return []
        if self._model is None or self._model.grid is None:
            return [whole_table(each) for each in values]
        policy = self._agent.policy()[:MAX_PICTURES]
        return [
            grid_world(each, allowed, self._model.grid, self._arrows, self._ends, self._marks)
            for each, allowed in zip(values, policy, strict=True)
        ]

    def text(self) -> str:
        """Return the policy of the first seed: arrows on a grid, else the action of each state."""
        grid = self._model is not None and self._model.grid is not None
        if not grid and self._states.count > MAX_LISTED:
            return f"{self._states.count:,} states: too many to list"
        policy = self._agent.policy()[0]
        actions = policy.argmax(-1)
        several = policy.max(-1) < 1
        if self._model is not None and self._model.grid is not None:
            signs = [
                "■" if s in self._ends else "?" if several[s] else self._arrows[action].sign
                for s, action in enumerate(actions.tolist())
            ]
            rows, columns = self._model.grid
            lines = (" ".join(signs[r * columns : (r + 1) * columns]) for r in range(rows))
            return "\n".join(lines)
        return "  ".join(
            f"{self._states.name(s)}: {'any' if several[s] else action}"
            for s, action in enumerate(actions.tolist())
        )

    def write(self, folder: Path) -> None:
        """Write ``q_table.csv``: a row per seed number and state, a column per action.

        A table of state values is written as ``value_table.csv``, with one column of values.
        Cells of impossible actions are empty.
        """
        values = self._agent.values
        actions = values.shape[-1]
        titles = [f"action_{a}" for a in range(actions)] if actions > 1 else ["value"]
        path = folder / ("q_table.csv" if actions > 1 else "value_table.csv")
        with path.open("w", newline="", encoding="ascii") as file:
            writer = csv.writer(file)
            writer.writerow(["seed", "state", *titles])
            for seed, table in zip(self._seeds, values, strict=True):
                for s, row in enumerate(table):
                    cells = ["" if value == -np.inf else value for value in row.tolist()]
                    writer.writerow([seed, self._states.name(s), *cells])
