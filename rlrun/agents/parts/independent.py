"""Several agents that learn by themselves: each is a row of the stack, as a seed is.

An agent for one takes them as more seeds: row ``seed * agents + agent``. To each of them the others
are a part of its environment, which changes while they learn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rlrun.core.abilities import CanCut, HasHistograms, LearnsLater, masks_used
from rlrun.core.rng import Purpose, sequence
from rlrun.core.types import Array, Mask, Metrics, Segment, SpaceKinds, Spec, State, Step


def spec_of_one(spec: Spec) -> Spec:
    """Return the specification for one of the agents."""
    return dataclasses.replace(spec, agents=())


def row_seeds(seeds: Sequence[int], spec: Spec) -> list[int]:
    """Return the seed numbers of all rows: one for each agent of each seed."""
    return [
        int(sequence(seed, Purpose.AGENTS, agent).generate_state(1, np.uint64)[0])
        for seed in seeds
        for agent in range(len(spec.agents))
    ]


class Independent:
    """An agent for one, whose rows are the agents of all seeds.

    An agent that has left takes steps without reward and without a future, which it learns from.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    several_agents: ClassVar[bool] = True

    def __init__(self, rows: Any, spec: Spec) -> None:
        """``rows`` is the agent for one, built for `row_seeds` and `spec_of_one`."""
        self._rows, self._names = rows, spec.agents
        self.uses_masks = masks_used(rows)
        self.first_update = rows.first_update if isinstance(rows, LearnsLater) else 0
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position: that of one of its agents."""

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, agent, ...]``."""
        masks = {} if legal is None or not self.uses_masks else {"legal": self._by_row(legal)}
        action: Array = self._rows.act(self._by_row(obs), step, explore=explore, **masks)
        by_agent = action.reshape(-1, len(self._names), *action.shape[1:])
        return by_agent.swapaxes(1, 2)

    def learn(self, t: Step, step: int) -> Metrics:
        """Process one vector step; metrics are means over the agents of a seed."""
        leaves = (t.discount == 0) if t.alive is None else ~t.alive | (t.discount == 0)
        last = t.last[..., None] | leaves
        given = (t.obs, t.action, t.reward, t.discount, t.next_obs, last)
        obs, action, reward, discount, next_obs, last = map(self._by_row, given)
        legal, next_legal = (
            None if each is None else self._by_row(each) for each in (t.legal, t.next_legal)
        )
        own = Step(
            obs, action, reward, discount, next_obs, last, legal=legal, next_legal=next_legal
        )
        metrics = self._rows.learn(own, step)
        for row, fault in self._rows.faults.items():
            seed, agent = divmod(row, len(self._names))
            if seed not in self.faults:
                self.faults[seed] = f"{fault} (agent {self._names[agent]})"
                self.freeze(seed)
        return {tag: self._of_seeds(values) for tag, values in metrics.items()}

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        if isinstance(self._rows, CanCut):
            self._rows.cut()

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed's agents, permanently."""
        self.faults.setdefault(position, "it was frozen")
        for agent in range(len(self._names)):
            self._rows.freeze(position * len(self._names) + agent)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, ``[seed, n]``, of all agents of a seed."""
        found = self._rows.histograms() if isinstance(self._rows, HasHistograms) else {}
        agents = len(self._names)
        return {name: np.reshape(each, (len(each) // agents, -1)) for name, each in found.items()}

    def _by_row(self, x: Array) -> Array:
        """Return ``x [seed, env, agent, ...]`` as ``[row, env, ...]``."""
        rows = np.ascontiguousarray(x.swapaxes(1, 2))
        return rows.reshape(-1, *rows.shape[2:])

    def _of_seeds(self, values: Any) -> Any:
        """Return the means ``[seed]`` of values ``[row]``, or counts, which agents share."""
        by_agent = values.reshape(-1, len(self._names))
        if isinstance(values, np.ndarray) and np.issubdtype(values.dtype, np.integer):
            return by_agent[:, 0]
        return by_agent.mean(-1)

    def state_dict(self) -> State:
        folded: State = _fold(self._rows.state_dict(), len(self._names))
        return folded

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rows.load_state_dict(_unfold(state))


def _fold(tree: Any, agents: int) -> Any:
    """Return a state whose arrays and lists ``[row]`` are ``[seed, agent]``."""
    if isinstance(tree, Segment):
        return Segment({name: _fold(each, agents) for name, each in tree.items()})
    if isinstance(tree, Mapping):
        return {name: _fold(each, agents) for name, each in tree.items()}
    if isinstance(tree, list):
        return [tree[start : start + agents] for start in range(0, len(tree), agents)]
    if getattr(tree, "ndim", 0):
        return tree.reshape(len(tree) // agents, agents, *tree.shape[1:])
    return tree


def _unfold(tree: Any) -> Any:
    """Return the state that `_fold` was given."""
    if isinstance(tree, Mapping):
        return {name: _unfold(each) for name, each in tree.items()}
    if isinstance(tree, list):
        return [each for of_seed in tree for each in of_seed]
    if getattr(tree, "ndim", 0):
        return tree.reshape(tree.shape[0] * tree.shape[1], *tree.shape[2:])
    return tree
