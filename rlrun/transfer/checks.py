"""Checks of a new run's settings with the earlier runs that it takes something from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlrun import build
from rlrun.core.schema import construct
from rlrun.settings import Settings
from rlrun.transfer.weights import InitialWeights


def validate(settings: Mapping[str, Any]) -> build.Needs:
    """Check the settings of a new run, as `build.validate` does, and those weights that it names.

    Raises BadInput.
    """
    needs = build.validate(settings)
    if settings.get("init") is not None:
        parts = construct(Settings, settings, "")
        InitialWeights(Path(settings["init"])).check(parts, build.environment(parts).spec)
    return needs
