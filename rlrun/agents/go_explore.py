"""Go-Explore: an archive of the states found, to which episodes return before they explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from rlrun.agents.parts.archive import Archive
from rlrun.agents.parts.cells import Cells
from rlrun.agents.parts.expedition import Expedition
from rlrun.agents.parts.trajectories import action_dtype
from rlrun.agents.parts.uniform import first_legal, is_legal, uniform_actions
from rlrun.core.errors import BadInput
from rlrun.core.fields import Count, Fraction, NonNegative, PerRow, Range
from rlrun.core.restore import restore_into
from rlrun.core.rng import Generators, Purpose, Streams
from rlrun.core.rows import column, of_row
from rlrun.core.schedules import due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step

METRICS_EVERY = 100  # steps


@dataclass(frozen=True, kw_only=True)
class GoExploreSettings:
    """The settings of `GoExplore`."""

    repeat: PerRow[Fraction] = 0.0
    """Probability that an exploring action repeats the last one.

    It is 0.95 for Atari games in Ecoffet et al. (2021).
    """
    counts: Literal["chosen", "visited"] = "chosen"
    """What lowers a cell's weight: how often it was chosen, or visited.

    Choices are those since its best trajectory was found, visits are exploring steps.
    """
    power: PerRow[NonNegative] = 0.5
    """Exponent p of a cell's weight, 1 / (n + 1)^p with its count n."""
    height: Count = 8
    """Rows to which an image is scaled down in its cell."""
    width: Count = 11
    """Columns to which an image is scaled down in its cell."""
    levels: Annotated[int, Range(least=2, most=256)] = 8
    """Brightnesses of an image in its cell."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if episodes begin differently, or continuous observations lack bins."""
        if not spec.same_episodes:
            raise BadInput(
                "agent=go_explore returns to a state by repeating the actions that led there, so "
                "all training episodes of a seed must begin alike: write env.episode_seed=fixed.",
                "env.episode_seed",
            )
        self.cells(spec)

    def cells(self, spec: Spec) -> Cells:
        """Return the map from observations to cells."""
        return Cells(spec, self.height, self.width, self.levels)


class GoExplore:
    """Return to a cell of the archive by its actions, then explore at random (Ecoffet et al. 2021).

    An episode begins with the stored actions to a cell drawn from the archive; from there on its
    actions are random, until it ends. Each cell that it reaches so is stored if it is new, or if
    the return is better than that of its trajectory, or equal in fewer steps. The state in which an
    episode ends is no cell: nothing can be explored from it. Steps spent returning are steps.

    The environments of a seed share its archive. The policy is the best episode: its actions, one
    after the other, regardless of observations; after them, and where one is not legal, the first
    action.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[GoExploreSettings]] = GoExploreSettings

    def __init__(self, spec: Spec, seeds: Sequence[int], settings: GoExploreSettings) -> None:
        self._space, self._grid = spec.action, (len(seeds), spec.num_envs)
        self._cells, self._repeat = settings.cells(spec), column(settings.repeat, 2)
        self._dtype = np.dtype(np.float32 if spec.action.kind == "vector" else np.int64)
        self._last_action = np.zeros((*self._grid, *spec.action.shape), self._dtype)
        self._explored = np.zeros(self._grid, np.bool_)  # in the last step of the same episode
        self._draws = Streams(seeds, Purpose.EXPLORE)
        self._choices = Generators(seeds, Purpose.SEARCH)
        self._seeds = [
            Expedition(
                Archive(of_row(settings.power, position), settings.counts == "chosen"),
                spec.num_envs,
                self._choices[position].random,
                np.zeros((0, *spec.action.shape), action_dtype(spec.action)),
                np.zeros((0, self._cells.size), self._cells.dtype),
            )
            for position in range(len(seeds))
        ]

    def initial_memory(self, num_envs: int) -> Array:
        """Return the number of actions taken in each episode, ``[seed, env]``."""
        return np.zeros((self._grid[0], num_envs), np.int64)

    def act(
        self,
        obs: Array,
        step: int,
        memory: Array,
        first: Array,
        *,
        explore: bool = True,
        legal: Mask = None,
    ) -> tuple[Array, Array]:
        """Return actions ``[seed, env, ...]``, and the number of actions taken then."""
        time = np.where(first, 0, memory)
        return (self._next(legal) if explore else self._replayed(time, legal)), time + 1

    def _next(self, legal: Mask) -> Array:
        """Return the actions that return to a cell, or explore."""
        space, numbers = self._space, int(np.prod(self._space.shape))
        draw = self._draws.uniform(self._grid[1] * (1 + numbers)).reshape(*self._grid, -1)
        action = uniform_actions(space, draw[..., 1:].reshape(self._last_action.shape), legal)
        action = action.astype(self._dtype, copy=False)
        repeat = self._explored & (draw[..., 0] < self._repeat)
        if legal is not None:
            repeat &= is_legal(space, self._last_action, legal).all(-1)
        action[repeat] = self._last_action[repeat]
        for position, seed in enumerate(self._seeds):
            for env, walk in enumerate(seed.walks):
                if walk.returning:
                    action[position, env] = walk.plan[walk.time]
        return action

    def _replayed(self, time: Array, legal: Mask) -> Array:
        """Return the actions of the best episodes at these times ``[seed, env]``."""
        action: Array = np.zeros((*time.shape, *self._space.shape), self._dtype)
        for position, seed in enumerate(self._seeds):
            within = time[position] < len(seed.policy)
            action[position, within] = seed.policy[time[position, within]]
        return action if legal is None else first_legal(self._space, action, legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the cells that were reached to the archive; where an episode ended, choose a cell."""
        keys, rewards, last = self._cells(t.next_obs), t.reward.tolist(), t.last.tolist()
        for position, seed in enumerate(self._seeds):
            if seed.frozen:
                continue
            if not len(seed.archive):
                seed.begin(self._cells(t.obs)[position])
            for env, walk in enumerate(seed.walks):
                ends, action = last[position][env], t.action[position, env]
                self._explored[position, env] = walk.known and not (walk.returning or ends)
                if ends:
                    seed.end(env, action, float(t.score[position, env]), step)
                else:
                    seed.add(env, action, rewards[position][env], keys[position][env])
        self._last_action = t.action.astype(self._dtype, copy=False)
        return self._metrics(step) if due(step, METRICS_EVERY, self._grid[1]) else {}

    def _metrics(self, step: int) -> Metrics:
        seeds = self._seeds
        found = np.array([each.found for each in seeds])
        return {
            "archive/cells": np.array([len(each.archive) for each in seeds]),
            "archive/best_return": np.array([each.best for each in seeds]),
            "archive/steps_to_best": found[:, 0],
            "archive/explored_to_best": found[:, 1],
            "archive/return_share": np.array([each.returned for each in seeds]) / step,
            "archive/missed": np.array([each.missed for each in seeds]),
        }

    def cut(self) -> None:
        """Drop the episodes under way: the next step does not follow the last one."""
        for seed in self._seeds:
            seed.forget()
        self._explored[...] = False

    def freeze(self, position: int) -> None:
        """Freeze the archive and the policy of a seed, permanently."""
        self._seeds[position].frozen = True
        self._seeds[position].forget()
        self._explored[position] = False

    def state_dict(self) -> State:
        return {
            "policy": {"actions": [each.policy for each in self._seeds]},
            "expeditions": [each.state_dict() for each in self._seeds],
            "last_action": self._last_action,
            "explored": self._explored,
            "draws": self._draws.state_dict(),
            "choices": self._choices.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        saved = zip(state["expeditions"], state["policy"]["actions"], strict=True)
        for seed, (each, policy) in zip(self._seeds, saved, strict=True):
            seed.load_state_dict(each, policy)
        restored = np.zeros_like(self._last_action)  # the old array may belong to the last step
        restore_into(restored, state["last_action"], "the last actions")
        self._last_action = restored
        restore_into(self._explored, state["explored"], "which steps explored")
        self._draws.load_state_dict(state["draws"])
        self._choices.load_state_dict(state["choices"])
