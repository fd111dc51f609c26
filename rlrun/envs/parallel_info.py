"""Reads the spaces of an environment with several agents, and opens copies of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec

from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Space, Spec
from rlrun.envs.faults import reason
from rlrun.envs.mpe.registry import Task
from rlrun.envs.parallel.array_grid import CYCLES, ArrayAgentGrid, array_version, deviation
from rlrun.envs.parallel.grid import Agents, ParallelGrid
from rlrun.envs.parallel.spaces import AgentActions
from rlrun.envs.parallel_envs import ParallelEnvs
from rlrun.envs.settings import EnvSettings
from rlrun.envs.vector.sync import EnvOptions

SINGLE = (
    "bins",
    "rebuild",
    "obs",
    "scale_obs",
    "frame_stack",
    "last_action",
    "last_reward",
    "facts",
)
"""Settings for environments with a single agent."""


@dataclass(frozen=True)
class Parallel:
    """An environment with several agents, as it was found when it was made once."""

    env_id: str
    make: Callable[[bool], Any]
    """Makes one; the argument says whether it renders pictures."""
    spec: Spec
    """The specification for one environment per seed."""
    actions: AgentActions
    metadata: dict[str, Any]
    arrays: Callable[[int], Task] | None = None
    """Makes copies of its array version, if it is used."""
    cycles: int = 0
    """Steps after which the array version's episodes are truncated."""
    deviation: str = ""
    """What its array version gives that it does not; "" if there are no differences."""

    def open(
        self,
        seeds: Sequence[int],
        num_envs: int,
        *,
        gamma: Number,
        limit: int | None,
        purpose: Purpose,
        options: EnvOptions,
    ) -> ParallelEnvs:
        """Open ``num_envs`` environments for each seed, as `Environment.open` does."""
        spec = dataclasses.replace(self.spec, num_envs=num_envs)
        shown, copies = options.film is not None, len(seeds) * num_envs
        grid: ArrayAgentGrid | ParallelGrid
        if self.arrays is not None and not shown:
            grid = ArrayAgentGrid(self.arrays, copies, min(limit or self.cycles, self.cycles))
        else:
            grid = ParallelGrid(lambda: self.make(shown), copies, limit, options.film)
        return ParallelEnvs(
            grid, spec, self.actions, seeds, gamma=gamma, purpose=purpose, options=options
        )


_CACHE: dict[str, tuple[EnvSpec, Parallel]] = {}


def parallel_of(settings: EnvSettings, spec: EnvSpec) -> Parallel:
    """Return the description of an environment, from the cache or by making it.

    Raises BadInput if it cannot be used, or a setting is for those with a single agent.
    """
    cached = _CACHE.get(repr(settings))
    if cached is not None and cached[0] is spec:
        return cached[1]
    create: Any = spec.entry_point

    def make(shown: bool) -> Any:
        return create(**settings.kwargs, **({"render_mode": "rgb_array"} if shown else {}))

    found = _with_arrays(_read(settings, make), settings, spec)
    _CACHE.clear()
    _CACHE[repr(settings)] = spec, found
    return found


def _read(settings: EnvSettings, make: Callable[[bool], Any]) -> Parallel:
    """Make one environment, take a step in it and describe it.

    Raises BadInput if it cannot be used, or a setting is for those with a single agent.
    """
    _check(settings)
    try:
        env = make(False)
        with contextlib.closing(env):
            agents = Agents(env)
            actions = AgentActions(agents.actions, agents.action_widths, discrete=agents.discrete)
            metadata = dict(getattr(env, "metadata", None) or {})
        with contextlib.closing(ParallelGrid(lambda: make(False), 1)) as grid:
            grid.reset([0], [0])
            kind = np.int64 if actions.discrete else np.float64
            first = np.zeros((1, len(agents.names), *actions.space.shape), kind)
            grid.step(actions(first))
    except Exception as error:
        cause = getattr(error, "error", error)  # of a grid
        why = reason(cause).removeprefix("ValueError: ")
        raise BadInput(f"{settings.id} cannot be used: {why}") from error
    obs = Space("vector", (agents.width,))
    masked = actions.discrete and actions.padded
    same = settings.episode_seed == "fixed"
    spec = Spec(
        settings.id, obs, actions.space, 1, masked=masked, agents=agents.names, same_episodes=same
    )
    return Parallel(settings.id, make, spec, actions, metadata)


def _with_arrays(found: Parallel, settings: EnvSettings, spec: EnvSpec) -> Parallel:
    """Add the array version, if it gives the same. Raises BadInput if it must but cannot."""
    if settings.vector not in ("auto", "arrays"):
        return found
    version = array_version(str(getattr(spec, "module", "")), settings.kwargs)
    cycles = int(settings.kwargs.get("max_cycles", CYCLES))
    differs, why = "", version if isinstance(version, str) else ""
    if not isinstance(version, str):
        differs = deviation(lambda: found.make(False), version, cycles, found.actions)
    if settings.vector == "arrays" and (why or differs):
        raise BadInput(
            f"env.vector=arrays is not possible for {settings.id}, since "
            f"{why or f'the array version gives {differs}'}: write env.vector=auto.",
            "env.vector",
        )
    if isinstance(version, str) or differs:
        return dataclasses.replace(found, deviation=differs)
    return dataclasses.replace(found, arrays=version, cycles=cycles)


def _check(settings: EnvSettings) -> None:
    """Raise BadInput for a setting that is for environments with a single agent."""
    usual = EnvSettings.__dataclass_fields__
    for name in SINGLE:
        value = getattr(settings, name)
        if value not in (usual[name].default, None, False):
            raise BadInput(
                f"env.{name} does not apply to {settings.id}, which has several agents.",
                f"env.{name}",
            )
    if settings.shaping is not None or settings.mask != "none":
        name = "shaping" if settings.shaping is not None else "mask"
        raise BadInput(
            f"env.{name} does not apply to {settings.id}, which has several agents.", f"env.{name}"
        )
    if settings.vector == "async":
        raise BadInput(
            f"env.vector=async does not apply to {settings.id}, which has several agents: write "
            "env.vector=auto.",
            "env.vector",
        )
