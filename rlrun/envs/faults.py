"""What is said about environments: they hang, fail, never end, or their numbers are not finite."""

from __future__ import annotations

from dataclasses import dataclass

from rlrun.core.errors import RunFailed
from rlrun.envs.vector.sync import EnvFault


@dataclass(frozen=True)
class Place:
    """Where something happened: the environment, its number, its seed, steps into the episode."""

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
            f"episode of {self.env_id}, and env.resume_actions keeps no more: a resumed run would "
            "begin a new episode there"
        )

    def failed(self, fault: EnvFault) -> RunFailed:
        """The error for an environment that raised an exception, with the line of its code."""
        code = f" ({fault.where})" if fault.where else ""
        return RunFailed(
            f"{self.env_id} failed in environment {self.env} of seed {self.seed}, {self.length} "
            f"steps into its episode: {type(fault.error).__name__}: {fault.error}{code}"
        )

    def not_finite(self, what: str, number: float) -> str:
        """``what`` names the number: "a reward of"."""
        return (
            f"{what} {self.env_id} is {number} (environment {self.env}, {self.length} steps into "
            "its episode)"
        )
