"""Sums over sums of priorities, to draw from a million of them in a few steps."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.replay.observations import take

FAN = 32  # children of a node: wide, because each level costs a handful of numpy calls
TOP = 1024  # nodes of the highest level, at most; it is searched as a whole


class SumTree:
    """A tree of sums for each seed, whose leaves are priorities >= 0.

    ``levels[0]`` are the leaves ``[seed, place]``, filled up with zeros; each entry of a level
    above is the sum of ``FAN`` of the level below, worked out anew whenever one of them changes,
    so that no error builds up. Priorities are float64.

    Args:
        seeds: how many.
        count: leaves of each.
    """

    def __init__(self, num_seeds: int, count: int) -> None:
        self._count = count
        self._levels = [np.zeros((num_seeds, width)) for width in _widths(count)]
        self._flat = [level.reshape(-1) for level in self._levels]
        self._children = [level.reshape(-1, FAN) for level in self._levels[:-1]]
        self._first = [np.arange(num_seeds)[:, None] * level.shape[1] for level in self._levels]

    @property
    def leaves(self) -> Array:
        """``[seed, place]``, to be read only."""
        return self._levels[0][:, : self._count]

    def find(self, share: Array) -> tuple[Array, Array]:
        """Draw leaves: where the sum over all before first exceeds ``share [seed, batch]``.

        Shares of the total are in [0, 1). Returns places and their priorities, each
        ``[seed, batch]``; a leaf of priority 0 is never among them.
        """
        sums = self._levels[-1].cumsum(1)
        rest = _below(share * sums[:, -1:], sums[:, -1:])
        node = np.stack([s.searchsorted(r, "right") for s, r in zip(sums, rest, strict=True)])
        node += self._first[-1]
        if self._children:
            rest = rest - np.where(node > self._first[-1], sums.reshape(-1)[node - 1], 0.0)
        for children in reversed(self._children):
            sums = take(children, node).cumsum(-1)  # [seed, batch, FAN]
            rest = _below(rest, sums[..., -1])
            child = (sums > rest[..., None]).argmax(-1)
            node = node * FAN + child
            if children is not self._children[0]:
                entry = np.arange(0, sums.size, FAN).reshape(child.shape) + child
                rest = rest - np.where(child > 0, sums.reshape(-1)[entry - 1], 0.0)
        return node - self._first[0], take(self._flat[0], node)

    def write(self, place: Array, priority: Array) -> None:
        """Set the leaves at ``place [seed, batch]``; of a place given twice the last one counts."""
        node = (place + self._first[0]).reshape(-1)
        self._flat[0][node] = priority.reshape(-1)
        for children, parents in zip(self._children, self._flat[1:], strict=True):
            node = node // FAN
            parents[node] = take(children, node).sum(-1)

    def fill(self, places: slice, priority: Array | float) -> None:
        """Set all leaves of a span of places to one ``priority`` ``[seed, 1]``."""
        self._levels[0][:, places] = priority
        self._sum_up(places.start, places.stop)

    def load(self, leaves: Array) -> None:
        """Set all leaves ``[seed, place]``; raises ValueError where they are not priorities."""
        if leaves.shape != self.leaves.shape or leaves.dtype != np.float64:
            raise ValueError(f"the priorities are {leaves.dtype} {list(leaves.shape)}")
        if not (leaves >= 0).all():
            raise ValueError("there are priorities that are not numbers from 0")
        self.leaves[:] = leaves
        self._sum_up(0, self._count)

    def _sum_up(self, start: int, stop: int) -> None:
        """Work out the sums over the leaves from ``start`` to before ``stop``."""
        for low, high in zip(self._levels, self._levels[1:], strict=False):
            start, stop = start // FAN, -(-stop // FAN)
            below = low[:, start * FAN : stop * FAN]
            high[:, start:stop] = below.reshape(len(low), -1, FAN).sum(-1)

    def check_valid(self) -> tuple[bool, str]:
        """Whether every parent is the sum of its children, and if not, which one is not."""
        if not (self._levels[0] >= 0).all() or self._levels[0][:, self._count :].any():
            return False, "a leaf is not a priority"
        for number, (children, parents) in enumerate(
            zip(self._children, self._flat[1:], strict=True)
        ):
            wrong = np.flatnonzero(children.sum(-1) != parents)
            if len(wrong):
                return False, f"entry {wrong[0]} of level {number + 1} is not its children's sum"
        return True, ""


def tree_bytes(count: int) -> int:
    """What the tree of one seed takes."""
    return 8 * sum(_widths(count))


def _widths(count: int) -> list[int]:
    """How many entries each level has, the leaves first."""
    levels = 0
    while -(-count // FAN**levels) > TOP:
        levels += 1
    top = -(-count // FAN**levels)
    return [top * FAN ** (levels - level) for level in range(levels + 1)]


def _below(rest: Array, total: Array) -> Array:
    """``rest``, or the next number below ``total`` where rounding has brought it there."""
    limited: Array = np.minimum(rest, np.nextafter(total, 0.0))
    return limited
