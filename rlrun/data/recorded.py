"""The transitions of the setting ``data``: those in the replay of an earlier run, or in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rlrun.checkpoint import store
from rlrun.core.errors import BadInput, RunFailed
from rlrun.core.restore import take_rows
from rlrun.core.rows import Number
from rlrun.core.schema import construct, convert
from rlrun.core.text import as_word
from rlrun.core.types import Spec, State
from rlrun.data.demonstrations import SAME, SUFFIX
from rlrun.data.from_file import FileData
from rlrun.envs.environment import Environment
from rlrun.envs.settings import EnvSettings
from rlrun.replay.ring import Replay
from rlrun.run_folder.files import DAMAGE, FolderError
from rlrun.run_folder.reader import RecordedRun, read_for_resume
from rlrun.training.checkpoints import fingerprint


class RecordedData:
    """The transitions in the newest checkpoint of a run, whose folder is read as untrusted data.

    Only its configuration is read before `fill`.
    """

    def __init__(self, folder: Path) -> None:
        """Read the run's configuration. Raises BadInput if the folder has no data to learn from."""
        self._folder = folder
        try:
            self._run: RecordedRun = read_for_resume(folder)
            settings = self._run.settings
            replay, checkpoint = (
                convert(settings.get(group, {}), Mapping, group)
                for group in ("replay", "checkpoint")
            )
            if replay.get("name") is None:
                raise FolderError(
                    f"{folder} has no replay, because its agent {self._run.agent} keeps no steps: "
                    "choose a run of an agent with a replay, such as dqn or sac."
                )
            if checkpoint.get("replay") is False:
                raise FolderError(_without_replay(folder))
            if not any((folder / "checkpoint").glob("manifest-*.json")):
                raise FolderError(f"{folder} has no checkpoint yet, so it has no transitions.")
            self._capacity = convert(replay.get("capacity"), int, "replay.capacity")
            self._discount = convert(settings.get("gamma"), float, "gamma")
            self._env = construct(EnvSettings, settings["env"], "env")
        except FolderError as error:
            raise _refusal(str(error)) from error
        except BadInput as error:
            raise _refusal(f"{folder} cannot be used: {error}") from error

    def lay_out(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a run with the capacity and environments per seed of the data."""
        env = {**settings["env"], "num_envs": self._env.num_envs}
        replay = {**settings["replay"], "capacity": self._capacity}
        return {**settings, "env": env, "replay": replay}

    def check(self, env: EnvSettings, discount: Number, spec: Spec) -> None:
        """Raise BadInput unless a run can learn from the data.

        ``env``, ``discount`` and ``spec`` are the run's environment, its gamma and its spaces.
        """
        pairs = [("gamma", self._discount, discount)]
        pairs += [(f"env.{name}", getattr(self._env, name), getattr(env, name)) for name in SAME]
        for key, stored, wanted in pairs:
            if not np.array_equal(stored, wanted):
                raise BadInput(
                    f"{key} is {as_word(wanted)}, but the transitions in {self._folder} were "
                    f"stored with {as_word(stored)}: write {key}={as_word(stored)}.",
                    key,
                )
        own = spec if self._env == env else Environment(self._env, self._discount).spec
        for name, one, other in (
            ("observations", own.obs, spec.obs),
            ("actions", own.action, spec.action),
            ("masks of legal actions", own.masked, spec.masked),
            ("agents", own.agents, spec.agents),
        ):
            if one != other:
                raise _refusal(
                    f"the {name} of {spec.env_id} differ from those of {own.env_id}, where the "
                    f"transitions in {self._folder} are from: the spaces must be equal."
                )

    def fill(self, replay: Replay, seeds: Sequence[int]) -> None:
        """Put the transitions into an empty replay of these seed numbers.

        Seed k gets those of the run's seed k. The n seeds of a run are used in turn, for the
        numbers before and after them too: k is counted from the run's first seed, modulo n. Raises
        RunFailed if the checkpoint cannot be used.
        """
        count, rows = len(self._run.seeds), rows_of(self._run, seeds)
        state = self._stored()
        try:
            replay.fill(state if rows == list(range(count)) else take_rows(state, rows))
        except DAMAGE as error:
            raise RunFailed(
                f"the replay in {self._folder} does not match the settings of its run: {error}."
            ) from error
        if not len(replay):
            raise RunFailed(f"the replay in {self._folder} is empty: train that run for longer.")

    def _stored(self) -> State:
        """Return the state of the run's replay, without its sampler's. Raises RunFailed."""
        saved = store.load(self._folder / "checkpoint")
        if saved.get("settings") != fingerprint(self._run.settings):
            raise RunFailed(
                f"{self._folder / 'config.yaml'} is not the one that the checkpoint was made with."
            )
        agent = saved.get("agent")
        if not isinstance(agent, dict) or not isinstance(agent.get("replay"), dict):
            raise RunFailed(_without_replay(self._folder))
        return {name: part for name, part in agent["replay"].items() if name != "sampler"}


def rows_of(run: RecordedRun, seeds: Sequence[int]) -> list[int]:
    """Return the rows of a run's arrays for these seed numbers, which use its n seeds in turn.

    Row k has the number of the run's first seed plus k; other numbers count modulo n.
    """
    return [(seed - run.seeds[0]) % len(run.seeds) for seed in seeds]


Data: TypeAlias = RecordedData | FileData
"""What the setting ``data`` names."""


def open_data(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Data | None]:
    """Return the settings of a new run, laid out for its data, and the data; None without any.

    Raises BadInput if the data cannot be used.
    """
    place = convert(settings.get("data"), str | None, "data")
    if place is None:
        return dict(settings), None
    data: Data = FileData(Path(place)) if place.endswith(SUFFIX) else RecordedData(Path(place))
    return data.lay_out(settings), data


def data_note(folder: str) -> str:
    """Return what a run that learns from the data in ``folder`` reports at its start."""
    return (
        f"learns from the data in {folder}: no environment is stepped except in evaluations, every "
        "step of the clock is an update, and exploration, agent.learning_starts, agent.train_every "
        "and agent.gradient_steps have no effect"
    )


def _refusal(sentence: str) -> BadInput:
    return BadInput(f"data: {sentence}", "data")


def _without_replay(folder: Path) -> str:
    return (
        f"the checkpoint of {folder} has no replay, because of checkpoint.replay=false: choose a "
        "run that was saved with its replay."
    )
