"""The settings of the environment (``env``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlrun.core.fields import Count, Natural, PerRow, Positive
from rlrun.envs.arrays import EARLIER, ObsChoice
from rlrun.envs.ids import check_env_kwargs, env_spec, is_atari

OF_GAMES = ("frame_skip", "noop_max", "sticky", "life_loss")
"""The settings that only Atari games have."""


@dataclass(frozen=True, kw_only=True)
class EnvSettings:
    """The settings of the environment.

    Raises:
        BadInput: there is no such environment, or it does not take one of the ``kwargs``.
        ValueError: a setting does not apply to this environment.
    """

    id: str
    """Gymnasium's id of the environment."""
    num_envs: Count = 1
    """Environments of each seed, stepped together."""
    max_episode_steps: Count | None = None
    """Longest episode (null: the environment's own limit)."""
    bins: tuple[tuple[float, float, int], ...] | None = None
    """How tables discretise each number of an observation: from, to, how many bins."""
    rebuild: bool = False
    """Create the environment anew for every episode.

    For environments that keep state of an episode after a reset.
    """
    vector: Literal["sync", "async"] = "sync"
    """sync: step the environments in this process, async: each in its own process."""
    timeout: Positive | None = 600.0
    """Seconds that a step may take (null: any number)."""
    obs: ObsChoice | None = EARLIER
    """What arrays of observations are: image, grid or vector (null: decided by their space).

    Runs of versions without this setting keep the decision of those versions.
    """
    scale_obs: bool = False
    """Scale observations from their bounds to -1 to 1."""
    frame_stack: Count | None = None
    """Number of frames of an image or grid in an observation (null: 1, and 4 for Atari games)."""
    reward_clip: Positive | None = None
    """Clip the rewards that are learnt from to this range on both sides (null: not clipped)."""
    reward_scale: PerRow[Positive] = 1.0
    """Factor applied to the rewards that are learnt from."""
    resume_actions: Natural | None = None
    """Most actions of an episode that are kept to resume it exactly (null: 200,000)."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the environment's constructor."""
    frame_skip: Count | None = None
    """Frames for which an Atari game repeats each action (null: 4)."""
    noop_max: Natural | None = None
    """Most actions without effect at the start of an Atari game's episode (null: 30)."""
    sticky: bool | None = None
    """Whether an Atari game repeats the last action with probability 0.25 (null: true)."""
    life_loss: bool | None = None
    """Whether values in an Atari game end with a lost life (null: true)."""

    def __post_init__(self) -> None:
        for low, high, count in self.bins or ():
            if not low < high or count < 1:
                raise ValueError(
                    "bins are [from, to, how many] with from below to and at least 1 of them, "
                    f"got [{low}, {high}, {count}]"
                )
        check_env_kwargs(self.id, self.kwargs)
        if self.is_game:
            self._check_game()
            return
        for name in OF_GAMES:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} only applies to Atari games (env=ALE/Pong-v5); {self.id} is not one"
                )

    @property
    def is_game(self) -> bool:
        """Whether it is an Atari game, which ALE's own vector environment runs."""
        return is_atari(env_spec(self.id))

    def _check_game(self) -> None:
        for name, wrong in (("rebuild", self.rebuild), ("vector", self.vector != "sync")):
            if wrong:
                raise ValueError(
                    f"{name} does not apply to Atari games: ALE steps all of them together, in its "
                    "own threads, and every episode begins anew"
                )
        if self.obs in ("grid", "vector"):
            raise ValueError(f"obs={self.obs} does not apply to Atari games, which show images")
