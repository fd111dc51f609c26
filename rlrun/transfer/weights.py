"""The weights of an earlier run that another run starts from: ``init=RUN_FOLDER``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlrun.build import build_player
from rlrun.checkpoint import store
from rlrun.core.abilities import HasNetworks, Networks
from rlrun.core.errors import BadInput
from rlrun.core.restore import restore_into, take_rows
from rlrun.core.types import Agent, Spec
from rlrun.data.recorded import rows_of
from rlrun.playback import Player, load_player
from rlrun.run_folder.files import DAMAGE, FolderError
from rlrun.run_folder.reader import RecordedRun, read_for_resume
from rlrun.settings import Settings, recorded_settings
from rlrun.training.checkpoints import mismatch, restore_agent


class InitialWeights:
    """The weights in the newest checkpoint of a run, whose folder is read as untrusted data."""

    def __init__(self, folder: Path) -> None:
        """Read the run's configuration. Raises BadInput if the folder has no weights."""
        self._folder = folder
        try:
            self._run: RecordedRun = read_for_resume(folder)
            recorded_settings(self._run.settings, folder)
        except FolderError as error:
            raise _refusal(str(error)) from error
        if not any((folder / "checkpoint").glob("manifest-*.json")):
            raise _refusal(f"{folder} has no checkpoint yet, so it has no weights.")

    def check(self, parts: Settings, spec: Spec) -> None:
        """Raise BadInput unless a run with these settings can start from the weights."""
        seeds = parts.seed_numbers[:1]
        self._transfer(parts, spec, build_player(parts, spec, seeds), seeds)

    def give(self, parts: Settings, spec: Spec, agent: Agent) -> str:
        """Write the weights into the new ``agent``; return a sentence on what was done.

        Seed k gets those of the run's seed k. The n seeds of a run are used in turn, as those of
        data. Raises BadInput if they do not fit, RunFailed if the checkpoint cannot be used.
        """
        return self._transfer(parts, spec, agent, parts.seed_numbers)

    def _transfer(self, parts: Settings, spec: Spec, agent: Agent, seeds: Sequence[int]) -> str:
        if not isinstance(agent, HasNetworks):
            raise _refusal(
                f"the agent {parts.agent.name} has no networks that could start from those of "
                "another run."
            )
        player = self._player(parts, seeds)
        old = player.agent
        if not isinstance(old, HasNetworks):
            raise _refusal(
                f"the agent {self._run.agent} of {self._folder} has no networks: choose a run of "
                "an agent such as dqn, ppo or behaviour_cloning."
            )
        self._check_spaces(player.env.spec, spec)
        names = [name for name in agent.networks if name in old.networks]
        if not names:
            raise _refusal(
                f"the agent {parts.agent.name} has no network of the same kind as "
                f"{self._run.agent}: it has {_listed(agent.networks)}, and {self._folder} has "
                f"{_listed(old.networks)}."
            )
        self._check_activation(player.parts, parts)
        for name in names:
            self._write(name, agent.networks[name], old.networks[name])
        return self._sentence(names, agent.networks, old.networks)

    def _player(self, parts: Settings, seeds: Sequence[int]) -> Player:
        """Return the run's agent with all that it has learnt, for these seeds of the new run."""
        rows = rows_of(self._run, seeds)
        chosen = [self._run.seeds[row] for row in rows]
        player = load_player(self._run, "final", chosen, vars(parts.device))
        state = store.load(self._folder / "checkpoint", without=("agent", "replay"))
        try:
            restore_agent(player.agent, take_rows(state["agent"], rows))
        except (*DAMAGE, IndexError, RuntimeError) as error:
            raise mismatch(error) from error
        return player

    def _check_spaces(self, old: Spec, new: Spec) -> None:
        for name, one, other in (
            ("observations", old.obs, new.obs),
            ("actions", old.action, new.action),
            ("agents", old.agents, new.agents),
        ):
            if one != other:
                raise _refusal(
                    f"the {name} of {new.env_id} differ from those of {old.env_id}, on which "
                    f"{self._folder} was trained: the spaces must be equal."
                )

    def _check_activation(self, old: Settings, new: Settings) -> None:
        before, now = (getattr(each.agent.settings, "activation", None) for each in (old, new))
        if before != now:
            raise _refusal(
                f"agent.activation is {now}, but the weights in {self._folder} were learnt with "
                f"{before}: write agent.activation={before}."
            )

    def _write(self, network: str, own: dict[str, Any], other: dict[str, Any]) -> None:
        """Overwrite the arrays of a network by those of the run. Raises BadInput."""
        if own.keys() != other.keys():
            more, fewer = own.keys() - other.keys(), other.keys() - own.keys()
            raise _refusal(
                f"the network {network} of {self._folder} has other layers: "
                f"{_both(sorted(fewer), sorted(more))}. Write the same agent.hidden and other "
                "settings of the network (and agent.normalize_obs) as in its config.yaml."
            )
        for name, array in own.items():
            if tuple(array.shape) != tuple(other[name].shape):
                raise _refusal(
                    f"{name} of the network {network} is {_shape(array)} here, but "
                    f"{_shape(other[name])} in {self._folder}: write the same agent.hidden and "
                    "other settings of the network as in its config.yaml."
                )
        for name, array in own.items():
            restore_into(array, other[name], name)

    def _sentence(self, names: Sequence[str], own: Networks, other: Networks) -> str:
        fresh = [name for name in own if name not in names]
        unused = [name for name in other if name not in names]
        more = f"; fresh here: {', '.join(fresh)}" if fresh else ""
        more += f"; not used: {', '.join(unused)}" if unused else ""
        return (
            f"starts from the weights in {self._folder} ({', '.join(names)}){more}; the optimizer "
            "and everything else begin anew"
        )


def _shape(array: Any) -> str:
    return " x ".join(map(str, array.shape[1:]))


def _listed(networks: Networks) -> str:
    return " and ".join(networks)


def _both(there: Sequence[str], here: Sequence[str]) -> str:
    words = [f"{', '.join(there)} only there" if there else ""]
    words += [f"{', '.join(here)} only here" if here else ""]
    return ", ".join(filter(None, words))


def _refusal(sentence: str) -> BadInput:
    return BadInput(f"init: {sentence}", "init")
