"""Checks that observations and rewards conform to their spaces: shape, type and numbers.

Without them an observation of another shape would be broadcast, and a number that the array's type
cannot represent would be rounded or wrapped around, without an error.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

OBSERVATION = "its observation"
LONG = 80  # characters of a space in a message
WHOLE = (int, bool, np.int64)
REAL = (float, int, np.float64)
LARGEST = 2**63 - 1  # of int64


class NotInSpace(ValueError):
    """An environment returned a value outside its spaces; the message is a sentence about it."""


class Conform:
    """Converts one environment's observations to arrays of their space's shape and dtype.

    For spaces whose observations are one array or one number. Floats are rounded to the precision
    of the space; those too large for it become infinite. Whether a whole number is among the
    choices of its space is checked by ``ObsMap.wrong``.
    """

    too_large: float | None = None
    """The last number that became infinite."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._space, self._shape, self._dtype = space, space.shape, space.dtype
        self._number = isinstance(space, spaces.Discrete) and space.dtype == np.int64

    def __call__(self, raw: Any) -> Array | int:
        """Return the observation, unchanged if it matches its space. Raises NotInSpace."""
        if type(raw) is np.ndarray and raw.dtype is self._dtype and raw.shape == self._shape:
            return raw
        if self._number and type(raw) in WHOLE and -LARGEST <= raw <= LARGEST:
            whole: int = raw
            return whole
        array = checked(self._space, raw)
        if array.dtype == self._dtype:
            return array
        with np.errstate(over="ignore"):
            fitted = array.astype(self._dtype)
        if fitted.dtype.kind == "f" and (over := np.isfinite(array) & np.isinf(fitted)).any():
            self.too_large = float(array[over][0])
        return fitted


def checked(space: gym.Space[Any], raw: Any, subject: str = OBSERVATION) -> Array:
    """Return the observation as an array of the space's shape, with its numbers unchanged.

    ``subject`` is its name in messages. Raises NotInSpace if it has another shape, or numbers that
    a space of whole numbers cannot hold.
    """
    try:
        array = np.asarray(raw)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise NotInSpace(f"{subject} is {short(raw)}, but {short(space)} holds numbers")
    if array.shape != space.shape:
        raise NotInSpace(
            f"{subject} has the shape {array.shape}, but its observation space has {space.shape}"
        )
    dtype = np.dtype(space.dtype)
    if dtype.kind == "f" or np.can_cast(array.dtype, dtype):
        return array
    with np.errstate(invalid="ignore"):
        changed = array.astype(dtype) != array
    if changed.any():
        raise NotInSpace(
            f"{subject} {'holds' if array.ndim else 'is'} {array[changed][0]}, which {dtype}, the "
            f"type of {short(space)}, cannot hold"
        )
    return array


def all_finite(numbers: Array) -> bool:
    """Return whether all numbers are finite, in a fraction of the time of `numpy.isfinite`."""
    flat = numbers.ravel()
    # the sum of squares of large numbers overflows
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(flat).all())


def one_number(reward: Any) -> float:
    """Return the reward of one step as a float. Raises NotInSpace if it is not one number."""
    if isinstance(reward, float | int | np.number):
        return float(reward)
    if np.shape(reward) != ():
        raise NotInSpace(f"its reward has the shape {np.shape(reward)}, but a reward is one number")
    try:
        return float(reward)
    except (TypeError, ValueError):
        raise NotInSpace(f"its reward is {short(reward)}, which is not a number") from None


def can_flatten(space: gym.Space[Any]) -> bool:
    """Return whether Gymnasium can flatten the space's observations to an array.

    Third-party spaces need not define this: for those it is false.
    """
    try:
        return space.is_np_flattenable
    except NotImplementedError:
        return False


def is_text(space: gym.Space[Any]) -> bool:
    """Return whether it is a third-party space of texts, such as MiniGrid's missions."""
    if can_flatten(space) or type(space).__module__.startswith("gymnasium.spaces."):
        return False
    return isinstance(space.sample(), str)


class Leaf(NamedTuple):
    """A part of a compound observation without parts: its space, and its path of keys."""

    space: gym.Space[Any]
    path: tuple[Any, ...]
    name: str
    """Its name in messages."""


class Compound:
    """Converts observations that are tuples or dictionaries to one array."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self.leaves: list[Leaf] = []
        """Its parts, in the order of Gymnasium's ``flatten``."""
        self.texts: list[str] = []
        """Names, for messages, of the parts that are left out: text, which cannot be flattened."""
        self._tuples: list[tuple[int, tuple[Any, ...], str]] = []
        self._find(space, (), OBSERVATION)

    def _find(self, space: gym.Space[Any], path: tuple[Any, ...], name: str) -> None:
        match space:
            case spaces.Dict():
                inner: list[tuple[Any, gym.Space[Any]]] = list(space.spaces.items())
            case spaces.Tuple():
                inner = list(enumerate(space.spaces))
                self._tuples.append((len(inner), path, name))
            case _ if is_text(space):
                self.texts.append(name)
                return
            case _:
                self.leaves.append(Leaf(space, path, name))
                return
        for key, part in inner:
            self._find(part, (*path, key), f"the field {key!r} of {name}")

    def _values(self, raw: Any) -> list[Any]:
        """Return the value of every leaf. Raises NotInSpace if one is missing or there are more."""
        for count, path, name in self._tuples:
            value = _reach(raw, path)
            if not isinstance(value, tuple | list) or len(value) != count:
                raise NotInSpace(f"{name} is {short(value)}, but its space has {count} parts")
        return [_reach(raw, leaf.path) for leaf in self.leaves]

    def numbers(self, raw: Any) -> Array:
        """Return the numbers ``[part]`` of an observation whose parts are all discrete.

        Raises NotInSpace if a part is missing, or of another shape or type.
        """
        numbers: list[int] = []
        for value, leaf in zip(self._values(raw), self.leaves, strict=True):
            if type(value) in WHOLE and leaf.space.shape == () and -LARGEST <= value <= LARGEST:
                numbers.append(value)
            else:
                numbers.extend(
                    checked(leaf.space, value, leaf.name).ravel().astype(np.int64).tolist()
                )
        return np.array(numbers, np.int64)

    def flattened(self, raw: Any) -> Array:
        """Return the numbers ``[number]`` of Gymnasium's ``flatten``: discrete parts are one-hot.

        Raises NotInSpace if a part is missing or of another shape or type, or if a discrete one is
        not among its choices.
        """
        values = self._values(raw)
        return np.concatenate([_flat(*each) for each in zip(values, self.leaves, strict=True)])


def _flat(value: Any, leaf: Leaf) -> Array:
    """Return the flattened numbers of one part."""
    space, _, name = leaf
    if isinstance(space, spaces.Box):
        return checked(space, value, name).ravel()
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        value = checked(space, value, name).astype(space.dtype)
        value = value if space.shape else value[()]
    if not space.contains(value):
        raise NotInSpace(f"{name} is {short(value)}, which is not in {short(space)}")
    return np.ravel(np.asarray(spaces.flatten(space, value)))


def _reach(raw: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path of keys in an observation. Raises NotInSpace if it is missing."""
    value = raw
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise NotInSpace(f"{OBSERVATION} is {short(raw)}, without a field {key!r}") from None
    return value


def short(value: Any) -> str:
    """Format a value or a space for a message, shortened if it is long."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."
