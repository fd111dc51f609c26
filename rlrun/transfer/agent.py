"""The agent of a run, with what it takes from earlier runs: weights, data and demonstrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rlrun.agents import agent_class
from rlrun.build import build_agent
from rlrun.core.types import Agent
from rlrun.data.recorded import Data
from rlrun.envs.environment import Environment
from rlrun.replay.demonstrations import Shown
from rlrun.settings import Settings
from rlrun.transfer.experts import shown_by_expert
from rlrun.transfer.weights import InitialWeights


def run_agent(
    parts: Settings,
    env: Environment,
    horizon: int,
    data: Data | None,
    *,
    begun: bool,
    check: Callable[[], None],
) -> tuple[Agent, list[str]]:
    """Return the agent of a run, and sentences on what it took from earlier runs.

    A run that has ``begun`` has most of that in its checkpoint. ``check`` is called at every step
    of an expert. Raises BadInput if the earlier runs cannot be used.
    """
    cls = agent_class(str(parts.agent.name))
    shown = shown_by_expert(parts, env, cls, begun=begun, check=check)
    agent = build_agent(parts, env.spec, horizon=horizon, data=data, shown=shown)
    if begun:
        return agent, []
    sentences = [] if shown is None else [_shown(parts, shown)]
    if parts.init is not None:
        sentences.append(InitialWeights(Path(parts.init)).give(parts, env.spec, agent))
    return agent, sentences


def _shown(parts: Settings, shown: Shown) -> str:
    """Return a sentence on the demonstrations."""
    episodes = [each for own in shown.episodes for each in own]
    returns = np.mean([each.reward.sum() for each in episodes])
    steps = sum(len(each.action) for each in episodes) / parts.seeds
    used = "" if parts.demos.every == 1 else f", one in {parts.demos.every} of which is used"
    count, expert = parts.demos.episodes, parts.demos.expert
    return (
        f"imitates {expert}: {count:,} episode{'s' * (count > 1)} for each seed, with a "
        f"mean return of {returns:,.4g} and {steps:,.0f} steps for each seed{used}"
    )
