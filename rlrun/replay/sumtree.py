"""A sum tree of priorities, to draw from a million of them in a few steps."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array
from rlrun.replay.observations import take

FAN = 32  # children of a node: wide, because each level costs several numpy calls
TOP = 1024  # maximum nodes of the highest level, which is searched as a whole


class SumTree:
    """A tree of sums for each seed, whose leaves are priorities >= 0.

    ``levels[0]`` has the leaves ``[seed, place]``, padded with zeros. Each entry of a higher level
    is the sum of ``FAN`` entries of the level below, recomputed when one of them changes, so that
    rounding errors do not accumulate. Priorities are float64.

    Args:
        num_seeds: number of seeds.
        count: number of leaves per seed.
    """

    def __init__(self, num_seeds: int, count: int) -> None:
        self._count = count
        self._levels = [np.zeros((num_seeds, width)) for width in _widths(count)]
        self._flat = [level.reshape(-1) for level in self._levels]
        self._children = [level.reshape(-1, FAN) for level in self._levels[:-1]]
        self._first = [np.arange(num_seeds)[:, None] * level.shape[1] for level in self._levels]

    @property
    def leaves(self) -> Array:
        """The leaves ``[seed, place]``; do not write to them."""
        return self._levels[0][:, : self._count]

    def find(self, share: Array) -> tuple[Array, Array]:
        """Find the leaves at which the cumulative sum first exceeds ``share [seed, batch]``.

        Shares are fractions of the total in [0, 1). Returns places and their priorities, each
        ``[seed, batch]``; a leaf of priority 0 is never drawn.
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
        """Set the leaves at ``place [seed, batch]``; for duplicate places the last one counts."""
        node = (place + self._first[0]).reshape(-1)
        self._flat[0][node] = priority.reshape(-1)
        for children, parents in zip(self._children, self._flat[1:], strict=True):
            node = node // FAN
            parents[node] = take(children, node).sum(-1)

    def fill(self, places: slice, priority: Array | float) -> None:
        """Set all leaves in a range of places to ``priority [seed, 1]``."""
        self._levels[0][:, places] = priority
        self._update_sums(places.start, places.stop)

    def load(self, leaves: Array) -> None:
        """Set all leaves ``[seed, place]``; raises ValueError if they are not valid priorities."""
        if leaves.shape != self.leaves.shape or leaves.dtype != np.float64:
            raise ValueError(
                f"the priorities are {leaves.dtype} {list(leaves.shape)}, but must be float64 "
                f"{list(self.leaves.shape)}"
            )
        if not (leaves >= 0).all():
            raise ValueError("there are priorities that are negative or not numbers")
        self.leaves[:] = leaves
        self._update_sums(0, self._count)

    def _update_sums(self, start: int, stop: int) -> None:
        """Recompute the sums over the leaves ``start`` to ``stop - 1``."""
        for low, high in zip(self._levels, self._levels[1:], strict=False):
            start, stop = start // FAN, -(-stop // FAN)
            below = low[:, start * FAN : stop * FAN]
            high[:, start:stop] = below.reshape(len(low), -1, FAN).sum(-1)

    def check_valid(self) -> tuple[bool, str]:
        """Return whether every parent is the sum of its children, and if not, which one is not."""
        if not (self._levels[0] >= 0).all() or self._levels[0][:, self._count :].any():
            return False, "a leaf is not a priority"
        for number, (children, parents) in enumerate(
            zip(self._children, self._flat[1:], strict=True)
        ):
            wrong = np.flatnonzero(children.sum(-1) != parents)
            if len(wrong):
                entry = f"entry {wrong[0]} of level {number + 1}"
                return False, f"{entry} is not the sum of its children"
        return True, ""


def tree_bytes(count: int) -> int:
    """Return the bytes that the tree of one seed takes."""
    return 8 * sum(_widths(count))


def _widths(count: int) -> list[int]:
    """Return the number of entries of each level, starting with the leaves."""
    levels = 0
    while -(-count // FAN**levels) > TOP:
        levels += 1
    top = -(-count // FAN**levels)
    return [top * FAN ** (levels - level) for level in range(levels + 1)]


def _below(rest: Array, total: Array) -> Array:
    """Return ``rest``, or the next number below ``total`` if rounding has reached that."""
    limited: Array = np.minimum(rest, np.nextafter(total, 0.0))
    return limited
