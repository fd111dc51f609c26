"""The first learner of a stack, filmed while it plays as in an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlrun.core.errors import RunFailed
from rlrun.core.fields import Natural
from rlrun.core.types import Agent, Array, Envs
from rlrun.envs.filmed import Film
from rlrun.loop import Played, evaluate
from rlrun.media.video import ANIMATION, Reel, open_video, usual_format
from rlrun.run_folder.files import VIDEOS
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """When to film while training (``record``)."""

    every: Natural = 0
    """Steps between videos of the first seed (0: no videos)."""


class _First:
    """An agent that acts for a single seed: the first learner of a stack of ``seeds``."""

    def __init__(self, agent: Agent, num_seeds: int) -> None:
        self._agent, self._seeds = agent, num_seeds

    def act(self, obs: Array, step: int, *, explore: bool = False) -> Array:
        """Actions ``[1, env, ...]`` for ``obs [1, env, ...]``; nothing is explored."""
        all_see = obs.repeat(self._seeds, 0)  # what the others would do is left aside
        return self._agent.act(all_see, step, explore=False)[:1]


def film(
    agent: Agent,
    num_seeds: int,
    make_envs: Callable[[Film], Envs],
    step: int,
    episodes: int,
    path: Path,
    fps: float,
    check: Callable[[], None] = lambda: None,
) -> tuple[Played, Reel]:
    """Play whole greedy episodes, and write them to ``path``; what came out, and a small animation.

    ``agent`` is a stack of so many ``seeds``, of which the first plays; the environments are one of
    one seed. ``check`` is called at every step. Raises RunFailed where an
    environment fails, or cannot be shown.
    """
    video, reel = open_video(path, fps), Reel(fps, *ANIMATION)

    def both(frame: Array) -> None:
        video.add(frame)
        reel.add(frame)

    try:
        with closing(make_envs(both)) as envs:
            played = evaluate(_First(agent, num_seeds), envs, step, episodes, check)
    finally:
        video.close()
    return played, reel


class Filming:
    """Films the first seed of a run while it trains; that changes nothing of the training.

    Where it cannot be filmed the log says so, once, and the run goes on.

    Args:
        every: steps between films.
        agent: who plays.
        seeds: the seed numbers.
        make_envs: makes one environment of the first seed, which is filmed.
        folder, logger: where films go.
        fps: steps in a second.
        check: called at every step; what it raises ends the film.
    """

    def __init__(
        self,
        every: int,
        agent: Agent,
        seeds: tuple[int, ...],
        make_envs: Callable[[Film], Envs],
        folder: RunFolder,
        logger: Logger,
        fps: float,
        check: Callable[[], None],
    ) -> None:
        self.every, self._agent, self._seeds, self._make_envs = every, agent, seeds, make_envs
        self._folder, self._logger, self._fps = folder, logger, fps
        self._check = check
        self._kind = usual_format()

    def run(self, step: int) -> None:
        """Play one episode and keep the film."""
        path = self._folder.path / VIDEOS / f"step_{step:09d}-seed_{self._seeds[0]}.{self._kind}"
        try:
            played, reel = film(
                self._agent,
                len(self._seeds),
                self._make_envs,
                step,
                1,
                path,
                self._fps,
                self._check,
            )
        except (RunFailed, ValueError, RuntimeError, OSError) as error:
            self.every = 0
            self._folder.log(f"step {step}: no films any more: {error}")
            return
        self._logger.animation(step, "video/training", reel.encoded("gif"), reel.size)
        self._folder.log(f"step {step}: filmed, return {np.sum(played.returns):.4g} ({path.name})")
