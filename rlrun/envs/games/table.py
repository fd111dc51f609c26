"""The base of environments that are a table of transitions, like Gymnasium's toy-text."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

Transition: TypeAlias = tuple[float, int, float, bool]
"""Probability, next state, reward, terminated."""
Transitions: TypeAlias = dict[int, dict[int, list[Transition]]]


def signed(reward: float) -> str:
    """Format a reward for display: +10, -50, 0."""
    return f"{reward:+g}" if reward else "0"


def real(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """Return an argument of an environment as a float.

    Raises ValueError if it is not a finite number from ``least`` to ``most``.
    """
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if numeric and math.isfinite(value) and least <= value <= most:
        return float(value)
    bounds = {"at least": least, "at most": most}
    words = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]
    kind = " ".join(["a finite number", " and ".join(words)]).strip()
    raise ValueError(f"{name} must be {kind}, got {value!r}")


class Move(NamedTuple):
    """One step, for display."""

    state: int
    action: int
    next_state: int
    reward: float
    terminated: bool


class TableEnv(gym.Env[Any, Any]):
    """An environment whose steps are drawn from its model ``P``, which planning reads too.

    Observations are state numbers. An action without any outcome in ``P`` is impossible: taking it
    changes nothing and gives reward 0, so that agents that ignore this still run, and
    ``info["action_mask"]``, int8 ``[action]``, is 0 for it.

    Args:
        model: the outcomes of ``model[state][action]``.
        start: the state in which episodes begin.
        states: names of the states.
        actions: names of the actions.
        render_mode: ``ansi`` for a line of text, ``rgb_array`` for a picture.
    """

    metadata = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 4,
    }

    def __init__(
        self,
        model: Transitions,
        start: int,
        states: Sequence[str],
        actions: Sequence[str],
        render_mode: str | None = None,
    ) -> None:
        self.P = model
        self.initial_state_distrib = np.eye(len(states))[start]
        self.observation_space = spaces.Discrete(len(states))
        self.action_space = spaces.Discrete(len(actions))
        self.render_mode = render_mode
        self.s = start
        self._states, self._actions = states, actions
        self._last: Move | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.s = self._draw(self.initial_state_distrib.tolist())
        self._last = None
        return self.s, self._info(1.0)

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        before = self.s
        outcomes = self.P[before][action] or [(1.0, before, 0.0, False)]
        chance, self.s, reward, terminated = outcomes[self._draw(o[0] for o in outcomes)]
        self._last = Move(before, int(action), self.s, reward, terminated)
        return self.s, reward, terminated, False, self._info(chance)

    def render(self) -> Any:
        """Return text or a picture ``[height, width, colour]``; None without a render mode."""
        if self.render_mode == "ansi":
            return self._text()
        return self._picture() if self.render_mode == "rgb_array" else None

    def _draw(self, chances: Iterable[float]) -> int:
        """Draw an index from a list of probabilities."""
        bounds = list(accumulate(chances))
        # the sum may be a rounding error below 1
        return min(bisect(bounds, self.np_random.random()), len(bounds) - 1)

    def _info(self, chance: float) -> dict[str, Any]:
        possible = [bool(outcomes) for outcomes in self.P[self.s].values()]
        return {"prob": chance, "action_mask": np.array(possible, np.int8)}

    def _text(self) -> str:
        """Return all states in a line, the current one in brackets, and the last step."""
        names = (f"[{n}]" if i == self.s else f" {n} " for i, n in enumerate(self._states))
        return f"{''.join(names)}  {self._last_step()}".rstrip()

    def _last_step(self) -> str:
        """Describe the last step; "" before the first one."""
        if self._last is None:
            return ""
        state, action, _, reward, terminated = self._last
        words = f"{self._actions[action]}, reward {signed(reward)}"
        if not self.P[state][action]:
            words += ", impossible"
        return f"{words}, end" if terminated else words

    def _picture(self) -> Array:
        """Draw the state, uint8 ``[height, width, colour]``."""
        raise NotImplementedError
