"""Playing episodes to be imitated or learnt from: each seed its own, with reproducible seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from rlrun.build import evaluation_envs
from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, CanAct, Step
from rlrun.envs.environment import Environment
from rlrun.loop import Actor, whole_episodes
from rlrun.replay.demonstrations import Demonstration
from rlrun.settings import Settings

TOGETHER = 10  # environments of each seed, at most
PURPOSE = Purpose.DEMONSTRATIONS


def play_episodes(
    agent: CanAct,
    parts: Settings,
    env: Environment,
    seeds: Sequence[int],
    episodes: int,
    *,
    step: int = 0,
    explore: bool = False,
    check: Callable[[], None] = lambda: None,
) -> list[list[Demonstration]]:
    """Play whole episodes; return them by seed.

    The episodes of a seed are those of its number: with a policy that draws no random numbers the
    first ones of many are the same as those of few. None of them is played in training or in
    evaluations. ``check`` is called at every step.
    """
    copies = parts.env.num_envs if explore else min(episodes, TOGETHER)  # as explorers need it
    rounds = -(-episodes // copies)
    with closing(evaluation_envs(parts, env, copies, PURPOSE, seeds=seeds)) as envs:
        actor = Actor(agent, envs, explore=explore)
        steps, over = [], []
        for t, played in whole_episodes(actor, (len(seeds), copies), step, rounds):
            check()
            steps.append(t)
            over.append(played)
    number_of = np.array(over)  # [time, seed, env]: the number of the episode

    def episode(row: int, copy: int, number: int) -> Demonstration:
        own = [steps[time] for time in np.flatnonzero(number_of[:, row, copy] == number)]
        return _episode(own, (row, copy), seeds[row], number)

    return [
        [episode(row, n % copies, n // copies) for n in range(episodes)]
        for row in range(len(seeds))
    ]


def _episode(
    steps: Sequence[Step], place: tuple[int, int], seed: int, number: int
) -> Demonstration:
    """Return the episode that consists of these steps of the environment at ``[seed, env]``."""
    last = steps[-1]

    def stacked(name: str) -> Array:
        return np.stack([getattr(t, name)[place] for t in steps])

    action = stacked("action")
    return Demonstration(
        obs=stacked("obs"),
        action=action.clip(-1, 1) if action.dtype.kind == "f" else action,
        reward=stacked("reward"),
        last_obs=last.next_obs[place].copy(),
        final=bool(last.discount[place] == 0),
        seed=seed,
        episode_seed=Numbers(PURPOSE)(seed, place[1], number),
        legal=None if last.legal is None else stacked("legal"),
        last_legal=None if last.next_legal is None else last.next_legal[place].copy(),
    )
