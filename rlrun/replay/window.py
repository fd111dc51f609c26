"""Which places of a ring hold what may be sampled."""

from __future__ import annotations

from rlrun.core.types import Array


class Window:
    """The newest steps of a ring that goes round in time, the same for every seed.

    Step t lies in the slot t % ``length``, because every seed has taken the same number of steps.
    A *place* counts (slot, env) within a seed.

    Args:
        capacity: transitions per seed, at least one per environment.
        envs: environments per seed.
        spare: slots beyond those of the capacity, which keep the older frames of the oldest step
            and, if there are any, the frames that the newest step leads to in the slot after it.

    Raises:
        ValueError: ``capacity`` is too small.
    """

    def __init__(self, capacity: int, envs: int, spare: int) -> None:
        if capacity < envs:
            raise ValueError(
                f"capacity must be at least {envs} (a transition of each environment of a seed), "
                f"got {capacity}"
            )
        self.envs, self.spare = envs, spare
        self.slots = capacity // envs
        """How many steps can be sampled."""
        self.length = self.slots + spare
        self.time = 0
        """Steps ever added."""

    def __len__(self) -> int:
        """Transitions that can be sampled, per seed."""
        return min(self.time, self.slots) * self.envs

    def place(self, number: Array) -> Array:
        """Where the transitions lie that have this ``number``, counted in the order of places."""
        if self.spare == 0 or self.time <= self.slots:
            return number
        cursor = self.time % self.length
        wrapped = cursor + self.spare - self.length  # spare slots at the beginning of the ring
        if wrapped >= 0:
            before: Array | int = wrapped
        else:
            before = (number >= cursor * self.envs) * self.spare
        place: Array = number + before * self.envs
        return place

    @property
    def oldest(self) -> int:
        """The first step of which everything is there, sampled or not."""
        return max(0, self.time - (self.length - min(self.spare, 1)))

    def spans(self, start: int, stop: int) -> list[slice]:
        """The slots of the steps from ``start`` to before ``stop``, in order; at most a round."""
        low, high = start % self.length, start % self.length + stop - start
        if high <= self.length:
            return [slice(low, high)]
        return [slice(low, self.length), slice(0, high - self.length)]
