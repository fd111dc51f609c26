"""Experience replay. Imports numpy and ``rlrun.types`` only; networks never come near it."""

from __future__ import annotations

from collections.abc import Callable

from rlrun.replay.ring import Replay

REPLAY: dict[str, Callable[..., Replay]] = {"uniform": Replay}
