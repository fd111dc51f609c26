"""The metrics of a run since it last logged: averages, and the last episodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Metrics, State, Step
from rlrun.loop import Block
from rlrun.training.episodes import EpisodeCounter

WINDOW = 100  # episodes in the means under rollout/, as in Stable-Baselines3


class MetricsWindow:
    """Averages of metrics since the last logged row, and each seed's last `WINDOW` episodes.

    With ``rollout=False`` there are no episodes, and nothing under ``rollout/``. A seed that was
    ended has no values from then on. ``agents`` are the names of several agents, whose returns have
    their own means.
    """

    def __init__(self, num_seeds: int, *, rollout: bool = True, agents: Sequence[str] = ()) -> None:
        self._rollout = rollout
        self._metrics: dict[str, Average] = {}
        self._returns = [deque[float](maxlen=WINDOW) for _ in range(num_seeds)]
        self._lengths = [deque[float](maxlen=WINDOW) for _ in range(num_seeds)]
        self._names = tuple(agents)
        self._of_agents = [deque[Array](maxlen=WINDOW) for _ in range(num_seeds)]  # [agent] each
        self._ended = np.zeros(num_seeds, np.bool_)
        self.episodes = EpisodeCounter(num_seeds)
        """The number of episodes of each seed, and those that are not written yet."""

    def add(self, t: Step | Block | None, metrics: Metrics) -> None:
        """Add the episodes that ended with a step, if there was one, and the metrics of updates."""
        if isinstance(t, Block):
            self._add_block(t, metrics)
            return
        if t is not None and np.count_nonzero(t.last):  # on small arrays faster than any()
            score = t.score if t.alive is None else t.score.sum(-1)  # of all agents
            for seed, env in np.argwhere(t.last).tolist():
                if not self._ended[seed]:
                    score_of, length = float(score[seed, env]), float(t.length[seed, env])
                    self._returns[seed].append(score_of)
                    self._lengths[seed].append(length)
                    if self._names:
                        self._of_agents[seed].append(t.score[seed, env])
                    self.episodes.add(seed, score_of, length)
        for tag, values in metrics.items():
            if tag not in self._metrics:
                self._metrics[tag] = Average(self._ended)
            self._metrics[tag].add(values)

    def _add_block(self, block: Block, metrics: Metrics) -> None:
        """Add the episodes and the metrics ``[time, seed]`` of several steps."""
        for seed in np.flatnonzero((block.ended > 0) & ~self._ended).tolist():
            scores, lengths = (
                each[seed, : block.ended[seed]].tolist() for each in (block.score, block.length)
            )
            self._returns[seed].extend(scores[-WINDOW:])
            self._lengths[seed].extend(lengths[-WINDOW:])
            self.episodes.extend(seed, scores, lengths)
        for tag, values in metrics.items():
            if tag not in self._metrics:
                self._metrics[tag] = Average(self._ended)
            self._metrics[tag].extend(_host(values))

    def row(self) -> dict[str, Array]:
        """Return values ``[seed]`` by tag: means since the last row, the latest value of counts."""
        row = self._values()
        self._metrics.clear()
        return row

    def end(self, seeds: Collection[int]) -> dict[str, Array]:
        """End the seeds at these positions; return their last values, NaN for the other seeds.

        The averages of the other seeds do not change.
        """
        others = np.ones(len(self._ended), np.bool_)
        others[list(seeds)] = False
        row = {tag: np.where(others, np.nan, values) for tag, values in self._values().items()}
        for average in self._metrics.values():
            average.drop(~others)
        self._ended |= ~others
        return row

    def _values(self) -> dict[str, Array]:
        row = {"rollout/ep_rew_mean": _means(self._returns)}
        row["rollout/ep_len_mean"] = _means(self._lengths)
        for k, name in enumerate(self._names):
            scores = [[float(each[k]) for each in window] for window in self._of_agents]
            row[f"rollout/ep_rew_mean/{name}"] = _means(scores)
        row |= {tag: average.value() for tag, average in self._metrics.items()}
        if not self._rollout:
            row = {tag: each for tag, each in row.items() if not tag.startswith("rollout/")}
        if not self._ended.any():
            return row
        return {tag: np.where(self._ended, np.nan, each) for tag, each in row.items()}

    def state_dict(self) -> State:
        return {
            "metrics": {tag: average.state_dict() for tag, average in self._metrics.items()},
            "returns": [np.array(window, np.float64) for window in self._returns],
            "lengths": [np.array(window, np.float64) for window in self._lengths],
            "of_agents": [np.array(window, np.float64) for window in self._of_agents],
            "ended": self._ended.copy(),
            "episodes": self.episodes.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._metrics.clear()
        for tag, each in state["metrics"].items():
            self._metrics[tag] = Average(self._ended)
            self._metrics[tag].load_state_dict(each)
        for name, windows in (("returns", self._returns), ("lengths", self._lengths)):
            for window, saved in zip(windows, state[name], strict=True):
                window.clear()
                window.extend(saved.tolist())
        for several, saved in zip(self._of_agents, state.get("of_agents", ()), strict=False):
            several.clear()
            several.extend(saved)
        if "ended" in state:  # not in runs of version 0.1
            restore_into(self._ended, state["ended"], "the seeds that have ended")
        self.episodes.load_state_dict(state.get("episodes"))


class Average:
    """The mean of many values ``[seed]``, or the latest one if they are integers, which are counts.

    NaN is left out: a seed may begin to learn later than others. Values are stored and summed a few
    hundred at a time: reading each one as it arrives would stall an accelerator.

    Args:
        ended: the mask ``[seed]`` of seeds whose values are left out; None for none.
    """

    BLOCK = 256

    def __init__(self, ended: Array | None = None) -> None:
        self._ended = ended
        self._block: list[Any] = []
        self._sum: Array | float = 0.0
        self._count: Array | int = 0
        self._latest: Array = np.empty(0)

    def add(self, values: Any) -> None:
        self._block.append(values)
        if len(self._block) == self.BLOCK:
            self._fold()

    def extend(self, values: Array) -> None:
        """Add values ``[time, seed]``."""
        self._fold()
        for start in range(0, len(values), self.BLOCK):
            part = values[start : start + self.BLOCK]
            there = ~np.isnan(part)
            if self._ended is not None:
                there &= ~self._ended
            whole = there.all()
            added = part.copy() if whole else np.where(there, part, 0.0)
            added[0] += self._sum
            self._sum = np.add.accumulate(added, out=added)[-1].copy()  # in order, as in `_fold`
            self._count = self._count + (
                np.full(part.shape[1], len(part)) if whole else there.sum(0)
            )
            self._latest = part[-1].copy()

    def value(self) -> Array:
        self._fold()
        if np.issubdtype(self._latest.dtype, np.integer):
            return self._latest
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: there was no value
            return np.asarray(self._sum / np.asarray(self._count))

    def drop(self, seeds: Array) -> None:
        """Drop the values of the seeds in the mask ``[seed]``."""
        self._fold()
        self._sum, self._count = np.where(seeds, 0.0, self._sum), np.where(seeds, 0, self._count)

    def state_dict(self) -> State:
        self._fold()
        return {
            "sum": np.asarray(self._sum),
            "count": np.asarray(self._count),
            "latest": self._latest,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._block = list(state.get("held", ()))  # in checkpoints of version 0.1
        self._sum, self._count = state["sum"], np.asarray(state["count"])
        self._latest = state["latest"]

    def _fold(self) -> None:
        if self._block:
            values = [_host(each) for each in self._block]
            by_seed = np.stack(values, -1).astype(np.float64, order="C")  # [seed, time]
            there = ~np.isnan(by_seed)
            if self._ended is not None:
                there &= ~self._ended[:, None]
            by_seed = np.where(there, by_seed, 0.0)
            # one after the other: then neither the number of seeds nor a value that is left out
            # affects the result
            by_seed[:, 0] += self._sum
            self._sum = np.cumsum(by_seed, -1)[:, -1]
            self._count = self._count + there.sum(-1)
            self._latest = values[-1]
            self._block.clear()


def _means(windows: Sequence[Sequence[float]]) -> Array:
    return np.array([np.mean(w) if w else np.nan for w in windows])


def _host(values: Any) -> Array:
    return values if isinstance(values, np.ndarray) else values.numpy(force=True)
