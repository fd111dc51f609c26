"""From configuration to objects: the only file that does it.

Every group option has a ``name``; it is looked up in a registry, and the remaining keys are the
keyword-only parameters of what stands there. Nothing is imported because a configuration says so.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from rlrun.agents import AGENTS
from rlrun.compatibility import incompatibility, too_many_choices
from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.memory import ROOM, in_words, shortage
from rlrun.core.rng import Purpose, Streams
from rlrun.core.schema import construct
from rlrun.core.types import Agent, Envs, Spec
from rlrun.envs.filmed import Film
from rlrun.envs.watchdog import OnHang, give_up
from rlrun.explore.options import CHOOSERS, EXPLORE, NOISES
from rlrun.replay.options import REPLAY, bytes_needed
from rlrun.settings import Settings

NO_LIMIT_STEPS = 1000  # an evaluation episode's length where neither environment nor user says


def plain(config: DictConfig) -> dict[str, Any]:
    """The task's part of a composed configuration as plain, resolved values."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if key != "hydra"}


class Needs(NamedTuple):
    """What a run takes of a machine."""

    threads: int
    bytes: int


def validate(settings: Mapping[str, Any]) -> Needs:
    """Build everything once and let it go: raises BadInput for whatever cannot run."""
    parts = construct(Settings, settings, "")
    spec = parts.env.spec(parts.gamma)
    build_agent(parts, spec)
    if parts.recording.every:
        parts.env.fps  # noqa: B018 - refuses what cannot be filmed
    return Needs(parts.device.threads, replay_bytes(parts, spec))


def build_agent(parts: Settings, spec: Spec, horizon: int | None = None) -> Agent:
    """The agent named in the settings, checked against the environment's spaces.

    ``horizon`` is the length that schedules are made for, by default the run's.
    """
    if parts.agent.get("name") is None:
        raise BadInput("the agent has no name: its YAML file begins with defaults: [dqn, _self_].")
    name = str(parts.agent["name"])
    cls = _agent_class(name)
    _check_fit(name, cls, spec)
    horizon, seeds = horizon or parts.total_steps, parts.seeds
    context = {"spec": spec, "seeds": seeds, "horizon": horizon}
    offered: dict[str, Callable[[], Any]] = {
        "spec": lambda: spec,
        "seeds": lambda: seeds,
        "horizon": lambda: horizon,
        "device": lambda: parts.device,
        "replay": lambda: _build_replay(parts.replay, spec, seeds, horizon),
        "explore": lambda: _build_option("explore", parts.explore, EXPLORE, context),
        "noise": lambda: _build_option("explore", parts.explore, EXPLORE, context),
    }
    wanted = _takes(cls)
    if "device" in wanted and (wrong := too_many_choices(spec, len(seeds))):
        raise BadInput(f"the agent {name} {wrong}.")
    _check_options(name, "replay", parts.replay, REPLAY if "replay" in wanted else {})
    ways = CHOOSERS if "explore" in wanted else NOISES if "noise" in wanted else {}
    _check_options(name, "explore", parts.explore, ways)
    _check_way(name, parts.explore.get("name"), ways)
    agent: Agent = construct(
        cls, _rest(parts.agent), "agent", **{part: offered[part]() for part in wanted}
    )
    return agent


def _check_options(
    agent: str, group: str, given: Mapping[str, Any], fitting: Mapping[str, Any]
) -> None:
    """Refuse an option of ``group`` that the agent cannot use, and name those that fit."""
    option = given.get("name")
    if not fitting and option is not None:
        raise BadInput(f"the agent {agent} has no use for {group}: write {group}=none.")
    if fitting and option is None:
        raise BadInput(f"the agent {agent} needs {group}: write {group}={next(iter(fitting))}.")


def _check_way(agent: str, way: Any, fitting: Mapping[str, Any]) -> None:
    """Refuse a way to explore that is for actions of another kind."""
    if fitting and way in EXPLORE and way not in fitting:
        kind = "continuous" if way in NOISES else "discrete"
        words = " or ".join(f"explore={each}" for each in fitting)
        raise BadInput(
            f"the agent {agent} has no use for explore={way}, which is for {kind} actions: write "
            f"{words}."
        )


def replay_bytes(parts: Settings, spec: Spec) -> int:
    """What the replay of these settings takes once it is full; 0 where there is none."""
    return _replay_bytes(parts.replay, spec, len(parts.seeds))


def _replay_bytes(given: Mapping[str, Any], spec: Spec, num_seeds: int) -> int:
    """What a replay takes; 0 for settings that none can be built from, which says why."""
    name, capacity = str(given.get("name")), given.get("capacity")
    if name not in REPLAY or not isinstance(capacity, int | float):
        return 0
    if not (math.isfinite(capacity) and capacity >= spec.num_envs):
        return 0
    return bytes_needed(name, spec, num_seeds, int(capacity))


def _build_replay(given: Mapping[str, Any], spec: Spec, seeds: Sequence[int], horizon: int) -> Any:
    """The replay, refused before it is made where it would not fit into the memory."""
    size = _replay_bytes(given, spec, len(seeds))
    free = shortage(size)
    if free is not None:
        capacity = int(given["capacity"])
        numbers = range(spec.num_envs, min(capacity, 2**60))

        def needed(number: int) -> int:
            return _replay_bytes({**given, "capacity": number}, spec, len(seeds))

        most = spec.num_envs - 1 + bisect_right(numbers, ROOM * free, key=needed)
        raise BadInput(
            f"replay.capacity={capacity:,} transitions of {len(seeds)} seeds take "
            f"{in_words(size)}, and {in_words(free)} of memory are free: the most "
            f"that fits is replay.capacity={most}.",
            "replay.capacity",
        )
    draws = Streams(seeds, Purpose.REPLAY)
    offered = {"spec": spec, "draws": draws, "num_seeds": len(seeds), "horizon": horizon}
    return _build_option("replay", given, REPLAY, offered)


def _agent_class(name: str) -> Any:
    plugins = {point.name: point for point in entry_points(group="rlrun.agents")}
    if name in AGENTS:
        module, _, attribute = AGENTS[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    if name in plugins:
        return plugins[name].load()
    raise _unknown("agent", name, [*AGENTS, *plugins])


def _build_option(
    group: str, given: Mapping[str, Any], registry: Mapping[str, Any], offered: Mapping[str, Any]
) -> Any:
    name = str(given.get("name"))
    if name not in registry:
        raise _unknown(group, name, registry)
    made = registry[name]
    return construct(made, _rest(given), group, **{k: offered[k] for k in _takes(made)})


def _takes(function: Any) -> list[str]:
    """The parameters that are not settings: what the program hands over, by name."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def _rest(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "name"}


def _unknown(group: str, name: object, known: Any) -> BadInput:
    options = ", ".join(known)
    hint = did_you_mean(str(name), known)
    return BadInput(f"there is no {group} named {name!r}.{hint} There is: {options}.")


def _check_fit(name: str, cls: Any, spec: Spec) -> None:
    """Refuse an agent that cannot see, act or plan here, and name those that can."""
    wrong = incompatibility(cls, spec)
    if wrong:
        fitting = [other for other in AGENTS if not incompatibility(_agent_class(other), spec)]
        raise BadInput(f"the agent {name} {wrong}. Agents that fit: {', '.join(fitting)}.")


def evaluation_limit(parts: Settings) -> int:
    """Steps after which an evaluation's episode is cut."""
    limits = [limit for limit in (parts.env.limit, parts.evaluation.max_steps) if limit is not None]
    return min(limits, default=NO_LIMIT_STEPS)


def evaluation_envs(
    parts: Settings,
    num_envs: int,
    purpose: Purpose = Purpose.EVAL_EPISODES,
    on_hang: OnHang = give_up,
    *,
    seeds: Sequence[int] | None = None,
    film: Film | None = None,
) -> Envs:
    """Environments for evaluation, with episode seeds of their own.

    ``purpose`` says which: those of the evaluations in training, or of the final one. ``seeds`` are
    the numbers these derive from, by default those of the run; a ``film`` is of one environment of
    one seed.
    """
    return parts.env.open(
        parts.seeds if seeds is None else seeds,
        num_envs,
        gamma=parts.gamma,
        limit=evaluation_limit(parts),
        purpose=purpose,
        on_hang=on_hang,
        film=film,
    )


def build_player(parts: Settings, seeds: Sequence[int]) -> tuple[Agent, Spec]:
    """The agent for ``seeds``, to play only: its replay has room for a single step."""
    spec, only = parts.env.spec(parts.gamma), copy.copy(parts)
    only.seeds = tuple(seeds)
    if "capacity" in parts.replay:
        only.replay = {**parts.replay, "capacity": spec.num_envs}
    return build_agent(only, spec), spec


def spaces_of(parts: Settings) -> Spec:
    """What the environment of these settings looks like; raises BadInput if it cannot be used."""
    return parts.env.spec(parts.gamma)
