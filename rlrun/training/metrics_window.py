"""The metrics of a run since it last logged: averages, and the last episodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.types import Array, Metrics, State, Step

WINDOW = 100  # episodes in the means under rollout/, as in Stable-Baselines3


class MetricsWindow:
    """Averages of metrics since the last logged row, and each seed's last `WINDOW` episodes.

    With ``rollout=False`` there are no episodes, and nothing under ``rollout/``.
    """

    def __init__(self, num_seeds: int, *, rollout: bool = True) -> None:
        self._rollout = rollout
        self._metrics: dict[str, Average] = {}
        self._returns = [deque[float](maxlen=WINDOW) for _ in range(num_seeds)]
        self._lengths = [deque[float](maxlen=WINDOW) for _ in range(num_seeds)]

    def add(self, t: Step | None, metrics: Metrics) -> None:
        """Add the episodes that ended with a step, if there was one, and the metrics of updates."""
        if t is not None and np.count_nonzero(t.last):  # on small arrays faster than any()
            score = t.score if t.alive is None else t.score.sum(-1)  # of all agents
            for seed, env in np.argwhere(t.last).tolist():
                self._returns[seed].append(float(score[seed, env]))
                self._lengths[seed].append(int(t.length[seed, env]))
        for tag, values in metrics.items():
            if tag not in self._metrics:
                self._metrics[tag] = Average()
            self._metrics[tag].add(values)

    def row(self) -> dict[str, Array]:
        """Return values ``[seed]`` by tag: means since the last row, the latest value of counts."""
        row = {"rollout/ep_rew_mean": _means(self._returns)}
        row["rollout/ep_len_mean"] = _means(self._lengths)
        row |= {tag: average.value() for tag, average in self._metrics.items()}
        self._metrics.clear()
        if self._rollout:
            return row
        return {tag: values for tag, values in row.items() if not tag.startswith("rollout/")}

    def state_dict(self) -> State:
        return {
            "metrics": {tag: average.state_dict() for tag, average in self._metrics.items()},
            "returns": [np.array(window, np.float64) for window in self._returns],
            "lengths": [np.array(window, np.float64) for window in self._lengths],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._metrics.clear()
        for tag, each in state["metrics"].items():
            self._metrics[tag] = Average()
            self._metrics[tag].load_state_dict(each)
        for name, windows in (("returns", self._returns), ("lengths", self._lengths)):
            for window, saved in zip(windows, state[name], strict=True):
                window.clear()
                window.extend(saved.tolist())


class Average:
    """The mean of many values ``[seed]``, or the latest one if they are integers, which are counts.

    Values are stored and summed a few hundred at a time: reading each one as it arrives would
    stall an accelerator.
    """

    BLOCK = 256

    def __init__(self) -> None:
        self._block: list[Any] = []
        self._sum: Array | float = 0.0
        self._count = 0
        self._latest: Array = np.empty(0)

    def add(self, values: Any) -> None:
        self._block.append(values)
        if len(self._block) == self.BLOCK:
            self._fold()

    def value(self) -> Array:
        self._fold()
        if np.issubdtype(self._latest.dtype, np.integer):
            return self._latest
        return np.asarray(self._sum / self._count)

    def state_dict(self) -> State:
        """Return all values, not summed any further: the order of a sum affects its result."""
        held = np.stack([_host(each) for each in self._block]) if self._block else np.empty(0)
        return {
            "held": held,
            "sum": np.asarray(self._sum),
            "count": self._count,
            "latest": self._latest,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._block = list(state["held"])
        self._sum, self._count = state["sum"], int(state["count"])
        self._latest = state["latest"]

    def _fold(self) -> None:
        if self._block:
            values = [_host(each) for each in self._block]
            # over the last axis, in C order: numpy sums over the first axis in an order that
            # depends on the number of seeds
            by_seed = np.stack(values, -1).astype(np.float64, order="C")  # [seed, time]
            self._sum = self._sum + by_seed.sum(-1)
            self._count += len(values)
            self._latest = values[-1]
            self._block.clear()


def _means(windows: Sequence[deque[float]]) -> Array:
    return np.array([np.mean(w) if w else np.nan for w in windows])


def _host(values: Any) -> Array:
    return values if isinstance(values, np.ndarray) else values.numpy(force=True)
