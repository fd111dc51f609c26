"""The settings of the environment (``env``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlrun.core.fields import Count, Natural, PerRow, Positive
from rlrun.envs.arrays import EARLIER, ObsChoice
from rlrun.envs.episode_seeds import EpisodeSeed
from rlrun.envs.ids import check_env_kwargs, env_spec, is_atari
from rlrun.envs.shaping import shaping_named
from rlrun.envs.vector.sync import Vector

GAME_SETTINGS = ("frame_skip", "noop_max", "sticky", "life_loss")
"""The names of the settings that only apply to Atari games."""


@dataclass(frozen=True, kw_only=True)
class EnvSettings:
    """The settings of the environment.

    Raises:
        BadInput: there is no such environment or shaping function, or the environment does not
            take one of the ``kwargs``.
        ValueError: a setting does not apply to this environment.
    """

    id: str
    """Gymnasium's id of the environment."""
    num_envs: Count = 1
    """Environments of each seed, stepped together."""
    max_episode_steps: Count | None = None
    """Longest episode (null: the environment's own limit)."""
    bins: tuple[tuple[float, float, int], ...] | None = None
    """Bins of each number of an observation, for tables: [from, to, number of bins]."""
    episode_seed: EpisodeSeed = "fresh"
    """Seed with which training episodes begin: fresh in each of them, or fixed, one for each seed.

    With fixed all training episodes of a seed number are the same function of their actions: the
    same start, map and chance. Evaluations keep fresh ones.
    """
    rebuild: bool = False
    """Create the environment anew for every episode.

    For environments whose reset keeps state of the last episode.
    """
    vector: Vector = "auto"
    """How to step them: sync in this process, async each in its own, arrays, or auto: the faster.

    arrays steps all of them together, by array operations with Gymnasium's own arithmetic, and
    auto is arrays or sync. The results are the same, bit for bit.
    """
    timeout: Positive | None = 600.0
    """Largest number of seconds that a step may take (null: no limit)."""
    obs: ObsChoice | None = EARLIER
    """Kind of array observations: image, grid or vector (null: decided by their space).

    Runs of versions without this setting keep those versions' decision.
    """
    scale_obs: bool = False
    """Scale observations from their bounds to -1 to 1."""
    frame_stack: Count | None = None
    """Number of frames in an observation, the oldest first (null: 1, and 4 for Atari games).

    A frame is an image, a grid or a vector. Before the start of an episode images and grids are 0,
    and vectors the first one.
    """
    last_action: bool = False
    """Append the last action to each vector: one-hot, or from -1 to 1 if it is continuous.

    In the first observation of an episode it is 0. In a stack every frame has its own.
    """
    last_reward: bool = False
    """Append the last reward to each vector: the environment's own, not clipped or scaled.

    In the first observation of an episode it is 0. In a stack every frame has its own.
    """
    mask: Literal["none", "velocity"] = "none"
    """What to leave out of each observation: none, or velocity, for a task that needs a memory.

    For Gymnasium's CartPole, MountainCar, Pendulum, Acrobot and LunarLander.
    """
    facts: bool = False
    """Observe a MiniGrid's position, direction, carried object and doors instead of the view."""
    action_mask: Literal["auto", "off"] = "off"
    """auto: take only legal actions, where the environment says which, off: any action.

    Runs of versions without this setting took any action.
    """
    shaping: str | None = None
    """Shaping function of the rewards for learning (null: none).

    pole_angle: CartPole's reward minus |angle| / 12 degrees. It applies before ``reward_clip`` and
    ``reward_scale``; scores and evaluations keep the environment's rewards.
    """
    reward_clip: Positive | None = None
    """Clipping range of the rewards for learning, on both sides of 0 (null: not clipped)."""
    reward_scale: PerRow[Positive] = 1.0
    """Factor applied to the rewards for learning."""
    resume_actions: Natural | None = None
    """Largest number of an episode's actions kept to resume it exactly (null: 200,000)."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the environment's constructor."""
    frame_skip: Count | None = None
    """Frames for which an Atari game repeats each action (null: 4)."""
    noop_max: Natural | None = None
    """Largest number of no-op actions at the start of an Atari game's episode (null: 30)."""
    sticky: bool | None = None
    """Repeat the last action in an Atari game with probability 0.25 (null: true)."""
    life_loss: bool | None = None
    """Learn from a lost life in an Atari game as from a termination (null: true)."""

    def __post_init__(self) -> None:
        for low, high, count in self.bins or ():
            if not low < high or count < 1:
                raise ValueError(
                    "bins must be [from, to, number of bins], with from below to and at least 1 "
                    f"bin, got [{low}, {high}, {count}]"
                )
        if self.scale_obs and self.last_reward:
            raise ValueError("last_reward=true does not go with scale_obs: a reward has no bounds")
        check_env_kwargs(self.id, self.kwargs)
        if self.shaping is not None:
            shaping_named(self.shaping)
        if self.is_game:
            self._check_game()
            return
        for name in GAME_SETTINGS:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} only applies to Atari games (env=ALE/Pong-v5); {self.id} is not one"
                )

    @property
    def is_game(self) -> bool:
        """Whether the environment is an Atari game, which ALE's own vector environment runs."""
        return is_atari(env_spec(self.id))

    def _check_game(self) -> None:
        given = {"rebuild": self.rebuild, "vector": self.vector in ("async", "arrays")}
        for name, wrong in given.items():
            if wrong:
                raise ValueError(
                    f"{name} does not apply to Atari games: ALE steps all of them together, in its "
                    "own threads, and every episode starts from a reset"
                )
        if self.last_action or self.last_reward:
            raise ValueError(
                "last_action and last_reward only apply to vectors; Atari games show images"
            )
        if self.mask != "none":
            raise ValueError(f"mask={self.mask} does not apply to Atari games, which show images")
        if self.facts:
            raise ValueError("facts=true does not apply to Atari games, only to MiniGrid")
        if self.obs in ("grid", "vector"):
            raise ValueError(f"obs={self.obs} does not apply to Atari games, which show images")
