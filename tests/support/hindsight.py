"""A hindsight replay whose steps say where they are from, and whose rewards say for which goals."""

from __future__ import annotations

import numpy as np

from rlrun.core.goals import Goals
from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.hindsight import HindsightReplay
from rlrun.replay.options import HindsightReplaySettings
from rlrun.replay.ring import Replay

TIME, WHERE, DESIRED, ACHIEVED = range(4)  # the numbers of an observation


class Told:
    """Outcomes that depend on both goals; ``ends``: they know whether a step terminates."""

    def __init__(self, ends: bool = True) -> None:
        self.ends = ends

    def prepare(self) -> None: ...

    @staticmethod
    def reward(achieved: Array, desired: Array) -> Array:
        reward: Array = achieved + 3 * desired
        return reward

    @staticmethod
    def discount(achieved: Array, desired: Array) -> Array:
        discount: Array = np.where(achieved == desired, 0.0, 0.5)
        return discount

    def __call__(self, achieved: Array, desired: Array) -> tuple[Array, Array | None]:
        one, other = achieved[..., 0].astype(np.float64), desired[..., 0].astype(np.float64)
        return self.reward(one, other), self.discount(one, other) if self.ends else None


def spec(num_envs: int, ends: bool = True) -> Spec:
    goals = Goals(ACHIEVED, DESIRED, 1, Told(ends))
    return Spec("told", Space("vector", (4,)), Space("discrete", (), (3,)), num_envs, goals=goals)


def hindsight(
    seeds: tuple[int, ...], num_envs: int, capacity: int, ends: bool = True, **given: object
) -> HindsightReplay:
    settings = HindsightReplaySettings(capacity=capacity, **given)  # type: ignore[arg-type]
    replay = settings.build(spec(num_envs, ends), seeds, 100)
    assert isinstance(replay, HindsightReplay)
    return replay


def told_step(rng: np.random.Generator, seeds: int, envs: int, number: int) -> Step:
    """A step that says where it is from: its achieved goal too, and its desired one is below 0.

    The goal achieved after step t in environment w is 1000 t + w.
    """
    where = np.arange(seeds)[:, None] * 100.0 + np.arange(envs)

    def obs(time: int) -> Array:
        numbers = np.zeros((seeds, envs, 4), np.float32)
        numbers[..., TIME], numbers[..., WHERE] = number, where
        numbers[..., DESIRED], numbers[..., ACHIEVED] = -1.0 - where, 1000.0 * time + where
        return numbers

    terminated = rng.random((seeds, envs)) < 0.1
    return Step(
        obs=obs(number - 1),
        action=rng.integers(0, 3, (seeds, envs)),
        reward=rng.integers(-4, 0, (seeds, envs)).astype(np.float64),
        discount=np.where(terminated, 0.0, 0.5),
        next_obs=obs(number),
        last=terminated | (rng.random((seeds, envs)) < 0.15),
    )


def filled(replay: Replay, count: int, seeds: int, envs: int, cut_at: int = -1) -> list[Step]:
    """The steps that the replay was given; after number ``cut_at`` all episodes are cut."""
    rng, steps = np.random.default_rng(count), []
    for number in range(count):
        t = told_step(rng, seeds, envs, number)
        replay.add(t)
        if number == cut_at:
            replay.cut()
            t = t._replace(last=np.ones_like(t.last))
        steps.append(t)
    return steps
