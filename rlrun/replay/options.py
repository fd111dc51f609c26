"""The ``replay`` group: settings classes, each of which builds its replay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rlrun.core.errors import BadInput
from rlrun.core.fields import Count
from rlrun.core.memory import ROOM, in_words, shortage
from rlrun.core.rng import Purpose, Streams
from rlrun.core.types import Spec
from rlrun.replay.hindsight import HindsightReplay, HindsightSettings
from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Prioritized, PrioritizedSettings, Sampler, Uniform
from rlrun.replay.sequences import SequenceReplay
from rlrun.replay.sizes import storage_bytes, window_of
from rlrun.replay.spans import SPAN_BYTES
from rlrun.replay.sumtree import tree_bytes


@dataclass(frozen=True, kw_only=True)
class UniformReplaySettings:
    """The newest transitions, sampled uniformly."""

    capacity: Count = 100_000
    """Transitions of each seed."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> Replay:
        """Return the replay of these seeds in a run of ``horizon`` steps."""
        sampler = self.sampler(Streams(seeds, Purpose.REPLAY), horizon)
        return Replay(spec, len(seeds), sampler, capacity=self.capacity)

    def build_sequences(self, spec: Spec, seeds: Sequence[int], memory: int) -> SequenceReplay:
        """Return a replay of sequences, which stores so many numbers of an agent's memory."""
        sampler = Uniform(Streams(seeds, Purpose.REPLAY))
        return SequenceReplay(spec, len(seeds), sampler, capacity=self.capacity, memory=memory)

    def sampler(self, draws: Streams, horizon: int) -> Sampler:
        """Return the sampler, which chooses the transitions of a batch."""
        return Uniform(draws)

    def bytes_needed(self, spec: Spec, num_seeds: int, capacity: int | None = None) -> int:
        """Return the size of a full replay in bytes, with the data of its sampler."""
        return num_seeds * storage_bytes(spec, capacity or self.capacity)

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if the capacity is too small, or too large for the memory."""
        window_of(spec, self.capacity)
        size = self.bytes_needed(spec, num_seeds)
        free = shortage(size)
        if free is None:
            return
        numbers = range(spec.num_envs, min(self.capacity, 2**60))

        def needed(number: int) -> int:
            return self.bytes_needed(spec, num_seeds, number)

        most = spec.num_envs - 1 + bisect_right(numbers, ROOM * free, key=needed)
        raise ValueError(
            f"capacity={self.capacity:,} transitions of {num_seeds} seeds take {in_words(size)}, "
            f"and {in_words(free)} of memory are free: the most that fits is "
            f"replay.capacity={most}."
        )


@dataclass(frozen=True, kw_only=True)
class PrioritizedReplaySettings(PrioritizedSettings, UniformReplaySettings):
    """The newest transitions, sampled more often if their errors are large.

    Schaul et al. 2016.
    """

    def sampler(self, draws: Streams, horizon: int) -> Sampler:
        return Prioritized(draws, horizon, self)

    def bytes_needed(self, spec: Spec, num_seeds: int, capacity: int | None = None) -> int:
        window = window_of(spec, capacity or self.capacity)
        tree = num_seeds * tree_bytes(window.length * window.envs)
        return super().bytes_needed(spec, num_seeds, capacity) + tree


@dataclass(frozen=True, kw_only=True)
class HindsightReplaySettings(HindsightSettings, UniformReplaySettings):
    """The newest transitions; most are sampled with goals that were achieved later.

    Andrychowicz et al. 2017.
    """

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> Replay:
        return HindsightReplay(
            spec,
            len(seeds),
            self.sampler(Streams(seeds, Purpose.REPLAY), horizon),
            capacity=self.capacity,
            draws=Streams(seeds, Purpose.HINDSIGHT),
            settings=self,
        )

    def bytes_needed(self, spec: Spec, num_seeds: int, capacity: int | None = None) -> int:
        window = window_of(spec, capacity or self.capacity)
        spans = num_seeds * window.length * window.envs * SPAN_BYTES
        return super().bytes_needed(spec, num_seeds, capacity) + spans

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Check the memory too. Raises BadInput for an environment without goals."""
        if spec.goals is None:
            raise BadInput(
                f"replay=hindsight replaces goals, and {spec.env_id} has none that it can replace: "
                "that takes observations with the fields observation, achieved_goal and "
                "desired_goal, goals of numbers, a method compute_reward, and no scaling or "
                "stacking of observations (env.scale_obs, env.frame_stack, env.last_action, "
                "env.last_reward): write replay=uniform.",
                "replay",
            )
        spec.goals.outcomes.prepare()
        super().check(spec, num_seeds)


REPLAY = {
    "uniform": UniformReplaySettings,
    "prioritized": PrioritizedReplaySettings,
    "hindsight": HindsightReplaySettings,
}
