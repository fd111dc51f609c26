"""The ``curiosity`` group: settings classes, each of which builds its intrinsic reward."""

from __future__ import annotations

from rlrun.curiosity.constant import ConstantSettings
from rlrun.curiosity.count import CountSettings
from rlrun.curiosity.icm import ICMSettings
from rlrun.curiosity.rnd import RNDSettings

CURIOSITY = {
    "constant": ConstantSettings,
    "count": CountSettings,
    "icm": ICMSettings,
    "rnd": RNDSettings,
}
"""For agents with a constructor parameter ``curiosity``."""
