"""What agents with networks do alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from rlrun.core.schedules import Linear
from rlrun.core.types import Array
from rlrun.nets.device import Device
from rlrun.replay.ring import Replay


class LearningRate:
    """Each update's rate is that of the step at which the collection of its data began.

    So the last update changes something even where the schedule ends at 0, as in OpenAI's ppo2 and
    in CleanRL. Stable-Baselines3 reads the schedule after the collection: its last rate is 0.

    Args:
        lr, lr_end: at the start, and at the end of the run, reached in a straight line; None
            keeps ``lr``.
        horizon: the length of the run in steps.
        interval: steps from one update to the next, at least.
    """

    def __init__(self, lr: float, lr_end: float | None, horizon: int, interval: int) -> None:
        self._schedule = Linear(lr, lr if lr_end is None else lr_end, horizon)
        self._interval = interval

    def __call__(self, step: int, collected: int = 0) -> float:
        """The rate of an update at ``step``, from ``collected`` steps if they are more."""
        return self._schedule(step - max(self._interval, collected))


def exclude(
    faults: dict[int, str], loss: Tensor | Array, what: str, positions: Sequence[int] | None = None
) -> None:
    """Add to ``faults`` the seeds whose ``loss [seed]`` is not finite, by position.

    ``positions`` are those of the seeds in ``loss``, where these are not all.
    """
    if math.isfinite(loss.sum()):
        return
    for position, value in zip(positions or range(len(loss)), loss.tolist(), strict=True):
        if not math.isfinite(value):
            faults.setdefault(position, f"{what} is {value}")


def histograms(
    device: Device, weights: Mapping[str, Tensor], replay: Replay | None = None
) -> dict[str, Array]:
    """The weights by layer, and the priorities of a replay that has any, each ``[seed, n]``."""
    found: dict[str, Array] = {f"weights/{name}": device.array(w) for name, w in weights.items()}
    priorities = None if replay is None else replay.priorities()
    return found if priorities is None else {**found, "replay/priority": np.asarray(priorities)}
