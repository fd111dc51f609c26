"""Demonstrations: whole episodes of an expert, and the pairs that a learner imitates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rlrun.core.fields import Count
from rlrun.core.rng import Generators
from rlrun.core.types import Array, Mask, Spec, State
from rlrun.replay.layout import check_names, step_layout

FIELDS = ("obs", "action", "legal")
CHUNK = 256  # pairs that are validated together
ROOM = 64  # initial capacity in pairs; doubled when full


Label: TypeAlias = Callable[[Array, Mask], Array]
"""The actions ``[seed, env, ...]`` of an expert for observations and masks of legal actions."""


@dataclass(frozen=True, kw_only=True)
class DemosSettings:
    """What agents imitate (``demos``)."""

    expert: str | None = None
    """Who is imitated: the folder of a run, an npz file, or a rule's name (null: none).

    Of a run, seed k imitates the policy of the last step of the run's seed k; if the run has fewer
    seeds, they are used in turn. Of a file, as ``rlrun record-data`` writes it, each seed takes
    random episodes. ``rlrun list rules`` has the rules.
    """
    episodes: Count = 10
    """Episodes of the expert for each seed, which differ between seeds."""
    every: Count = 1
    """Distance between the steps of an episode that are used, from a random one on (1: all)."""


class Demonstration(NamedTuple):
    """One episode; arrays are ``[time, ...]``."""

    obs: Array
    action: Array
    """The actions that the environment took: continuous ones are in [-1, 1]."""
    reward: Array
    last_obs: Array
    """The observation after the last action, ``[...]``."""
    final: bool
    """Whether the last state was final: no rewards would have followed."""
    seed: int
    """The seed number of the learner that it was recorded of or for."""
    episode_seed: int
    """The seed with which the environment was reset."""
    legal: Array | None = None
    """Which actions were legal, ``[time, choice]``; None if there are no masks."""
    last_legal: Array | None = None
    """Which actions are legal after the last one, ``[choice]``; None likewise."""


class Shown(NamedTuple):
    """What an expert shows to the seeds of a run."""

    episodes: Sequence[Sequence[Demonstration]]
    """Whole episodes, by seed."""
    draws: Generators
    """The generators of the seeds."""
    label: Label | None
    """The expert itself; None if there are only its episodes."""


class Pairs(NamedTuple):
    """Observations and the actions to imitate; arrays or tensors ``[seed, batch, ...]``."""

    obs: Any
    action: Any
    legal: Any = None
    """Which actions were legal; None if there are no masks."""
    there: Any = None
    """Which of the places hold a pair, bool ``[seed, batch]``; None if all do."""


class Demonstrations:
    """The pairs of each seed, divided by episode into those to learn from and those to validate.

    Args:
        spec: the specification of the environments.
        num_seeds: number of seeds.
    """

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        layout = step_layout(spec, "float64", *FIELDS)
        self._training = _Store(layout, num_seeds)
        self._validation = _Store(layout, num_seeds)

    def fill(self, shown: Shown, held_out: float, every: int) -> None:
        """Add the episodes of each seed.

        Args:
            shown: the episodes.
            held_out: the fraction of a seed's episodes, rounded down, that are for validation: the
                last ones. Less than 1.
            every: take each ``every``-th pair of an episode, from a random one on.
        """
        draws = shown.draws
        for position, own in enumerate(shown.episodes):
            training = len(own) - int(held_out * len(own))
            for number, episode in enumerate(own):
                first = int(draws[position].integers(min(every, len(episode.action))))
                store = self._training if number < training else self._validation
                arrays = {name: getattr(episode, name) for name in store.names}
                store.add(position, {name: each[first::every] for name, each in arrays.items()})

    def add(self, pairs: Pairs) -> None:
        """Add pairs ``[seed, env, ...]`` to those that are learnt from."""
        for position in range(len(pairs.action)):
            arrays = {name: getattr(pairs, name)[position] for name in self._training.names}
            self._training.add(position, arrays)

    @property
    def count(self) -> Array:
        """The number of pairs to learn from, ``[seed]``."""
        return self._training.count.copy()

    @property
    def validates(self) -> bool:
        """Whether there are pairs for validation."""
        return bool(self._validation.count.any())

    @property
    def training(self) -> list[Array]:
        """The observations that are learnt from, ``[pair, ...]`` for each seed."""
        return [each["obs"] for each in self._training.saved()]

    def sample(self, draw: Array) -> Pairs:
        """Return pairs to learn from, for uniform random numbers ``draw [seed, batch]`` in [0, 1).

        They are drawn with replacement. Every seed must have a pair.
        """
        return self._training.take((draw * self._training.count[:, None]).astype(np.int64))

    def validation(self) -> Iterator[Pairs]:
        """Yield the pairs for validation, in chunks of a constant size."""
        count = self._validation.count
        for start in range(0, int(count.max(initial=0)), CHUNK):
            place = np.broadcast_to(np.arange(start, start + CHUNK), (len(count), CHUNK))
            there = place < count[:, None]
            yield self._validation.take(np.where(there, place, 0))._replace(there=there)

    def state_dict(self) -> State:
        return {"training": self._training.saved(), "validation": self._validation.saved()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._training.load(state["training"])
        self._validation.load(state["validation"])


class _Store:
    """Pairs of each seed, in arrays ``[seed, pair, ...]`` that grow."""

    def __init__(self, layout: Mapping[str, tuple[str, tuple[int, ...]]], num_seeds: int) -> None:
        self.names = tuple(layout)
        self.count = np.zeros(num_seeds, np.int64)
        self._arrays = {
            n: np.zeros((num_seeds, ROOM, *s), dtype) for n, (dtype, s) in layout.items()
        }

    def add(self, position: int, arrays: Mapping[str, Array]) -> None:
        start = int(self.count[position])
        stop = start + len(arrays["action"])
        room = self._arrays["action"].shape[1]
        while room < stop:
            room *= 2
        if room > self._arrays["action"].shape[1]:
            self._widen(room)
        for name, array in self._arrays.items():
            array[position, start:stop] = arrays[name]
        self.count[position] = stop

    def _widen(self, room: int) -> None:
        for name, array in self._arrays.items():
            wider = np.zeros((len(array), room, *array.shape[2:]), array.dtype)
            wider[:, : array.shape[1]] = array
            self._arrays[name] = wider

    def take(self, place: Array) -> Pairs:
        rows = np.arange(len(place))[:, None]
        return Pairs(**{name: array[rows, place] for name, array in self._arrays.items()})

    def saved(self) -> list[dict[str, Array]]:
        return [
            {name: array[row, :count].copy() for name, array in self._arrays.items()}
            for row, count in enumerate(self.count.tolist())
        ]

    def load(self, saved: Sequence[Mapping[str, Array]]) -> None:
        if len(saved) != len(self.count):
            raise ValueError(f"the demonstrations are not those of {len(self.count)} seeds")
        self.count[...] = 0
        for position, arrays in enumerate(saved):
            check_names("demonstrations", arrays, self._arrays)
            for name, array in self._arrays.items():
                shape, dtype = arrays[name].shape[1:], arrays[name].dtype
                if shape != array.shape[2:] or dtype != array.dtype:
                    raise ValueError(f"{name} of the demonstrations is {dtype} of shape {shape}")
            self.add(position, arrays)
