"""Functions that agents with networks share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from rlrun.core.rows import Number
from rlrun.core.schedules import Linear
from rlrun.core.types import Array
from rlrun.nets.device import Device
from rlrun.replay.ring import Replay


class LearningRate:
    """A linear learning-rate schedule, read at the step where collecting the update's data began.

    So the last update has a positive rate even if the schedule ends at 0, as in OpenAI's ppo2 and
    in CleanRL. Stable-Baselines3 reads the schedule after the collection: its last rate is 0.

    Args:
        lr, lr_end: the rates at the start and at the end of the run; with None it is constant.
        horizon: the length of the run in steps.
        interval: the smallest number of steps between updates.
    """

    def __init__(self, lr: Number, lr_end: Number | None, horizon: int, interval: int) -> None:
        self._schedule = Linear(lr, lr if lr_end is None else lr_end, horizon)
        self._interval = interval

    def __call__(self, step: int, collected: int = 0) -> Number:
        """Return the rate of an update at ``step``.

        ``collected`` is the number of steps it learns from, if larger than the interval.
        """
        return self._schedule(step - max(self._interval, collected))

    def of_update(self, number: int) -> Number:
        """Return the rate of an update, counted from 1, in a run whose horizon is in updates."""
        return self._schedule(number - 1)


def record_nonfinite(
    faults: dict[int, str], loss: Tensor | Array, what: str, positions: Sequence[int] | None = None
) -> None:
    """Add to ``faults`` the seeds whose ``loss [seed]`` is not finite, by position.

    ``positions`` are the positions of the seeds in ``loss``, if these are not all seeds.
    """
    if math.isfinite(loss.sum()):
        return
    for position, value in zip(positions or range(len(loss)), loss.tolist(), strict=True):
        if not math.isfinite(value):
            faults.setdefault(position, f"{what} is {value}")


def histograms(
    device: Device, weights: Mapping[str, Tensor], replay: Replay | None = None
) -> dict[str, Array]:
    """Return the weights by layer, and the priorities of the replay if any, each ``[seed, n]``."""
    values: dict[str, Array] = {f"weights/{name}": device.array(w) for name, w in weights.items()}
    priorities = None if replay is None else replay.priorities()
    return values if priorities is None else {**values, "replay/priority": np.asarray(priorities)}
