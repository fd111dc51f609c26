"""What an environment observes, against what its space says: shape, type and numbers.

Put into an array as it is, an observation of another shape would be stretched, and a number that
the type of the array does not have would be rounded or wrapped around, without a word.
"""

from __future__ import annotations

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
    """An environment returned what its spaces do not have; the text is a sentence about it."""


class Conform:
    """One environment's observations as arrays of their space's shape and dtype.

    For spaces whose observations are one array or one number. Floats are rounded to the precision
    of the space, and are infinite there where they are too large. Whether a whole number is among
    the choices of its space is for ``ObsMap.wrong``.
    """

    too_large: float | None = None
    """The last number that became infinite."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._space, self._shape, self._dtype = space, space.shape, space.dtype
        self._number = isinstance(space, spaces.Discrete) and space.dtype == np.int64

    def __call__(self, raw: Any) -> Array | int:
        """The observation itself where it is as its space says. Raises NotInSpace."""
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
        if fitted.dtype.kind == "f" and (lost := np.isfinite(array) & np.isinf(fitted)).any():
            self.too_large = float(array[lost][0])
        return fitted


def checked(space: gym.Space[Any], raw: Any, subject: str = OBSERVATION) -> Array:
    """The observation as an array of the space's shape, with the numbers that it came with.

    ``subject`` is what messages call it. Raises NotInSpace where it has another shape, or numbers
    that a space of whole numbers cannot hold.
    """
    try:
        array = np.asarray(raw)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise NotInSpace(f"{subject} is {short(raw)}, where {short(space)} has numbers")
    if array.shape != space.shape:
        raise NotInSpace(
            f"{subject} has the shape {array.shape}, but its space of observations says "
            f"{space.shape}"
        )
    dtype = np.dtype(space.dtype)
    if dtype.kind == "f" or np.can_cast(array.dtype, dtype):
        return array
    with np.errstate(invalid="ignore"):
        lost = array.astype(dtype) != array
    if lost.any():
        raise NotInSpace(
            f"{subject} {'holds' if array.ndim else 'is'} {array[lost][0]}, which {dtype}, the "
            f"type of {short(space)}, cannot hold"
        )
    return array


def one_number(reward: Any) -> float:
    """The reward of one step. Raises NotInSpace where it is none."""
    if isinstance(reward, float | int | np.number):
        return float(reward)
    if np.shape(reward) != ():
        raise NotInSpace(f"its reward has the shape {np.shape(reward)}, but a reward is one number")
    try:
        return float(reward)
    except (TypeError, ValueError):
        raise NotInSpace(f"its reward is {short(reward)}, which is not a number") from None


def can_flatten(space: gym.Space[Any]) -> bool:
    """Whether Gymnasium can make an array of its observations; spaces of others need not say."""
    try:
        return space.is_np_flattenable
    except NotImplementedError:
        return False


def is_text(space: gym.Space[Any]) -> bool:
    """Whether it is a space of texts that somebody else wrote, as MiniGrid's missions."""
    if can_flatten(space) or type(space).__module__.startswith("gymnasium.spaces."):
        return False
    return isinstance(space.sample(), str)


class Leaf(NamedTuple):
    """A part of a compound observation that has no parts: its space, and how it is reached."""

    space: gym.Space[Any]
    path: tuple[Any, ...]
    name: str
    """What messages call it."""


class Compound:
    """Observations that are tuples or dictionaries, as one array."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self.leaves: list[Leaf] = []
        """Its parts, in the order of Gymnasium's ``flatten``."""
        self.texts: list[str] = []
        """What messages call the parts that are text and cannot be flattened: they are left out."""
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
        """The value of every leaf. Raises NotInSpace where one is missing, or there are more."""
        for count, path, name in self._tuples:
            value = _reach(raw, path)
            if not isinstance(value, tuple | list) or len(value) != count:
                raise NotInSpace(f"{name} is {short(value)}, where its space has {count} parts")
        return [_reach(raw, leaf.path) for leaf in self.leaves]

    def numbers(self, raw: Any) -> Array:
        """The numbers ``[part]``, where all parts are discrete.

        Raises NotInSpace where a part is missing, or of another shape or type.
        """
        found: list[int] = []
        for value, leaf in zip(self._values(raw), self.leaves, strict=True):
            if type(value) in WHOLE and leaf.space.shape == () and -LARGEST <= value <= LARGEST:
                found.append(value)
            else:
                found.extend(
                    checked(leaf.space, value, leaf.name).ravel().astype(np.int64).tolist()
                )
        return np.array(found, np.int64)

    def flattened(self, raw: Any) -> Array:
        """The numbers ``[number]`` of Gymnasium's ``flatten``: discrete parts are ones and zeros.

        Raises NotInSpace where a part is missing, of another shape or type, or where a discrete
        one is none of its choices.
        """
        values = self._values(raw)
        return np.concatenate([_flat(*each) for each in zip(values, self.leaves, strict=True)])


def _flat(value: Any, leaf: Leaf) -> Array:
    """The numbers of one part."""
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
    """What lies at the end of a path of keys in an observation."""
    value = raw
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise NotInSpace(f"{OBSERVATION} is {short(raw)}, without a field {key!r}") from None
    return value


def short(value: Any) -> str:
    """A value or a space in a message."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."
