"""Videos of the first seed of a stack, which plays as in an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlrun.core.abilities import Recurrent, UsesMasks, masks_used
from rlrun.core.errors import RunFailed
from rlrun.core.fields import Natural
from rlrun.core.types import Agent, Array, CanAct, Envs
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
    """The first of ``num_seeds`` seeds of a stack, as an agent that acts for one seed.

    It uses masks, and has a memory, exactly if the agent does.
    """

    def __init__(self, agent: CanAct | UsesMasks | Recurrent, num_seeds: int) -> None:
        self._act: Callable[..., Any] = agent.act
        self._num_seeds = num_seeds
        self.uses_masks = masks_used(agent)
        if isinstance(agent, Recurrent):
            initial = agent.initial_memory
            self.initial_memory = lambda num_envs: initial(num_envs)[:1]

    def act(
        self, obs: Array, step: int, *memory: Array, explore: bool = False, **masks: Array
    ) -> Any:
        """Return what the agent returns, for one seed and without exploration.

        All arrays start with ``[1, env]``. ``memory`` are the memory and the mask of first steps of
        a recurrent agent, ``masks`` the legal actions for an agent that uses masks.
        """
        # the results of the other seeds are dropped
        obs, *memories = (each.repeat(self._num_seeds, 0) for each in (obs, *memory))
        legal = {name: each.repeat(self._num_seeds, 0) for name, each in masks.items()}
        results = self._act(obs, step, *memories, explore=False, **legal)
        return tuple(each[:1] for each in results) if memory else results[:1]


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
    """Play whole greedy episodes and film them; return their results and a small animation.

    The video is written to ``path``. ``agent`` is a stack of ``num_seeds`` seeds, of which the
    first plays; ``make_envs`` opens one environment of one seed. ``check`` is called at every step.
    Raises RunFailed if the environment fails or cannot be rendered.
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
    """Films the first seed of a run during training, without any effect on the training.

    If filming fails the log says so, once, and the run continues without films.

    Args:
        every: steps between films.
        agent: the agent that plays.
        seeds: the seed numbers.
        make_envs: opens one environment of the first seed, which passes on its frames.
        folder, logger: where films are saved.
        fps: steps per second of film.
        check: called at every step; an exception it raises ends the film.
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
        """Play one episode and save the film."""
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
            self._folder.log(f"step {step}: filming is disabled: {error}")
            return
        self._logger.animation(step, "video/training", reel.encoded("gif"), reel.size)
        self._folder.log(f"step {step}: filmed, return {np.sum(played.returns):.4g} ({path.name})")
