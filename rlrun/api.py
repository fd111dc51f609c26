"""Access to recorded runs from programs and notebooks: ``rlrun.load_run``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.abilities import masks_used, memory_of
from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from rlrun.envs.adapt import adapt
from rlrun.envs.arrays import blank
from rlrun.envs.conform import Conform, NotInSpace, short
from rlrun.envs.masks import checked as checked_mask
from rlrun.envs.recent import Last, WithRecent
from rlrun.envs.spaces import ActionMap, ObsMap
from rlrun.playback import Player, load_player
from rlrun.run_folder.curves import Curves
from rlrun.run_folder.episodes import Episodes
from rlrun.run_folder.files import check_files
from rlrun.run_folder.reader import RecordedRun, Which, read_run
from rlrun.settings import recorded_settings


class LoadedRun:
    """A recorded run: its settings, metrics, result and policies."""

    def __init__(self, run: RecordedRun) -> None:
        self._run = run
        self.folder, self.settings, self.result = run.folder, run.settings, run.result
        self.agent, self.env, self.seeds, self.status = run.agent, run.env, run.seeds, run.status

    @property
    def metrics(self) -> Curves:
        """Curves by tag: ``steps [time]`` and ``values [seed, time]``.

        For a tag that the run does not have the error, a KeyError, suggests the closest one.
        """
        return self._run.curves

    @property
    def episodes(self) -> Episodes:
        """The training episodes by number: ``numbers [point]``, ``returns [seed, point]``, lengths.

        A point is one episode up to number 10,000, and the mean of several beyond.
        ``episodes.mean_returns(100)`` are the means of the last 100.
        """
        return self._run.episodes

    def policy(self, seed: int | None = None, which: Which = "final") -> Policy:
        """Return the greedy policy of the learner with the number ``seed`` (None: the first one).

        ``which`` is ``final``, the policy of the last step, or ``best``, the policy of its best
        evaluation. Raises BadInput if the run has no such seed, FolderError if its settings are not
        valid, RunFailed if it has no policy (yet).
        """
        recorded_settings(self.settings, self.folder)
        number = self.seeds[0] if seed is None else seed
        return Policy(load_player(self._run, which, (number,)))

    def __repr__(self) -> str:
        return f"<run of {self.agent} on {self.env}, {len(self.seeds)} seeds: {self.status}>"


class Policy:
    """One learner's greedy policy, for unprocessed observations of the environment."""

    def __init__(self, player: Player) -> None:
        self._player, self.spec = player, player.env.spec
        self.seed, self.step = player.seeds[0], player.steps[0]
        self._time = self.step
        self._to_input, self._to_action = _conversions(player)
        given = player.parts.env
        frames = self.spec.obs.stack if given.is_game else given.frame_stack or 1
        self._frames: deque[Array] = deque(maxlen=frames)
        self._needs_reward = given.last_reward
        self._last_action: Any = None  # of this episode
        self._memory = memory_of(player.agent, 1)
        self._first = np.ones((1, 1), np.bool_)

    def reset(self) -> None:
        """Begin an episode; call this at the start of every episode.

        Only policies with a memory, and those that observe several frames or their last action,
        keep state between steps.
        """
        self._frames.clear()
        self._last_action = None
        self._first = np.ones((1, 1), np.bool_)
        self._time = self.step

    def act(self, obs: Any, action_mask: Any = None, reward: float | None = None) -> Any:
        """Return the environment's own action for one of its observations.

        ``action_mask`` is the environment's ``info["action_mask"]`` or ``action_masks()``, if the
        policy was trained with masks of legal actions; without it any action may be returned.
        ``reward`` is that of the last step, and only needed if the policy was trained with
        ``env.last_reward``, except in the first step of an episode.

        Games named by their id (``ALE/Pong-v5``) are observed through ALE's vector environment:
        ``obs`` is one of its stacks of frames, or one grey frame.
        """
        if self._needs_reward and self._frames and reward is None:
            raise BadInput("the policy observes its last reward (env.last_reward): pass reward=.")
        last = self._last_action, reward or 0.0
        inputs = self._to_input(self._frames, obs, *last)[None, None]  # [seed, env, ...]
        action = self._choose(inputs, self._legal(action_mask))
        self._time += 1
        env_action = self._last_action = self._to_action(action[0])[0]
        return int(env_action) if self.spec.action.kind == "discrete" else np.asarray(env_action)

    def _legal(self, action_mask: Any) -> dict[str, Array]:
        """Return the mask as the agent takes it. Raises BadInput if it is not a mask."""
        if action_mask is None or not masks_used(self._player.agent):
            return {}
        try:
            mask = checked_mask(action_mask, self.spec.action.choices, "action_mask")
        except NotInSpace as error:
            raise BadInput(f"{error}.") from error
        return {"legal": mask[None, None]}

    def _choose(self, inputs: Array, legal: dict[str, Array]) -> Array:
        """Return the agent's action, and keep its memory if it has one."""
        act: Callable[..., Any] = self._player.agent.act
        if self._memory is None:
            return np.asarray(act(inputs, self._time, explore=False, **legal))
        memory = self._memory, self._first
        action, self._memory = act(inputs, self._time, *memory, explore=False, **legal)
        self._first = np.zeros((1, 1), np.bool_)
        return np.asarray(action)


def load_run(folder: str | Path) -> LoadedRun:
    """Return the run in ``folder``. Raises FolderError if the folder holds no run."""
    path = Path(folder)
    check_files(path)
    return LoadedRun(read_run(path))


ToInput = Callable[[deque[Array], Any, Any, float], Array]
"""Converts an observation, given the last frames, the last action and its reward."""


def _conversions(player: Player) -> tuple[ToInput, Callable[[Array], Array]]:
    """Return functions that convert observations to the agent's input, and its actions back."""
    parts, space = player.parts, player.env.spec.obs
    if parts.env.is_game:
        return _game(player), lambda action: action
    raw: gym.Env[Any, Any] = player.env.make()
    last = Last(parts.env.last_action, parts.env.last_reward)
    choice, scale = parts.env.obs, parts.env.scale_obs
    single = adapt(raw, 1, choice)
    adapted = adapt(single, parts.env.frame_stack or 1, choice, last)
    inner = single if isinstance(single, gym.ObservationWrapper) else None
    recent = adapted.recent if isinstance(adapted, WithRecent) else None
    to_ours = ObsMap(adapted.observation_space, space.stack, scale, choice)
    conform = Conform(single.observation_space)
    frame_shape = raw.observation_space.shape

    def to_input(frames: deque[Array], obs: Any, action: Any, reward: float) -> Array:
        if inner is None and np.shape(obs) != frame_shape:
            raise BadInput(
                f"an observation of {player.run.env} must have the shape {frame_shape}, not "
                f"{np.shape(obs)}."
            )
        try:
            array = np.asarray(conform(obs if inner is None else inner.observation(obs)))
        except NotInSpace as error:
            raise BadInput(f"this is not an observation of {player.run.env}: {error}.") from error
        if recent is not None:
            frames.append(recent.frame(array, action, reward))
            array = recent.joined(frames)
        elif space.stack > 1:
            older = blank(single.observation_space, space.kind)
            array = _stacked(frames, array, space.stack, older)
        converted = np.asarray(to_ours(array[None]).reshape(space.shape))
        if to_ours.wrong(converted) is not None:
            raise BadInput(
                f"this is not an observation of {player.run.env}: {short(obs)} is not in "
                f"{short(adapted.observation_space)}."
            )
        return converted

    return to_input, ActionMap(raw.action_space)


def _game(player: Player) -> ToInput:
    """Return the conversion for an Atari game: whole stacks of frames, or frames one by one."""
    shape, stack = player.env.spec.obs.shape, player.env.spec.obs.stack

    def to_input(frames: deque[Array], obs: Any, action: Any, reward: float) -> Array:
        obs = np.asarray(obs, np.uint8)
        return (
            obs.reshape(shape)
            if obs.size == np.prod(shape)
            else _stacked(frames, obs, stack, np.zeros_like(obs))
        )

    return to_input


def _stacked(frames: deque[Array], frame: Array, stack: int, older: Array) -> Array:
    """Return the last ``stack`` frames, newest last, with ``older`` before the first frame."""
    frames.append(frame)
    return np.stack([*[older] * (stack - len(frames)), *frames])
