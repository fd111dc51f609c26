"""A recorded run for programs and notebooks: ``rlrun.load_run``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from rlrun.envs.spaces import ActionMap, ObsMap, adapt
from rlrun.playback import Player, Which, load_player
from rlrun.run_folder.curves import Curve
from rlrun.run_folder.files import check_files
from rlrun.run_folder.reader import RecordedRun, read_run


class LoadedRun:
    """What a run has left: its settings, its metrics, its result, and its policies."""

    def __init__(self, run: RecordedRun) -> None:
        self._run = run
        self.folder, self.settings, self.result = run.folder, run.settings, run.result
        self.agent, self.env, self.seeds, self.status = run.agent, run.env, run.seeds, run.status

    @property
    def metrics(self) -> dict[str, Curve]:
        """By tag: ``steps [time]`` and ``values [seed, time]``."""
        return self._run.curves

    def policy(self, seed: int | None = None, which: Which = "final") -> Policy:
        """What the learner with that seed number (None: the first one) does, greedily.

        ``which`` is ``final``, the policy of the last step, or ``best``, that of its best
        evaluation. Raises BadInput where the run has no such seed, RunFailed where it has no
        policy (yet).
        """
        number = self.seeds[0] if seed is None else seed
        return Policy(load_player(self._run, which, (number,)))

    def __repr__(self) -> str:
        return f"<run of {self.agent} on {self.env}, {len(self.seeds)} seeds: {self.status}>"


class Policy:
    """One learner that acts in one environment, whose observations it gets as they come."""

    def __init__(self, player: Player) -> None:
        self._player, self.spec = player, player.spec
        self.seed, self.step = player.seeds[0], player.steps[0]
        self._time = self.step
        self._see, self._action = _maps(player)
        self._frames: deque[Array] = deque(maxlen=self.spec.obs.stack)

    def reset(self) -> None:
        """An episode begins. Only policies that see several frames at once remember anything."""
        self._frames.clear()
        self._time = self.step

    def act(self, obs: Any) -> Any:
        """The environment's own action for one of its observations.

        Games that are named by their id (``ALE/Pong-v5``) are seen through ALE's vector
        environment: ``obs`` is one of its stacks of frames, or one grey frame.
        """
        seen = self._see(self._frames, obs)[None, None]  # [seed, env, ...]
        action = self._player.agent.act(seen, self._time, explore=False)
        self._time += 1
        own = self._action(action[0])[0]
        return int(own) if self.spec.action.kind == "discrete" else np.asarray(own)


def load_run(folder: str | Path) -> LoadedRun:
    """The run in ``folder``. Raises FolderError, with a sentence, where there is none."""
    path = Path(folder)
    check_files(path)
    return LoadedRun(read_run(path))


See = Callable[[deque[Array], Any], Array]


def _maps(player: Player) -> tuple[See, Callable[[Array], Array]]:
    """From the environment's observation to what the agent sees, and back with its action."""
    parts, space = player.parts, player.spec.obs
    if parts.env.is_game:
        return _game(player), lambda action: action
    raw: gym.Env[Any, Any] = parts.env.make()
    adapted = adapt(raw, space.stack)
    inner = adapted if isinstance(adapted, gym.ObservationWrapper) else None
    to_ours = ObsMap(adapted.observation_space, space.stack, parts.env.scale_obs)
    frame_shape = raw.observation_space.shape

    def see(frames: deque[Array], obs: Any) -> Array:
        if space.stack > 1:
            obs = _stacked(frames, np.asarray(obs), space.stack)
        elif inner is not None:
            obs = inner.observation(obs)
        elif np.shape(obs) != frame_shape:
            raise BadInput(
                f"one observation of {player.run.env} has the shape {frame_shape}, not "
                f"{np.shape(obs)}."
            )
        return np.asarray(to_ours(np.asarray(obs)[None]).reshape(space.shape))

    return see, ActionMap(raw.action_space)


def _game(player: Player) -> See:
    """What is seen of an Atari game: its own stack of frames, or the frames one by one."""
    shape, stack = player.spec.obs.shape, player.spec.obs.stack

    def see(frames: deque[Array], obs: Any) -> Array:
        obs = np.asarray(obs, np.uint8)
        return obs.reshape(shape) if obs.size == np.prod(shape) else _stacked(frames, obs, stack)

    return see


def _stacked(frames: deque[Array], frame: Array, stack: int) -> Array:
    """The newest ``stack`` frames, the last one newest; before the episode they were black."""
    frames.append(frame)
    black = [np.zeros_like(frame)] * (stack - len(frames))
    return np.stack([*black, *frames])
