"""The first seed of a stack plays alone in films, whatever its agent can do."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlrun.core.abilities import Recurrent, masks_used
from rlrun.core.types import Array
from rlrun.training.filming import _First

SEEDS = 3


class Plain:
    """Seed k adds k to what it observes; it plays as a whole stack alone."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        assert obs.shape == (SEEDS, 2) and not explore
        added: Array = obs + np.arange(SEEDS)[:, None] + step
        return added


class Masked(Plain):
    """Takes the first legal action."""

    uses_masks = True

    def act(
        self, obs: Array, step: int, *, explore: bool = True, legal: Array | None = None
    ) -> Array:
        assert legal is not None and legal.shape == (SEEDS, 2, 4)
        action: Array = legal.argmax(-1)
        return action


class Remembers:
    """Counts the steps of an episode; seed k begins at 10 * (k + 1)."""

    def initial_memory(self, num_envs: int) -> Array:
        return np.broadcast_to(10 * np.arange(1, SEEDS + 1)[:, None], (SEEDS, num_envs))

    def act(
        self, obs: Array, step: int, memory: Array, first: Array, *, explore: bool = True
    ) -> tuple[Array, Array]:
        assert obs.shape == memory.shape == first.shape == (SEEDS, 2) and not explore
        counted = np.where(first, self.initial_memory(2), memory) + 1
        return obs + counted, counted


class Both(Remembers):
    """Does so, and acts only where action 0 is legal."""

    uses_masks = True

    def act(self, *given: Any, explore: bool = True, legal: Array | None = None) -> Any:
        assert legal is not None and legal.shape == (SEEDS, 2, 4)
        action, counted = super().act(*given, explore=explore)
        return np.where(legal[..., 0], action, -1), counted


OBS = np.array([[100, 200]])
LEGAL: Array = np.array([[[False, False, True, True], [True, False, False, False]]])


def abilities(first: object) -> tuple[bool, bool]:
    """Whether it uses masks, and whether it has a memory."""
    return masks_used(first), isinstance(first, Recurrent)


def test_a_plain_agent() -> None:
    first: Any = _First(Plain(), SEEDS)
    assert abilities(first) == (False, False)
    assert first.act(OBS, 7).tolist() == [[107, 207]]


def test_an_agent_that_says_it_uses_no_masks() -> None:
    agent = Plain()
    agent.uses_masks = False  # type: ignore[attr-defined]
    assert abilities(_First(agent, SEEDS)) == (False, False)


def test_an_agent_that_uses_masks() -> None:
    first: Any = _First(Masked(), SEEDS)
    assert abilities(first) == (True, False)
    assert first.act(OBS, 7, legal=LEGAL).tolist() == [[2, 0]]


def test_an_agent_with_a_memory() -> None:
    first: Any = _First(Remembers(), SEEDS)
    assert abilities(first) == (False, True)
    memory = first.initial_memory(2)
    assert memory.tolist() == [[10, 10]]
    action, memory = first.act(OBS, 7, memory, np.array([[True, True]]))
    assert (action.tolist(), memory.tolist()) == ([[111, 211]], [[11, 11]])
    action, memory = first.act(OBS, 8, memory, np.array([[False, True]]))
    assert (action.tolist(), memory.tolist()) == ([[112, 211]], [[12, 11]])


def test_an_agent_with_both() -> None:
    first: Any = _First(Both(), SEEDS)
    assert abilities(first) == (True, True)
    action, memory = first.act(OBS, 7, np.array([[15, 15]]), np.array([[False, True]]), legal=LEGAL)
    assert (action.tolist(), memory.tolist()) == ([[-1, 211]], [[16, 11]])
