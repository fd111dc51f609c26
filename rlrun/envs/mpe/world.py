"""The particle world (Mordatch and Abbeel 2018; Lowe et al. 2017): discs that move, push and speak.

The environments are the last axis of every array inside, so that numpy's inner loops are long.
Every sum over entities is written out in the order of the library `mpe2`, since numpy adds in
another order when there is one environment than when there are many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

import numpy as np

from rlrun.core.types import Array

DT = np.array(0.1)  # seconds; arrays without axes, by which numpy multiplies fastest
KEPT = np.array(1 - 0.25)  # the share of a velocity that damping leaves after a step
CONTACT_FORCE = np.array(1e2)
CONTACT_MARGIN = np.array(1e-3)
MOVES = np.array([[0.0, -1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0, 1.0]])
"""Stay, left, right, down and up: directions ``[axis, move]``."""

Shown: TypeAlias = list[tuple[int, int]]
"""Numbers of an observation, each the difference of two rows of `World.rows`."""


class Agent(NamedTuple):
    """What distinguishes an agent from others; the defaults are those of `mpe2`."""

    name: str
    size: float = 0.05
    """Its radius."""
    collides: bool = False
    strength: float = 5.0
    """The force of a move; 0 for an agent that cannot move, which must not collide."""
    max_speed: float = np.inf
    words: int = 0
    """The number of words it can say; 0 for a silent one. Those who speak have the same number."""


class Landmark(NamedTuple):
    """A thing that stays where an episode puts it."""

    size: float = 0.05
    collides: bool = False


class World:
    """``num_envs`` worlds with the same agents and landmarks.

    Entities are numbered: agents in their order, then landmarks.

    Args:
        num_envs: the number of worlds.
        continuous: actions are numbers for each move and each word, instead of choices.
        agents: those who act.
        landmarks: what else there is.
        clues: the number of further values that a task keeps of an episode, such as a goal.
    """

    def __init__(
        self,
        num_envs: int,
        continuous: bool,
        agents: Sequence[Agent],
        landmarks: Sequence[Landmark],
        clues: int = 0,
    ) -> None:
        self._continuous = continuous
        self._agents, entities = len(agents), len(agents) + len(landmarks)
        self._moves = np.array([[5 if agent.strength else 1] for agent in agents])  # [agent, 1]
        words = np.array([agent.words for agent in agents])
        self._speakers, self._words = words.nonzero()[0], int(words.max())
        counts = (1, 2 * entities, 2 * len(agents), len(self._speakers) * self._words, clues)
        self._first = np.cumsum((0, *counts)).tolist()  # of nothing, places, velocities, ...
        self.rows = np.zeros((self._first[-1], num_envs))
        """All that changes, ``[row, env]``. Row 0 stays 0; the others are parts with names."""
        parts = np.split(self.rows, self._first[1:-1])
        self.place: Array = parts[1].reshape(2, entities, num_envs)
        """Positions ``[axis, entity, env]``."""
        self._velocity = parts[2].reshape(2, len(agents), num_envs)
        self._said = parts[3].reshape(len(self._speakers), self._words, num_envs)
        self.clue = parts[4]
        """What the task keeps, ``[clue, env]``."""
        self._force = np.zeros_like(self._velocity)
        self._strength = np.array([[agent.strength] for agent in agents])  # [agent, 1]
        self._max_speed = np.array([[agent.max_speed] for agent in agents])
        self._limited = bool(np.isfinite(self._max_speed).any())
        self._contacts(agents, [*agents, *landmarks])
        move, word = self._moves[:, 0], words
        widths = move * (move > 1) + word if continuous else move * np.maximum(word, 1)
        self.action_widths: tuple[int, ...] = tuple(widths.tolist())
        """Choices, or numbers, of each agent's action."""

    def _contacts(self, agents: Sequence[Agent], entities: Sequence[Agent | Landmark]) -> None:
        """Number the pairs that can touch; only agents are pushed."""
        solid = [number for number, entity in enumerate(entities) if entity.collides]
        pairs = [(a, b) for a, b in combinations(solid, 2) if a < len(agents)]
        self._pairs = np.array(pairs, np.int64).reshape(-1, 2).T.copy()  # [side, pair]
        self._touching = np.array([[entities[a].size + entities[b].size] for a, b in pairs])
        # By whom each agent is pushed: a pair's force, its opposite, or the 0 after these.
        self._push = np.full((len(entities), len(agents)), 2 * len(pairs))  # [entity, agent]
        for number, (a, b) in enumerate(pairs):
            self._push[b, a] = number
            if b < len(agents):
                self._push[a, b] = len(pairs) + number
        self._push = self._push[solid]

    def show(self, shown: Sequence[Shown]) -> tuple[Array, tuple[int, ...]]:
        """Define what each agent observes.

        Returns the observations, float32 ``[env, agent, width]``, which `refresh` and `step`
        write, padded with zeros behind the numbers of each agent, and the widths without padding.
        """
        widths = tuple(map(len, shown))
        padded = [one + [(0, 0)] * (max(widths) - len(one)) for one in shown]
        self._plus, self._minus = np.array(padded, np.int64).reshape(-1, 2).T.copy()
        envs = self.rows.shape[1]
        obs = np.zeros((envs, self._agents, max(widths)), np.float32)
        self._shown = obs.reshape(envs, -1).T  # [agent * width, env]
        return obs, widths

    def relative(self, entities: Iterable[int], to: int) -> Shown:
        """Where entities are, as an agent observes them."""
        here = self.position(to)
        return [
            (there, origin)
            for entity in entities
            for (there, _), (origin, _) in zip(self.position(entity), here, strict=True)
        ]

    def position(self, entity: int) -> Shown:
        first, entities = self._first[1], self.place.shape[1]
        return [(first + entity, 0), (first + entities + entity, 0)]

    def velocity(self, agent: int) -> Shown:
        first = self._first[2]
        return [(first + agent, 0), (first + self._agents + agent, 0)]

    def heard(self, agent: int) -> Shown:
        """What one agent has said; `Agent.words` must not be 0."""
        first = self._first[3] + self._speakers.tolist().index(agent) * self._words
        return [(first + word, 0) for word in range(self._words)]

    def clues(self, first: int, count: int) -> Shown:
        return [(self._first[4] + first + number, 0) for number in range(count)]

    def begin(self, env: int, place: Array) -> None:
        """Put the entities of one world at ``place [entity, axis]``, at rest and in silence."""
        self.rows[:, env] = 0.0
        self.place[:, :, env] = place.T

    def refresh(self, env: int) -> None:
        """Write the observations of one world, whose episode has begun."""
        row = self.rows[:, env]
        self._shown[:, env] = row[self._plus] - row[self._minus]

    def step(self, action: Array) -> None:
        """Move, speak and write the observations; ``action [env, agent]``, or ``[..., number]``."""
        (self._act if self._continuous else self._choose)(action)
        if len(self._touching):
            self._collide()
        # Positions move by the old velocities. All masses are 1.
        velocity = self._velocity
        self.place[:, : self._agents] += velocity * DT
        velocity *= KEPT
        self._force *= DT
        velocity += self._force
        if self._limited:
            speed = length(velocity)
            fast = speed > self._max_speed
            if np.count_nonzero(fast):
                np.divide(velocity, speed, out=velocity, where=fast)
                np.multiply(velocity, self._max_speed, out=velocity, where=fast)
        plus, minus = self.rows.take(self._plus, 0), self.rows.take(self._minus, 0)
        np.subtract(plus, minus, out=self._shown, casting="same_kind")

    def _choose(self, action: Array) -> None:
        """Take choices: the word, multiplied by the number of moves, plus the move."""
        move = action.T
        if len(self._speakers):
            word, move = np.divmod(move, self._moves)  # [agent, env]
            self._said[:] = word[self._speakers, None] == np.arange(self._words)[:, None]
        np.multiply(MOVES.take(move, 1), self._strength, out=self._force)

    def _act(self, action: Array) -> None:
        """Take numbers: those of five moves if the agent can move, then those of its words."""
        turn = action[..., 2:5:2] - action[..., 1:5:2]  # [env, agent, axis], in float32 as given
        np.multiply(turn.T, self._strength, out=self._force)
        for number, agent in enumerate(self._speakers):
            first = 5 if self._moves[agent, 0] > 1 else 0
            self._said[number] = action[:, agent, first : first + self._words].T

    def _collide(self) -> None:
        """Add the forces of contacts, a soft maximum of 0 and the depth of penetration."""
        one, other = self._pairs
        apart = self.place.take(one, 1) - self.place.take(other, 1)  # [axis, pair, env]
        distance = length(apart)
        depth = np.logaddexp(0.0, (self._touching - distance) / CONTACT_MARGIN) * CONTACT_MARGIN
        pairs = len(self._touching)
        forces = np.zeros((2, 2 * pairs + 1, apart.shape[-1]))
        np.multiply(CONTACT_FORCE * apart / distance, depth, out=forces[:, :pairs])
        np.negative(forces[:, :pairs], out=forces[:, pairs:-1])
        for pushes in self._push:
            self._force += forces.take(pushes, 1)


def check_count(name: str, count: int, least: int = 1) -> None:
    """Check an argument that is a number of entities; raises a ValueError."""
    if count < least:
        raise ValueError(f"{name} must be at least {least}, not {count}")


def check_ratio(local_ratio: float) -> None:
    """Check the weight of a local reward; raises a ValueError."""
    if not 0.0 <= local_ratio <= 1.0:
        raise ValueError(f"local_ratio is a weight from 0 to 1, not {local_ratio}")


def length(vector: Array) -> Array:
    """Lengths ``[...]`` of vectors ``[axis, ...]``."""
    length: Array = np.sqrt(squared_length(vector))
    return length


def squared_length(vector: Array) -> Array:
    squares = np.square(vector)
    total: Array = squares[0] + squares[1]
    return total
