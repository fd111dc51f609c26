"""The places of a ring whose contents can be sampled."""

from __future__ import annotations

from rlrun.core.types import Array


class Window:
    """The newest steps of a ring over time, the same for every seed.

    Step t is in slot t % ``length``, because every seed has taken the same number of steps. A
    *place* is the index of a (slot, env) within a seed.

    Args:
        capacity: transitions per seed, at least one per environment.
        envs: environments per seed.
        spare: slots in addition to the capacity, which keep the older frames of the oldest step,
            and in the slot after the newest step its next frames.

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
        """The largest number of steps that can be sampled."""
        self.length = self.slots + spare
        self.time = 0
        """The number of steps ever added."""

    def __len__(self) -> int:
        """The number of transitions that can be sampled, per seed."""
        return min(self.time, self.slots) * self.envs

    def place(self, number: Array) -> Array:
        """Return the places of the ``number``-th transitions, in the order of places."""
        if self.spare == 0 or self.time <= self.slots:
            return number
        cursor = self.time % self.length
        wrapped = cursor + self.spare - self.length  # spare slots at the start of the ring
        if wrapped >= 0:
            skipped: Array | int = wrapped
        else:
            skipped = (number >= cursor * self.envs) * self.spare
        place: Array = number + skipped * self.envs
        return place

    @property
    def oldest(self) -> int:
        """The first step that is completely stored, whether or not it can be sampled."""
        return max(0, self.time - (self.length - min(self.spare, 1)))

    def spans(self, start: int, stop: int) -> list[slice]:
        """Return the slots of the steps ``start`` to ``stop - 1``, in order.

        The steps must not exceed one round of the ring.
        """
        low, high = start % self.length, start % self.length + stop - start
        if high <= self.length:
            return [slice(low, high)]
        return [slice(low, self.length), slice(0, high - self.length)]
