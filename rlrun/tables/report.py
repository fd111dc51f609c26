"""What a table has learnt, for people: pictures, the policy, its exact value, a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlrun.core.abilities import Tabular
from rlrun.core.types import Array, Spec
from rlrun.rules.planning import expected_return
from rlrun.tables.pictures import arrows, ends, grid_world, whole_table
from rlrun.tables.states import States

LISTED = 64  # states whose actions are listed in the log
PICTURED = 10  # seeds
LARGEST = 500_000  # values in a picture


class TableReport:
    """Describes the table of an agent; nothing here changes the agent.

    Args:
        agent: what is described.
        spec: its environment.
        seeds: the seed numbers.
        limit: steps after which an episode of an evaluation is cut.
    """

    def __init__(self, agent: Tabular, spec: Spec, seeds: Sequence[int], limit: int) -> None:
        self._agent, self._model, self._seeds, self._limit = agent, spec.model, seeds, limit
        self._states = States(spec)
        self._arrows = [] if self._model is None else arrows(self._model)
        self._ends = () if self._model is None else ends(self._model)

    def exact(self) -> Array | None:
        """``[seed]``, the expected return of an evaluation's episode; None without a model."""
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
        """A picture ``[height, width, colour]`` for each of the first seeds; none of huge tables.

        Of a grid world the values of its places and the actions that are taken there, otherwise
        the whole table.
        """
        values = self._agent.values[:PICTURED]
        if values[0].size > LARGEST:
            return []
        if self._model is None or self._model.grid is None:
            return [whole_table(each) for each in values]
        policy = self._agent.policy()[:PICTURED]
        return [
            grid_world(each, chosen, self._model.grid, self._arrows, self._ends)
            for each, chosen in zip(values, policy, strict=True)
        ]

    def text(self) -> str:
        """The policy of the first seed: arrows where there is a grid, else actions by state."""
        grid = self._model is not None and self._model.grid is not None
        if not grid and self._states.count > LISTED:
            return f"{self._states.count:,} states: too many to list"
        policy = self._agent.policy()[0]
        chosen = policy.argmax(-1)
        several = policy.max(-1) < 1
        if self._model is not None and self._model.grid is not None:
            signs = [
                "■" if s in self._ends else "?" if several[s] else self._arrows[action].sign
                for s, action in enumerate(chosen.tolist())
            ]
            rows, columns = self._model.grid
            lines = (" ".join(signs[r * columns : (r + 1) * columns]) for r in range(rows))
            return "\n".join(lines)
        return "  ".join(
            f"{self._states.name(s)}: {'any' if several[s] else action}"
            for s, action in enumerate(chosen.tolist())
        )

    def write(self, folder: Path) -> None:
        """``q_table.csv``: a row for each seed number and state, a column for each action.

        Where states alone have values the file is ``value_table.csv``, with one column. Impossible
        actions are left empty.
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
