"""Copies of one environment with several agents, stepped one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.conform import Compound, NotInSpace, one_number, short
from rlrun.envs.filmed import Film, picture
from rlrun.envs.vector.sync import EnvFault


class Agents:
    """The agents of an environment, and their spaces.

    Raises ValueError if they cannot be learnt from together.
    """

    def __init__(self, env: Any) -> None:
        self.names: tuple[str, ...] = tuple(map(str, env.possible_agents))
        self.keys = list(env.possible_agents)
        if not self.keys:
            raise ValueError("it has no agents")
        self._compounds = [Compound(env.observation_space(key)) for key in self.keys]
        self.obs_widths = tuple(_width(env.observation_space(key)) for key in self.keys)
        self.width = max(self.obs_widths)
        self.actions = [env.action_space(key) for key in self.keys]
        kinds = {type(space) for space in self.actions}
        if len(kinds) > 1 or not kinds <= {spaces.Discrete, spaces.Box}:
            raise ValueError(
                "its agents need actions of one kind, all choices (Discrete) or all numbers (Box), "
                f"and have {', '.join(sorted(kind.__name__ for kind in kinds))}"
            )
        self.discrete = kinds == {spaces.Discrete}
        self.action_widths = tuple(
            int(each.n) if isinstance(each, spaces.Discrete) else int(np.prod(each.shape or ()))
            for each in self.actions
        )
        if not self.discrete and not all(_bounded(each) for each in self.actions):
            raise ValueError("continuous actions without finite bounds are not supported")

    def observe(self, agent: int, raw: Any) -> Array:
        """Return one agent's observation as numbers. Raises NotInSpace."""
        return self._compounds[agent].flattened(raw)

    def action(self, agent: int, action: Array) -> Any:
        """Return one agent's action as its space has it; the padding is cut off."""
        space = self.actions[agent]
        if isinstance(space, spaces.Discrete):
            if not 0 <= action < space.n:
                raise NotInSpace(f"the action {action} of {self.names[agent]} is not in its space")
            return int(action + space.start)
        numbers = action[: self.action_widths[agent]]
        return numbers.reshape(space.shape).astype(space.dtype)


def _width(space: Any) -> int:
    """Return how many numbers an observation has. Raises ValueError for images."""
    if isinstance(space, spaces.Box) and space.dtype == np.uint8:
        raise ValueError(f"observations of several agents must be numbers, not {short(space)}")
    flat = spaces.flatten_space(space)
    return int(np.prod(flat.shape or ()))


def _bounded(space: Any) -> bool:
    return bool(np.isfinite(space.low).all() and np.isfinite(space.high).all())


class ParallelGrid:
    """Copies of one of PettingZoo's parallel environments.

    Its arrays, and those that it returns, are overwritten by the next call.

    Args:
        make: creates an environment.
        num_envs: the number of copies.
        limit: steps after which an episode is truncated for all agents; None for no such limit.
        film: receives a picture of every step of the first copy, which renders pictures.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        num_envs: int,
        limit: int | None = None,
        film: Film | None = None,
    ) -> None:
        self._envs = [make() for _ in range(num_envs)]
        self.agents = agents = Agents(self._envs[0])
        self.obs: Array = np.zeros((num_envs, len(agents.keys), agents.width), np.float32)
        """The current observations ``[env, agent, width]``; 0 for agents that left before."""
        self.alive = np.zeros(self.obs.shape[:2], np.bool_)
        """Which agents act in the next step, ``[env, agent]``."""
        self.ended: list[int] = []
        """The environments whose episode ended in the last step."""
        self.at = 0
        """The environment that is being stepped or reset."""
        self._limit, self._film = limit, film
        self._first: Array | None = None  # the picture of a reset, until a step follows it
        self._length = [0] * num_envs
        self._rewards = np.zeros(self.obs.shape[:2])
        self._terminations = np.zeros(self.obs.shape[:2], np.bool_)

    def reset(self, places: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin episodes with these seeds in the environments at these places."""
        for place, seed in zip(places, seeds, strict=True):
            self.at = place
            env = self._envs[place]
            try:
                observations, _ = env.reset(seed=seed)
                self._observe(place, observations)
            except Exception as error:
                raise EnvFault(place, error) from error
            self._length[place] = 0
            self.alive[place] = [key in env.agents for key in self.agents.keys]
            if self._film is not None:
                self._first = picture(np.asarray(env.render()))

    def step(self, action: Array) -> tuple[Array, Array]:
        """Step every environment; return rewards and terminations, each ``[env, agent]``.

        ``action`` is ``[env, agent]``, or ``[env, agent, number]`` in the bounds of the spaces.
        """
        self.ended = []
        self._rewards[...], self._terminations[...] = 0.0, False
        for place, env in enumerate(self._envs):
            self.at = place
            try:
                self._step(place, env, action[place])
            except Exception as error:
                raise EnvFault(place, error) from error
        return self._rewards, self._terminations

    def _step(self, place: int, env: Any, action: Array) -> None:
        """Step one environment with ``action [agent, ...]`` of the agents that are alive."""
        keys, alive = self.agents.keys, self.alive[place].tolist()
        chosen = {key: self.agents.action(k, action[k]) for k, key in enumerate(keys) if alive[k]}
        if self._film is not None and self._first is not None:
            self._film(self._first)
            self._first = None
        observations, rewards, terminations, truncations, _ = env.step(chosen)
        if self._film is not None:
            self._film(picture(np.asarray(env.render())))
        self._length[place] += 1
        self._observe(place, observations)
        stays = [False] * len(keys)
        for k, key in enumerate(keys):
            if alive[k]:
                self._rewards[place, k] = one_number(rewards[key])
                self._terminations[place, k] = terminations[key]
                stays[k] = not (terminations[key] or truncations[key])
        if not any(stays) or not env.agents or self._length[place] == self._limit:
            self.ended.append(place)
        self.alive[place] = stays

    def _observe(self, place: int, observations: Mapping[Any, Any]) -> None:
        """Write the observations of an environment; those that are missing are 0."""
        self.obs[place] = 0.0
        for k, key in enumerate(self.agents.keys):
            if key in observations:
                numbers = self.agents.observe(k, observations[key])
                self.obs[place, k, : len(numbers)] = numbers

    def close(self) -> None:
        for env in self._envs:
            env.close()
