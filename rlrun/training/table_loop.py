"""The compiled twin of `loop.interact`, for agents with a table in environments that are tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.abilities import LearnsInBlocks
from rlrun.core.types import Array, Metrics
from rlrun.envs.table_envs import TableEnvs
from rlrun.explore.policies import EpsilonGreedy
from rlrun.loop import Block
from rlrun.tables.compiled import run
from rlrun.tables.learner import TAKEN, Learner

SLOW_EVERY = 100  # steps between reports of the metrics that change slowly, as of the agents
MOST = 1_000_000  # environment steps in a block, about 0.1 s: a signal waits for its end
LARGEST = 1e100  # magnitude of rewards and values; with larger ones, results may be infinite


class World(NamedTuple):
    """The environments: `rlrun.envs.outcomes`, and their states."""

    bounds: Array
    first: Array
    next_state: Array
    terminates: Array
    starts: Array
    start_bounds: Array
    true_reward: Array
    reward: Array
    """``[seed, outcome]``, or ``[1, outcome]`` for all seeds: what agents learn from."""
    discount: Array
    """Likewise."""
    limit: int
    state: Array
    """``[seed, env]``, which changes in place, like the next two."""
    returns: Array
    length: Array


class Draws(NamedTuple):
    """Random numbers and the schedule."""

    explore: Array
    """``[time, number, seed]``, the explorer's."""
    chance: Array
    """``[time, number, seed]``, those of the environments."""
    epsilon: Array
    """``[time + 1, seed]``, or ``[time + 1, 1]`` for all seeds: also after the last step."""


class Results(NamedTuple):
    """What is logged, in arrays to fill."""

    slow: Array
    """``[time]``, bool, which is given: the steps with a `value`."""
    error: Array
    """Absolute errors ``[time, seed, env]``; with `TAKEN`, their means ``[time, seed, 1]``."""
    value: Array
    """``[slow time, seed, env]``: what the values of the pairs are after the step."""
    score: Array
    """``[seed, episode]``: the returns of the episodes that ended."""
    length: Array
    ended: Array
    """``[seed]``: how many they are."""


class TableLoop:
    """Acts, steps and learns in compiled code, for as many steps at once as nothing else is due.

    Every number is that of `loop.interact`, bit for bit, and between two blocks agent and
    environments are in the same state.
    """

    def __init__(self, agent: LearnsInBlocks, envs: TableEnvs) -> None:
        self._agent, self._envs = agent, envs
        (learner, explorer), (seeds, stride) = self._parts(), envs.obs.shape
        self._most = max(1, min(MOST // envs.obs.size, explorer.streams.left(explorer.count)))
        self._results = _empty(envs.obs.shape, self._most, learner.bootstrap)
        none = Draws(
            np.empty((0, 2 * stride, seeds)), np.empty((0, stride, seeds)), np.empty((1, 1))
        )
        self._run(0, none, np.empty(0, np.bool_))  # loads the code, before anything is timed

    def interact(
        self, step: int, until: Callable[[int], int]
    ) -> Iterator[tuple[int, Block, Metrics]]:
        """Act, step and learn endlessly; yield the step after a block, its episodes and metrics.

        No block passes ``until(step)``. The arrays are overwritten by the next block.
        """
        envs, (_, explorer) = self._envs, self._parts()
        while True:
            number = min(self._most, -(-(until(step) - step) // envs.per_seed))
            for streams, count in ((explorer.streams, explorer.count), (envs.streams, envs.count)):
                number = min(number, streams.left(count))
            steps = step + np.arange(number + 1) * envs.per_seed
            draws = Draws(
                explore=explorer.streams.draws(explorer.count, number),
                chance=envs.streams.draws(envs.count, number),
                epsilon=explorer.epsilon.many(steps),
            )
            results = self._run(step, draws, np.diff(steps // SLOW_EVERY) > 0)
            step = int(steps[-1])
            block = Block(results.score, results.length, results.ended)
            yield step, block, _metrics(results, draws.epsilon[1:])

    def _run(self, step: int, draws: Draws, slow: Array) -> Results:
        """Do as many steps as there are draws, after ``step``."""
        learner, world, r = self._parts()[0], _world(self._envs), self._results
        error, value = r.error[: len(slow)], r.value[: np.count_nonzero(slow)]
        results = r._replace(slow=slow, error=error, value=value)
        results.ended[:] = 0
        arrays: tuple[Any, ...] = (*learner, *world, *draws, *results)
        run(step, *arrays)
        self._envs.place(world.state, world.returns, world.length)
        return results

    def _parts(self) -> tuple[Learner, EpsilonGreedy]:
        parts = self._agent.learner()
        assert parts is not None
        return parts


def suited(learner: Learner, envs: TableEnvs) -> bool:
    """Return whether compiled code can do the same in these environments."""
    model = envs.spec.model
    if envs.spec.obs.kind != "discrete" or model is None:
        return False
    values = learner.q[np.isfinite(learner.q)], envs.learnt_reward, envs.outcomes.reward
    finite = all(np.abs(each).max() < LARGEST for each in values)
    return finite and (model.has_masks or not envs.spec.masked)


def _world(envs: TableEnvs) -> World:
    o = envs.outcomes
    state, returns, length = envs.now()
    return World(
        bounds=o.bounds,
        first=o.first,
        next_state=o.next_state,
        terminates=o.terminates,
        starts=o.starts,
        start_bounds=o.start_bounds,
        true_reward=o.reward,
        reward=envs.learnt_reward,
        discount=envs.discounts,
        limit=envs.limit,
        state=state,
        returns=returns,
        length=length,
    )


def _empty(shape: tuple[int, ...], most: int, bootstrap: int) -> Results:
    """Return arrays for so many steps at most."""
    seeds, envs = shape
    return Results(
        slow=np.empty(most, np.bool_),
        error=np.empty((most, seeds, 1 if bootstrap == TAKEN else envs)),
        value=np.empty((most, seeds, envs)),
        score=np.empty((seeds, most * envs)),
        length=np.empty((seeds, most * envs)),
        ended=np.empty(seeds, np.int64),
    )


def _metrics(results: Results, epsilon: Array) -> Metrics:
    """Return the metrics of an agent by tag, ``[time, seed]``."""
    metrics = {"train/td_error": _mean(results.error)}
    if len(results.value):
        metrics["train/q_mean"] = mean = _mean(results.value)
        metrics["rollout/exploration_rate"] = np.broadcast_to(epsilon[results.slow], mean.shape)
    return metrics


def _mean(values: Array) -> Array:
    """Return means over the last axis."""
    mean: Array = values[..., 0] if values.shape[-1] == 1 else values.mean(-1)
    return mean
