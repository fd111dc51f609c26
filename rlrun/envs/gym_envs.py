"""The ``[seed, env]`` grid of environments; the only place that interprets the end of an episode.

A termination sets the discount to 0, as no rewards follow. A truncation leaves it at gamma, as
rewards would have followed, and the true last observation is kept.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Mask, Model, Spec, State, Step
from rlrun.envs.conform import all_finite
from rlrun.envs.episode_seeds import EpisodeSeeds
from rlrun.envs.guard import Guard
from rlrun.envs.history import ActionHistory
from rlrun.envs.no_ends import no_ends
from rlrun.envs.shaping import Transition, shaping_named
from rlrun.envs.spaces import ActionMap, ObsMap
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.factory import open_grid
from rlrun.envs.vector.sync import EnvOptions


class GymEnvs:
    """``num_envs`` copies of one environment for each seed, stepped together.

    An episode is reset with a seed derived from (seed number, environment, episode number), or from
    the seed number alone; this seed and the actions since then determine its state. Evaluations
    keep no actions.

    Args:
        make: makes one environment; or the description of an Atari game.
        env_id: its id, for messages.
        seeds: the seed numbers.
        num_envs: environments per seed.
        gamma: the discount of a step that does not terminate, or one for each row.
        purpose: training or evaluation, which have different episode seeds.
        options: the options of the environments.
        model: the environment's table, if it has one.

    Raises:
        ValueError: the observation or action space is of a kind that is not supported.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]] | Atari,
        env_id: str,
        seeds: Sequence[int],
        num_envs: int,
        *,
        gamma: Number,
        purpose: Purpose = Purpose.TRAIN_EPISODES,
        options: EnvOptions | None = None,
        model: Model | None = None,
    ) -> None:
        options = options or EnvOptions()
        self._seeds, self.per_seed = tuple(seeds), num_envs
        training = purpose is Purpose.TRAIN_EPISODES
        fixed = training and options.episode_seed == "fixed"
        self._episode_seed = EpisodeSeeds(seeds, purpose, fixed)
        self._gamma = column(gamma, 2)
        self._grid = (len(self._seeds), num_envs)
        self._no_ends = no_ends(self._grid, self._gamma)
        self._shaping = None if options.shaping is None else shaping_named(options.shaping)
        self._reward_transform = options.reward_transform
        self._limit = options.resume_actions if training else 0
        self._history = ActionHistory(len(self._seeds) * num_envs, self._limit)
        self._vector = open_grid(make, len(self._seeds) * num_envs, options)
        self._time = 0  # steps since the restart
        self._begun = np.zeros(self._grid, np.int64)  # the value of `_time` when each episode began
        self._guard = Guard(self._vector, env_id, self._seeds, self._length, options)
        space, stack = self._vector.single_observation_space, options.frame_stack
        self._obs_map = ObsMap(space, stack, options.scale_obs, options.obs)
        self._action_map = ActionMap(self._vector.single_action_space)
        spaces = self._obs_map.space, self._action_map.space
        self.spec = Spec(env_id, *spaces, num_envs, model, masked=options.masks)
        self._obs_shape = (*self._grid, *self.spec.obs.shape)
        self._continuous = self.spec.action.kind == "vector"
        self._raw: Array = np.zeros(0)  # the environments' own observations, only for shaping
        self.faults = self._guard.faults
        """Sentences about numbers that cannot be learnt from, by the seed's position."""
        self.inexact: list[str] = []
        """Reasons why a resumed run would not be exact, since the caller last cleared this list."""
        self.restart()

    def restart(self) -> None:
        """Restart every environment at its first episode."""
        self._episode = np.zeros(self._grid, np.int64)
        self._return = np.zeros(self._grid)
        self._time = 0
        self._begun[...] = 0
        self._history.restart()
        self.inexact.clear()
        with self._guard:
            raw, _ = self._vector.reset(seed=self._episode_seed.all(self._episode))
        self.obs: Array = self._obs(raw)
        self.legal = self._legal()

    def step(self, action: Array) -> Step:
        """Step every environment with ``action [seed, env, ...]``.

        Continuous actions are in [-1, 1]. If an episode ended, ``self.obs`` is afterwards the first
        observation of the next one.
        """
        if self._continuous and not all_finite(action):
            action = action.copy()
            self._guard.exclude(~np.isfinite(action), action, "an action in")
        flat = action.reshape(-1, *action.shape[2:])
        if (overlong := self._history.add(flat)) is not None:
            self.inexact.append(self._guard.place(overlong).overlong(self._limit))
        with self._guard:
            raw, rewards, terminations, _, _ = self._vector.step(self._action_map(flat))
        reward = np.array(rewards, np.float64).reshape(self._grid)
        if not all_finite(reward):
            self._guard.exclude(~np.isfinite(reward), reward, "a reward of")
        before, next_obs = self._raw, self._obs(raw)
        learnt = self._shaped(before, action, reward)
        self._return += reward
        self._time += 1
        last, score, length, discount = self._no_ends
        obs, self.obs = self.obs, next_obs
        legal = next_legal = self.legal
        if legal is not None:
            self.legal = next_legal = self._legal()
        if np.count_nonzero(terminations):  # also where a lost life counts as one
            discount = self._gamma * ~terminations.reshape(self._grid)
        if self._vector.ended:
            last = np.zeros(self._grid, np.bool_)
            last.reshape(-1)[self._vector.ended] = True
            score, length = np.where(last, self._return, 0.0), np.where(last, self._length(), 0)
            self.obs = self._reset(last)
            if legal is not None:
                self.legal = self._legal()
        learnt = self._reward_transform(learnt)
        return Step(obs, action, learnt, discount, next_obs, last, score, length, legal, next_legal)

    def _reset(self, last: Array) -> Array:
        """Reset the environments in the mask ``last``; return the observations of all."""
        seeds: list[int | None] = [None] * last.size
        for place in self._vector.ended:
            s, e = divmod(place, self.per_seed)
            self._episode[s, e] += 1
            self._return[s, e], self._begun[s, e] = 0, self._time
            seeds[place] = self._episode_seed(s, e, int(self._episode[s, e]))
        self._history.begin(self._vector.ended)
        options = {"reset_mask": last.reshape(-1)}
        with self._guard:
            raw, _ = self._vector.reset(seed=seeds, options=options)
        return self._obs(raw)

    def _length(self) -> Array:
        """Return the steps of the current episodes, ``[seed, env]``."""
        return self._time - self._begun

    def _legal(self) -> Mask:
        """Return which actions are legal now, bool ``[seed, env, choice]``; None without masks."""
        masks = self._vector.masks
        return None if masks is None else masks.reshape(*self._grid, -1).copy()

    def _shaped(self, before: Array, action: Array, reward: Array) -> Array:
        """Return the rewards to learn from, given the observations before and after the step."""
        if self._shaping is None:
            return reward
        shaped = self._shaping.reward(Transition(before, action, reward, self._raw))
        if not all_finite(shaped):
            self._guard.exclude(~np.isfinite(shaped), shaped, "a shaped reward of")
        return shaped

    def _obs(self, raw: Any) -> Array:
        if self._shaping is not None:
            self._raw = raw.copy().reshape(*self._grid, *raw.shape[1:])
        obs = self._obs_map(raw).reshape(self._obs_shape)
        if (wrong := self._obs_map.wrong(obs)) is not None:
            ordered = self._obs_map.ordered(raw).reshape(self._obs_shape)
            self._guard.exclude(wrong, obs, "an observation of", ordered)
        return obs

    def state_dict(self) -> State:
        """Return the unfinished episodes: their numbers, and the actions since the oldest began."""
        actions, begun = self._history.saved()
        return {
            "episode": self._episode.copy(),
            "begun": begun.reshape(self._grid),
            "actions": np.array(actions).reshape(-1, begun.size, *self.spec.action.shape),
            "obs": self.obs,
            **({} if self.legal is None else {"legal": self.legal}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        """Replay the saved episodes' actions; return sentences about what could not be restored.

        An environment begins a new episode if the actions do not lead to the saved observation, or
        not all actions were kept. Raises ValueError for a state of other environments.
        """
        self.restart()
        begun, actions = np.zeros(self._grid, np.int64), state["actions"]
        restore_into(self._episode, state["episode"], "the numbers of the episodes")
        restore_into(begun, state["begun"], "the beginnings of the episodes")
        flat_shape = (begun.size, *self.spec.action.shape)
        if actions.shape[1:] != flat_shape or not ((begun >= -1) & (begun <= len(actions))).all():
            raise ValueError(f"the actions of the episodes are of the shape {actions.shape}")
        self._history.load(actions, begun.ravel())
        overlong = begun < 0
        begun[overlong] = len(actions)
        mapped = [self._action_map(flat) for flat in actions]
        with self._guard:
            given = self._episode_seed.all(self._episode)
            raw, rewards = self._vector.play(given, mapped, begun.ravel().tolist())
        # added one by one as in `step`; from Python 3.12 on, sum() rounds differently
        sums = [functools.reduce(operator.add, each, 0.0) for each in rewards]
        self._return = np.nan_to_num(np.array(sums, np.float64)).reshape(self._grid)
        self._time, self._begun[...] = len(mapped), begun
        self.obs = self._obs(raw)
        if self.obs.shape != state["obs"].shape:
            raise ValueError(f"the observations are of the shape {state['obs'].shape}")
        same = (self.obs == state["obs"]).reshape(*self._grid, -1).all(-1)
        self.legal = self._legal()
        if self.legal is not None:
            same &= (self.legal == state["legal"]).all(-1)
        reasons = {
            "did not return to its saved state": ~same & ~overlong,
            f"was more than env.resume_actions={self._limit} actions into an episode": overlong,
        }
        if (not_restored := ~same | overlong).any():
            self._vector.ended = np.flatnonzero(not_restored).tolist()
            self.obs = self._reset(not_restored)
            self.legal = self._legal()
        env_id, seeds = self.spec.env_id, np.array(self._seeds)
        return [
            f"{env_id} {reason} (seeds {', '.join(map(str, seeds[where.any(-1)]))}): a new episode "
            "begins there"
            for reason, where in reasons.items()
            if where.any()
        ]

    def close(self) -> None:
        self._guard.close()
        self._vector.close()
