"""The ``[seed, env, agent]`` grid of environments with several agents."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Mask, Spec, State, Step
from rlrun.envs.conform import all_finite
from rlrun.envs.episode_seeds import EpisodeSeeds
from rlrun.envs.guard import Guard
from rlrun.envs.history import ActionHistory
from rlrun.envs.parallel.array_grid import ArrayAgentGrid
from rlrun.envs.parallel.grid import ParallelGrid
from rlrun.envs.parallel.spaces import AgentActions
from rlrun.envs.vector.sync import EnvOptions


class ParallelEnvs:
    """``num_envs`` copies of one environment with several agents, for each seed.

    As in ``GymEnvs`` an episode is reset with a seed, and this seed and the actions since then
    determine its state. An agent that leaves
    before the others has discount 0 in its last step, and then reward and discount 0.

    Args:
        grid: the environments, all seeds' one after the other.
        spec: their specification for agents.
        actions: converts the actions of agents.
        seeds: the seed numbers.
        gamma: the discount of a step that does not terminate, or one for each row.
        purpose: training or evaluation, which have different episode seeds.
        options: the options of the environments.
    """

    def __init__(
        self,
        grid: ArrayAgentGrid | ParallelGrid,
        spec: Spec,
        actions: AgentActions,
        seeds: Sequence[int],
        *,
        gamma: Number,
        purpose: Purpose,
        options: EnvOptions,
    ) -> None:
        self.spec, self.per_seed, self._seeds = spec, spec.num_envs, tuple(seeds)
        self._envs, self._actions, self._gamma = grid, actions, column(gamma, 3)
        self._transform, training = options.reward_transform, purpose is Purpose.TRAIN_EPISODES
        fixed = training and options.episode_seed == "fixed"
        self._episode_seed = EpisodeSeeds(seeds, purpose, fixed)
        self._grid = (len(self._seeds), self.per_seed)
        self._shape = (*self._grid, len(spec.agents))
        self._limit = options.resume_actions if training else 0
        self._history = ActionHistory(self._grid[0] * self.per_seed, self._limit)
        self.legal: Mask = None
        if spec.masked:
            self.legal = np.broadcast_to(actions.legal, (*self._shape, spec.num_masked))
        self._time = 0  # steps since the restart
        self._begun = np.zeros(self._grid, np.int64)  # the value of `_time` when each episode began
        self._guard = Guard(grid, spec.env_id, self._seeds, self._length, options)
        self.faults = self._guard.faults
        """Sentences about numbers that cannot be learnt from, by the seed's position."""
        self.inexact: list[str] = []
        """Reasons why a resumed run would not be exact, since the caller last cleared this list."""
        self.restart()

    def restart(self) -> None:
        """Restart every environment at its first episode."""
        self._episode = np.zeros(self._grid, np.int64)
        self._return = np.zeros(self._shape)
        self._time = 0
        self._begun[...] = 0
        self._history.restart()
        self.inexact.clear()
        self._begin(range(self._begun.size))
        self.obs: Array = self._obs()

    def step(self, action: Array) -> Step:
        """Step every environment with ``action [seed, env, agent, ...]``.

        Continuous actions are in [-1, 1]. If an episode ended, ``self.obs`` is afterwards the first
        observation of the next one.
        """
        if not self._actions.discrete and not all_finite(action):
            action = action.copy()
            self._guard.exclude(~np.isfinite(action), action, "an action in")
        flat = action.reshape(-1, *action.shape[2:])
        if (overlong := self._history.add(flat)) is not None:
            self.inexact.append(self._guard.place(overlong).overlong(self._limit))
        alive = self._envs.alive.reshape(self._shape).copy()
        with self._guard:
            rewards, terminations = self._envs.step(self._actions(flat))
        reward = np.array(rewards, np.float64).reshape(self._shape)
        if not all_finite(reward):
            self._guard.exclude(~np.isfinite(reward), reward, "a reward of")
        self._return += reward
        self._time += 1
        obs, next_obs = self.obs, self._obs()
        last = np.zeros(self._grid, np.bool_)
        last.reshape(-1)[self._envs.ended] = True
        # an agent that is cut off with the episode is bootstrapped; one that leaves earlier is not
        there = alive & (self._envs.alive.reshape(self._shape) | last[..., None])
        discount = self._gamma * (there & ~terminations.reshape(self._shape))
        score, length = np.where(last[..., None], self._return, 0.0), np.zeros_like(self._begun)
        self.obs = next_obs
        if self._envs.ended:
            length = np.where(last, self._length(), 0)
            self._return[last], self._begun[last] = 0.0, self._time
            self._episode += last
            self._history.begin(self._envs.ended)
            self._begin(self._envs.ended)
            self.obs = self._obs()
        learnt = self._transform(reward)
        step = Step(obs, action, learnt, discount, next_obs, last, score, length, alive=alive)
        return (
            step if self.legal is None else step._replace(legal=self.legal, next_legal=self.legal)
        )

    def _begin(self, places: Sequence[int]) -> None:
        """Begin the current episodes of the environments at these places."""
        given = []
        for place in places:
            s, e = divmod(place, self.per_seed)
            given.append(self._episode_seed(s, e, int(self._episode[s, e])))
        with self._guard:
            self._envs.reset(places, given)

    def _length(self) -> Array:
        """Return the steps of the current episodes, ``[seed, env]``."""
        return self._time - self._begun

    def _obs(self) -> Array:
        """Return a copy of the current observations, ``[seed, env, agent, number]``."""
        obs: Array = self._envs.obs.reshape(*self._shape, -1).copy()
        if not all_finite(obs):
            self._guard.exclude(~np.isfinite(obs), obs, "an observation of")
        return obs

    def state_dict(self) -> State:
        """Return the unfinished episodes: their numbers, and the actions since the oldest began."""
        actions, begun = self._history.saved()
        shape = (begun.size, len(self.spec.agents), *self.spec.action.shape)
        return {
            "episode": self._episode.copy(),
            "begun": begun.reshape(self._grid),
            "actions": np.array(actions).reshape(-1, *shape),
            "obs": self.obs,
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
        shape = (begun.size, len(self.spec.agents), *self.spec.action.shape)
        if actions.shape[1:] != shape or not ((begun >= -1) & (begun <= len(actions))).all():
            raise ValueError(f"the actions of the episodes are of the shape {actions.shape}")
        self._history.load(actions, begun.ravel())
        overlong = begun < 0
        begun[overlong] = len(actions)
        self._play(actions, begun)
        if self.obs.shape != state["obs"].shape:
            raise ValueError(f"the observations are of the shape {state['obs'].shape}")
        same = (self.obs == state["obs"]).reshape(*self._grid, -1).all(-1)
        lost = ~same | overlong
        if not lost.any():
            return []
        places = np.flatnonzero(lost).tolist()
        self._return[lost], self._begun[lost] = 0.0, self._time
        self._episode += lost
        self._history.begin(places)
        self._begin(places)
        self.obs = self._obs()
        which = ", ".join(map(str, np.array(self._seeds)[lost.any(-1)]))
        return [
            f"{self.spec.env_id} did not return to its saved state (seeds {which}): a new episode "
            "begins there"
        ]

    def _play(self, actions: Array, begun: Array) -> None:
        """Replay ``actions [step, env, agent, ...]``, in each environment from ``begun`` on.

        Before that an environment plays what leads nowhere: it is reset when its episode begins.
        """
        rewards: list[list[Array]] = [[] for _ in range(begun.size)]
        first = begun.ravel().tolist()
        for index, action in enumerate(actions):
            self._begin([place for place, start in enumerate(first) if start == index])
            with self._guard:
                got, _ = self._envs.step(self._actions(action))
            for place, start in enumerate(first):
                if start <= index:
                    rewards[place].append(got[place].copy())
            self._begin([place for place in self._envs.ended if first[place] > index])
        self._begin([place for place, start in enumerate(first) if start == len(actions)])
        # added one by one as in `step`
        zero = np.zeros(self._shape[-1])
        sums = [functools.reduce(operator.add, each, zero) for each in rewards]
        self._return = np.nan_to_num(np.array(sums)).reshape(self._shape)
        self._time, self._begun[...] = len(actions), begun
        self.obs = self._obs()

    def close(self) -> None:
        self._guard.close()
        self._envs.close()
