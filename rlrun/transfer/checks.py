"""Checks of a new run's settings with the earlier runs that it takes something from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlrun import build
from rlrun.agents import agent_class
from rlrun.core.schema import construct
from rlrun.settings import Settings
from rlrun.transfer.experts import check_expert
from rlrun.transfer.weights import InitialWeights


def validate(settings: Mapping[str, Any]) -> build.Needs:
    """Check the settings of a new run as `build.validate` does, and the runs that they name.

    Raises BadInput.
    """
    needs = build.validate(settings)
    parts = construct(Settings, settings, "")
    if parts.init is None and parts.demos.expert is None:
        return needs
    env = build.environment(parts)
    if parts.init is not None:
        InitialWeights(Path(parts.init)).check(parts, env.spec)
    check_expert(parts, env, agent_class(str(parts.agent.name)))
    return needs
