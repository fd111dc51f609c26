"""Reference scores: random play, the score that counts as solved, and a published one.

They put scores of several environments on one scale, and give curves a line to compare with.

- ``random``: mean return of uniformly random actions, measured here over 10 seeds of 100 episodes
  each: ``rlrun agent=random env=ID tuned=none seeds=10 total_steps=100 eval.every=0
  eval.final_episodes=100`` (BipedalWalker with ``eval.final_episodes=10``), Gymnasium 1.4;
- ``threshold``: Gymnasium's own ``reward_threshold``; several environments have none;
- ``published``: the best score of a learning agent, or the optimum where it is known, with its
  source. Single numbers, mostly of one run: a point of comparison, not statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple


class Published(NamedTuple):
    score: float
    source: str


class Line(NamedTuple):
    """A score to compare with, and its kind."""

    kind: Literal["threshold", "published"]
    score: float


@dataclass(frozen=True)
class Reference:
    """Reference scores of an environment: undiscounted mean returns of an episode."""

    random: float
    threshold: float | None = None
    published: Published | None = None

    @property
    def line(self) -> Line:
        """The threshold, or the published score if there is none."""
        if self.threshold is not None:
            return Line("threshold", self.threshold)
        assert self.published is not None  # a test checks that each has one of the two
        return Line("published", self.published.score)

    def normalised(self, score: float) -> float:
        """Scale a score so that random play is 0 and the reference score 1, without clipping."""
        return (score - self.random) / (self.line.score - self.random)


_ZOO = "RL Baselines3 Zoo, benchmark.md, one run"
_SLM = "SLM Lab 5, BENCHMARKS.md, four runs"

REFERENCES: dict[str, Reference] = {
    "CartPole-v1": Reference(22.0, 475.0, Published(500.0, f"DQN, {_ZOO} of 50,000 steps")),
    "Acrobot-v1": Reference(-498.7, -100.0, Published(-69.1, f"QR-DQN, {_ZOO} of 100,000 steps")),
    "MountainCar-v0": Reference(-200.0, -110.0, Published(-100.8, f"DQN, {_ZOO} of 120,000 steps")),
    "MountainCarContinuous-v0": Reference(
        -33.1, 90.0, Published(94.7, f"SAC, {_ZOO} of 50,000 steps")
    ),
    "Pendulum-v1": Reference(-1238.9, None, Published(-151.9, f"TD3, {_ZOO} of 20,000 steps")),
    "LunarLander-v3": Reference(
        -179.1, 200.0, Published(265.9, f"double DQN with priorities, {_SLM} of 300,000 steps")
    ),
    "LunarLanderContinuous-v3": Reference(
        -207.9, 200.0, Published(270.9, f"PPO on version 2, {_ZOO} of 1,000,000 steps")
    ),
    "BipedalWalker-v3": Reference(
        -99.0, 300.0, Published(306.0, f"TD3, {_ZOO} of 1,000,000 steps")
    ),
    "FrozenLake-v1": Reference(0.009, 0.70),
    "FrozenLake8x8-v1": Reference(0.0, 0.85),
    "Taxi-v4": Reference(-772.2, 8.0),
    "CliffWalking-v1": Reference(
        -2075.6,
        None,
        Published(-13.0, "the optimal path, Sutton and Barto 2018, example 6.6"),
    ),
}


def reference(env: Mapping[str, Any]) -> Reference | None:
    """Return the reference of the environment with these ``env`` settings; None if unknown.

    The scores do not hold for an environment with ``kwargs`` or another episode limit. (A limit
    where Gymnasium has no threshold, as in CliffWalking, changes nothing.)
    """
    known = REFERENCES.get(str(env["id"]))
    if known is None or env.get("kwargs"):
        return None
    return None if known.threshold is not None and env.get("max_episode_steps") else known


def shared_reference(envs: Iterable[Mapping[str, Any]]) -> Reference | None:
    """Return the reference shared by several ``env`` settings; None if they differ."""
    references = {reference(env) for env in envs}
    return references.pop() if len(references) == 1 else None
