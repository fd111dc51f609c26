"""The ``curiosity`` group: settings classes, each of which builds its intrinsic reward."""

from __future__ import annotations

from rlrun.curiosity.constant import ConstantSettings
from rlrun.curiosity.count import CountSettings

CURIOSITY = {"constant": ConstantSettings, "count": CountSettings}
"""For agents with a constructor parameter ``curiosity``."""
