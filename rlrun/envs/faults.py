"""Sentences about environments that hang, fail, never end or return unusable numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gymnasium import spaces

from rlrun.core.errors import RunFailed
from rlrun.envs.conform import NotInSpace, short
from rlrun.envs.vector.atari import AtariGrid
from rlrun.envs.vector.factory import Grid
from rlrun.envs.vector.sync import EnvFault


@dataclass(frozen=True)
class Place:
    """The place of a fault: the environment, its number, its seed, and the steps of its episode."""

    env_id: str
    env: int
    seed: int
    length: int

    def hangs(self) -> str:
        return (
            f"{self.env_id} hangs: environment {self.env} of seed {self.seed}, {self.length} steps "
            "into its episode, takes longer than env.timeout allows"
        )

    def overlong(self, most: int) -> str:
        return (
            f"environment {self.env} of seed {self.seed} has taken more than {most} actions in one "
            f"episode of {self.env_id}, the most that env.resume_actions keeps: a resumed run "
            "would begin a new episode there"
        )

    def failed(self, fault: EnvFault) -> RunFailed:
        """Return the error for an environment that raised an exception, with the line of its code.

        A value that does not conform to its space was returned, not raised, and has no line.
        """
        code = (
            f" ({fault.where})" if fault.where and not isinstance(fault.error, NotInSpace) else ""
        )
        return RunFailed(
            f"{self.env_id} failed in environment {self.env} of seed {self.seed}, {self.length} "
            f"steps into its episode: {reason(fault.error)}{code}"
        )

    def wrong(self, what: str, number: float, why: str = "") -> str:
        """Return a sentence on an unusable number.

        ``what`` names the number ("a reward of"), and ``why`` continues the sentence with what is
        wrong with it.
        """
        return (
            f"{what} {self.env_id} is {number}{why} (environment {self.env}, {self.length} steps "
            "into its episode)"
        )


def reason(error: BaseException) -> str:
    """Describe an exception that an environment raised, to follow a colon."""
    if isinstance(error, UnicodeEncodeError):
        text = ascii(error.object[error.start : error.end])
        return (
            f"it prints {text}, which is not in {error.encoding}, the encoding of this terminal "
            "(put PYTHONIOENCODING=utf-8 in front of the command to use another)"
        )
    if isinstance(error, NotInSpace):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def refused(vector: Grid, place: int, number: float) -> tuple[float, str]:
    """Return an observed number as it was before any conversion, and why it is wrong.

    ``number`` is the converted value in the grid of environments.
    """
    space = vector.single_observation_space
    if not isinstance(space, spaces.Box) or space.dtype.kind != "f":
        return number, f", which is not in {short(space)}"
    if math.isfinite(number):
        return number, ", which float32 cannot hold"
    if math.isinf(number) and not isinstance(vector, AtariGrid):
        large = vector.too_large(place)
        if large is not None:
            return large, f", which {space.dtype} cannot hold"
    return number, ""
