"""The experts that agents imitate: rules, the policies of runs, and files of episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlrun.agents.scripted import Scripted, ScriptedSettings
from rlrun.checks import parameters_of
from rlrun.core.abilities import Recurrent, masks_used
from rlrun.core.errors import BadInput
from rlrun.core.rng import Generators, Purpose
from rlrun.core.types import Array, Mask, Spec
from rlrun.data.demonstrations import SUFFIX, Recorded, read
from rlrun.data.recorded import rows_of
from rlrun.envs.environment import Environment
from rlrun.envs.hand_written import rule_for, rules
from rlrun.playback import Player, load_player
from rlrun.replay.demonstrations import Demonstration, Label, Shown
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import read_for_resume
from rlrun.settings import Settings, recorded_settings
from rlrun.transfer.demonstrations import play_episodes

KEY = "demos.expert"


def shown_by_expert(
    parts: Settings,
    env: Environment,
    agent: type,
    *,
    seeds: Sequence[int] | None = None,
    begun: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Shown | None:
    """Return what the run's expert shows; None if its agent's class does not imitate.

    ``seeds`` are the seed numbers, by default the run's. A run that has ``begun`` has the episodes
    in its checkpoint; an agent that asks the expert for its actions still needs it. ``check`` is
    called at every step. Raises BadInput if the expert cannot be used.
    """
    needs = parameters_of(agent)
    if "demos" not in needs or (begun and "expert" not in needs):
        return None
    seeds = parts.seed_numbers if seeds is None else seeds
    draws = Generators(seeds, Purpose.DEMONSTRATIONS)
    name = str(parts.demos.expert)
    if name.endswith(SUFFIX):
        if "expert" in needs:
            raise _no_actions(parts, f"{name} only has its episodes")
        return Shown(_chosen(parts, env, draws, len(seeds)), draws, None)
    expert, step = _policy(parts, env, seeds)
    label = None
    if "expert" in needs:
        if isinstance(expert, Recurrent):
            raise _no_actions(parts, f"that of {name} has a memory of its own episodes")
        label = _label(expert, step)
    if begun:
        return Shown([[] for _ in seeds], draws, label)
    count = parts.demos.episodes
    episodes = play_episodes(expert, parts, env, seeds, count, step=step, check=check)
    return Shown(episodes, draws, label)


def check_expert(parts: Settings, env: Environment, agent: type) -> None:
    """Raise BadInput unless the run's expert can be imitated, without playing an episode."""
    name, needs = parts.demos.expert, parameters_of(agent)
    if name is None:
        return
    if name.endswith(SUFFIX):
        if "expert" in needs:
            raise _no_actions(parts, f"{name} only has its episodes")
        _file(parts, env)
        return
    expert, _ = _policy(parts, env, parts.seed_numbers[:1])
    if "expert" in needs and isinstance(expert, Recurrent):
        raise _no_actions(parts, f"that of {name} has a memory of its own episodes")


def _file(parts: Settings, env: Environment) -> Recorded:
    """Return the file of episodes, if it fits the run. Raises BadInput."""
    file = read(Path(str(parts.demos.expert)), KEY)
    file.check(parts.env, env.spec)
    if len(file.episodes) < parts.demos.episodes:
        raise BadInput(
            f"{KEY}: {file.path} has {len(file.episodes)} episodes, and demos.episodes is "
            f"{parts.demos.episodes}.",
            "demos.episodes",
        )
    return file


def _chosen(
    parts: Settings, env: Environment, draws: Generators, num_seeds: int
) -> Sequence[Sequence[Demonstration]]:
    """Return random episodes of the file for each seed, none of them twice."""
    every, count = _file(parts, env).episodes, parts.demos.episodes
    orders = [draws[row].permutation(len(every)) for row in range(num_seeds)]
    return [[every[n] for n in order[:count]] for order in orders]


def _policy(parts: Settings, env: Environment, seeds: Sequence[int]) -> tuple[Any, int]:
    """Return the expert as an agent that acts for these seeds, and the step at which it acts."""
    name = str(parts.demos.expert)
    if name in rules():
        try:
            rule_for(env.spec, name)
        except ValueError as error:
            raise BadInput(f"{KEY}: {error}.", KEY) from error
        return Scripted(env.spec, ScriptedSettings(rule=name)), 0
    player = _player(parts, Path(name), seeds)
    _check_spaces(player, parts, env.spec)
    return player.agent, player.step


def _player(parts: Settings, folder: Path, seeds: Sequence[int]) -> Player:
    """Return the policies of the run for these seeds. Raises BadInput."""
    try:
        if not folder.exists():
            raise FolderError(
                f"{folder} is neither a folder nor a rule (rules: {', '.join(rules())})."
            )
        run = read_for_resume(folder)
        recorded_settings(run.settings, folder)
    except FolderError as error:
        raise BadInput(f"{KEY}: {error}", KEY) from error
    chosen = [run.seeds[row] for row in rows_of(run, seeds)]
    return load_player(run, "final", chosen, vars(parts.device))


def _check_spaces(player: Player, parts: Settings, spec: Spec) -> None:
    """Raise BadInput unless the run's policies act on the observations of this environment."""
    own, folder = player.env.spec, player.run.folder
    for name, one, other in (
        ("observations", own.obs, spec.obs),
        ("actions", own.action, spec.action),
        ("agents", own.agents, spec.agents),
    ):
        if one != other:
            raise BadInput(
                f"{KEY}: the {name} of {spec.env_id} differ from those of {own.env_id}, on which "
                f"{folder} was trained: the spaces must be equal.",
                KEY,
            )
    if player.parts.env.scale_obs != parts.env.scale_obs:
        value = str(player.parts.env.scale_obs).lower()
        raise BadInput(
            f"{KEY}: {folder} was trained with other observations: write env.scale_obs={value}.",
            KEY,
        )


def _label(expert: Any, step: int) -> Label:
    """Return the expert's action as a function of the observation."""
    masked = masks_used(expert)

    def label(obs: Array, legal: Mask) -> Array:
        given = {"legal": legal} if masked and legal is not None else {}
        action: Array = expert.act(obs, step, explore=False, **given)
        return action.clip(-1, 1) if action.dtype.kind == "f" else action

    return label


def _no_actions(parts: Settings, reason: str) -> BadInput:
    return BadInput(
        f"{KEY}: the agent {parts.agent.name} asks its expert what it would do, and {reason}: name "
        "a rule, or a run whose agent has no memory.",
        KEY,
    )
