"""PPO and A2C with a memory: a policy and a value that see what came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from rlrun.agents.parts.actor import RecurrentActor
from rlrun.agents.parts.minibatches import BonusStream, Minibatch
from rlrun.agents.parts.ppo_settings import PPOSettings
from rlrun.agents.parts.proximal import Proximal
from rlrun.agents.parts.sequences import SequenceBatches, rollout_to_sequences
from rlrun.core.rows import column
from rlrun.core.types import Array, Mask, SpaceKinds, Spec, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.device import Device
from rlrun.nets.parameters import Pieces


class RecurrentPPO(Proximal[RecurrentActor]):
    """`rlrun.agents.ppo.PPO` whose two networks begin with gated recurrent units.

    An update learns from sequences of steps, by backpropagation through time. A sequence begins
    with the memory that the agent had there when it acted (as in Stable-Baselines3's recurrent
    PPO), and memories start anew with each episode. The value of the observation after a
    truncation is that of the memory of its own episode.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[PPOSettings]] = PPOSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: PPOSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        s, size = settings, settings.n_steps * spec.num_envs
        net = s.recurrent_policy(spec, device.products)
        actor = RecurrentActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        batches = SequenceBatches(seeds, size, s.batch_size, s.epochs, s.sequence)
        given = spec, seeds, horizon, device, s, curiosity
        super().__init__(*given, actor, batches, net.memory_size)

    def initial_memory(self, num_envs: int) -> Array:
        """Return memories of nothing, ``[seed, env, 2 * units]``."""
        return self._actor.initial_memory(num_envs)

    def act(
        self,
        obs: Array,
        step: int,
        memory: Array,
        first: Array,
        *,
        explore: bool = True,
        legal: Mask = None,
    ) -> tuple[Array, Array]:
        """Return actions and memories ``[seed, env, ...]``: samples, or the likeliest actions."""
        return self._actor.act(obs, memory, first, explore=explore, legal=legal)

    def _collected(self, steps: Step, stream: BonusStream | None) -> tuple[Minibatch, Array]:
        assert stream is None  # bonuses are added to the rewards
        decay = column(self._settings.trace_decay, 3)
        length = self._settings.sequence
        return rollout_to_sequences(self._actor, self._device, steps, decay, length)

    def _forward(self, pieces: Pieces, batch: Minibatch) -> tuple[list[Tensor], list[Any]]:
        assert batch.memory is not None and batch.first is not None
        return self._actor.net.forward(pieces, batch.obs, batch.memory, batch.first)
