"""Randomness: one independent stream per seed number and purpose, never a global generator.

(`rlrun.envs.global_generators` seeds those for environments that draw from them.)

A stream belongs to a seed, not to a position in the stack, so what seed 7 draws does not depend
on which other seeds are in the stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from rlrun.core.types import Array, State

NUMBERS = 64
MOST = 2**24  # numbers drawn together, at most
BLOCK = 4096  # calling a generator costs about 3 us for any count, slicing a block 0.3 us


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of every result: never renumber them."""

    TRAIN_EPISODES = 0
    EVAL_EPISODES = 1
    EXPLORE = 2
    REPLAY = 3
    WEIGHTS = 4
    POLICY = 5
    TABLE = 6
    NOISE = 7
    FINAL_EPISODES = 8
    GLOBAL = 9
    CURIOSITY = 10
    SEARCH = 11
    HINDSIGHT = 12
    DEMONSTRATIONS = 20
    AGENTS = 21


def sequence(seed: int, purpose: Purpose, *more: int) -> np.random.SeedSequence:
    """Return the seed sequence of one seed number and purpose, further split by ``more``."""
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *more))


class Numbers:
    """31-bit numbers by seed, place and count: seeds that every environment accepts.

    A function, not a stream: there is no state. Computed in blocks, since a seed sequence costs
    at least 10 us, even for few numbers.
    """

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self._blocks: dict[tuple[int, int], tuple[int, list[int]]] = {}  # the latest of each place

    def __call__(self, seed: int, place: int, count: int) -> int:
        """Return number ``count`` of ``place`` for the seed number ``seed``."""
        index, position = divmod(count, NUMBERS)
        block, numbers = self._blocks.get((seed, place), (-1, []))
        if block != index:
            drawn = sequence(seed, self._purpose, place, index).generate_state(NUMBERS)
            numbers = (drawn >> 1).tolist()
            self._blocks[seed, place] = index, numbers
        return numbers[position]


class ByStep:
    """Uniform numbers by (seed number, step): a function, not a stream, so there is no state.

    Calls with the same step return the same numbers, as evaluations require.
    """

    SPAN = 1024  # draws made together

    def __init__(self, seeds: Sequence[int], purpose: Purpose) -> None:
        self._seeds, self._purpose = tuple(seeds), purpose
        self._memo: tuple[tuple[int, tuple[int, ...]], Array] = ((-1, ()), np.empty(0))

    def __call__(self, step: int, *shape: int, stride: int = 1) -> Array:
        """Return ``[seed, *shape]`` float64 in [0, 1).

        A caller that asks only at every ``stride``-th step says so, and none are drawn for others.
        """
        block, place = divmod(step // stride, self.SPAN)
        if self._memo[0] != (block, shape):
            generators = (
                np.random.Generator(np.random.PCG64(sequence(seed, self._purpose, block)))
                for seed in self._seeds
            )
            drawn = np.stack([generator.random((self.SPAN, *shape)) for generator in generators])
            self._memo = ((block, shape), drawn)
        draw: Array = self._memo[1][:, place]
        return draw


class Streams:
    """One generator per seed, read in lockstep: a draw takes the same count from each.

    Numbers are drawn in blocks. The state is that of the generators before the current block,
    and how much of the block has been used.

    Args:
        seeds: the seed numbers.
        purpose: which of a seed's streams.
        below: the exclusive upper bound of all numbers, at most 1.
    """

    def __init__(self, seeds: Sequence[int], purpose: Purpose, below: float = 1.0) -> None:
        self._below = below
        self._bits = [np.random.PCG64(sequence(seed, purpose)) for seed in seeds]
        self._before = [dict(bits.state) for bits in self._bits]
        self._block: Array = np.empty((0, len(seeds)))  # one draw is contiguous in memory
        self._used = 0

    def uniform(self, count: int) -> Array:
        """Return ``[seed, count]`` float64 in [0, below); a view that stays valid."""
        return self._next(count)

    def left(self, count: int) -> int:
        """Return how many draws of ``count`` numbers `draws` can return at once: at least 1."""
        if not count:
            return MOST
        return (len(self._block) - self._used) // count or max(BLOCK, count) // count

    def draws(self, count: int, number: int) -> Array:
        """Return the next ``number`` draws of ``count`` each, at most `left` of them.

        The numbers are ``[draw, count, seed]``, those of as many calls of `uniform`.
        """
        if self._used + count > len(self._block):
            self._refill(max(BLOCK, count))
        start, self._used = self._used, self._used + number * count
        return self._block[start : self._used].reshape(number, count, len(self._bits))

    def _next(self, count: int) -> Array:
        if self._used + count > len(self._block):
            self._refill(max(BLOCK, count))
        start, self._used = self._used, self._used + count
        return self._block[start : self._used].T

    def _refill(self, width: int) -> None:
        self._before = [dict(bits.state) for bits in self._bits]
        # with gaps, since rows whose distance is a power of two would share places of the cache
        drawn = np.empty((len(self._bits), width + 8))
        for bits, row in zip(self._bits, drawn, strict=True):
            self._fill(np.random.Generator(bits), row[:width])
        self._block = np.ascontiguousarray(drawn[:, :width].T)
        self._used = 0

    def _fill(self, generator: np.random.Generator, row: Array) -> None:
        generator.random(out=row)
        if self._below < 1.0:
            row *= self._below

    def state_dict(self) -> State:
        width, used = len(self._block), self._used
        return {"streams": [{**b, "width": width, "used": used} for b in self._before]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        streams = [dict(each) for each in state["streams"]]
        width, used = int(streams[0]["width"]), int(streams[0]["used"])
        if not 0 <= used <= width <= MOST:
            raise ValueError("the position in a stream of random numbers is out of range")
        for bits, each in zip(self._bits, streams, strict=True):
            bits.state = {k: v for k, v in each.items() if k not in ("width", "used")}  # type: ignore[assignment]
        self._refill(width)
        self._used = used


class Normals(Streams):
    """Streams of normally distributed numbers."""

    def normal(self, count: int) -> Array:
        """Return ``[seed, count]`` float64 of mean 0 and variance 1; a view that stays valid."""
        return self._next(count)

    def _fill(self, generator: np.random.Generator, row: Array) -> None:
        generator.standard_normal(out=row)


class Generators:
    """One generator per seed, for draws that seeds make at different times.

    Args:
        seeds: the seed numbers.
        purpose: which of a seed's streams.
    """

    def __init__(self, seeds: Sequence[int], purpose: Purpose) -> None:
        bits = [np.random.PCG64(sequence(seed, purpose)) for seed in seeds]
        self._generators = [np.random.Generator(each) for each in bits]

    def __getitem__(self, position: int) -> np.random.Generator:
        return self._generators[position]

    def state_dict(self) -> State:
        return {"generators": [dict(each.bit_generator.state) for each in self._generators]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for generator, each in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = each


def pick(weight: Array, draw: Array) -> Array:
    """Return an action sampled in proportion to ``weight [..., action]``, by ``draw`` in [0, 1).

    Weights need not sum to 1; booleans are weights of 0 and 1.
    """
    total = weight.cumsum(-1)
    chosen: Array = (total > (draw * total[..., -1])[..., None]).argmax(-1)
    return chosen
