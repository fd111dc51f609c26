"""Loads and plays the policies of a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlrun.build import build_player, environment, evaluation_envs
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput, RunFailed
from rlrun.core.restore import take_rows
from rlrun.core.schema import construct
from rlrun.core.text import seeds_in_words
from rlrun.core.types import Agent, State
from rlrun.envs.environment import Environment
from rlrun.loop import Played, evaluate
from rlrun.run_folder.files import refuse_own_code
from rlrun.run_folder.reader import RecordedRun, Which
from rlrun.settings import Settings
from rlrun.training.checkpoints import fingerprint, mismatch
from rlrun.training.evaluator import EvalSettings
from rlrun.training.missing_policies import are_saved, no_best, no_checkpoint


@dataclass(frozen=True)
class Player:
    """Learners of a run, loaded to play, in one stack."""

    run: RecordedRun
    parts: Settings
    which: Which
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    """The step of each seed's policy."""
    failed_seeds: frozenset[int]
    """The numbers of the seeds that failed in training."""
    agent: Agent
    env: Environment
    """The run's environment."""

    @property
    def step(self) -> int:
        """The step that is passed to the agent; only random policies depend on it."""
        last = max(self.steps)
        return self.parts.stop.acting_step(last) if self.which == "final" else last


def load_player(
    run: RecordedRun,
    which: Which = "final",
    seeds: Sequence[int] | None = None,
    device: Mapping[str, Any] | None = None,
) -> Player:
    """Load the learners of a run with the seed numbers ``seeds`` (None: all).

    The run's settings must have been checked (`recorded_settings`). The replay is neither read nor
    allocated. ``device`` overrides settings of the run's device.

    Raises:
        BadInput: the run has no such learners, or its environment cannot be used.
        RunFailed: there is no checkpoint, or a file cannot be read.
    """
    refuse_own_code(run.folder, run.env)
    chosen = run.seeds if seeds is None else tuple(seeds)
    for seed in chosen:
        if seed not in run.seeds:
            raise BadInput(f"{run.folder} has no seed {seed}: it has {seeds_in_words(run.seeds)}.")
    settings = {**run.settings, "device": {**run.settings["device"], **(device or {})}}
    parts = construct(Settings, settings, "")
    parts.device.prepare()
    policy, steps, failed = _saved(run, parts, which)
    rows = [run.seeds.index(seed) for seed in chosen]
    env = environment(parts)
    agent = build_player(parts, env.spec, chosen)
    try:
        agent.load_state_dict({**agent.state_dict(), "policy": take_rows(policy, rows)})
        seed_steps = tuple(steps[row] for row in rows)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise mismatch(error) from error
    return Player(run, parts, which, chosen, seed_steps, frozenset(failed), agent, env)


def play(
    player: Player,
    episodes: int,
    *,
    settings: Mapping[str, Any] | None = None,
    episode_seed: int | None = None,
) -> Played:
    """Play greedy episodes; with the run's settings they are those of its final evaluation.

    Args:
        player: the learners.
        episodes: the number of episodes of each learner.
        settings: None for those of the run; others may change the environment or its limits.
        episode_seed: the seed number whose episodes all learners play; None: each its own.

    Raises:
        BadInput: the environment cannot be used, or its spaces differ from those of training.
    """
    parts = player.parts if settings is None else construct(Settings, settings, "")
    env = other_environment(player, parts)
    seeds = player.seeds if episode_seed is None else (episode_seed,) * len(player.seeds)
    num_envs = EvalSettings.envs_for(episodes)
    envs = evaluation_envs(parts, env, num_envs, player.run.final_purpose, seeds=seeds)
    with closing(envs):
        played = evaluate(player.agent, envs, player.step, episodes)
        failed = {*envs.faults}
    failed |= {k for k, seed in enumerate(player.seeds) if seed in player.failed_seeds}
    for returns in (played.returns, played.agents):
        if returns is not None:
            returns[list(failed)] = np.nan
    return played


def _saved(run: RecordedRun, parts: Settings, which: Which) -> tuple[State, list[int], list[int]]:
    """Return the policies ``[seed, ...]``, their steps, and the numbers of the failed seeds."""
    place = run.folder / ("best" if which == "best" else "checkpoint")
    if not are_saved(place):
        best = which == "best"
        raise RunFailed(no_best(run, parts.eval) if best else no_checkpoint(run, parts.checkpoint))
    state = _read(place)
    try:
        if which == "best":
            return state["policy"], state["step"].tolist(), []
        if state["settings"] != fingerprint(run.settings):
            raise RunFailed(
                f"{run.folder / 'config.yaml'} is not the one that the checkpoint was made with."
            )
        failed = [run.seeds[int(position)] for position in state["lost"]]
        stopped = state.get("stopped", {})
        steps = [int(stopped.get(str(row), state["step"])) for row in range(len(run.seeds))]
        return state["agent"]["policy"], steps, failed
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise mismatch(error) from error


def _read(place: Path) -> State:
    """Return a checkpoint without the replay.

    A running run may replace the files in the meantime, so reading is tried three times.
    """
    for _ in range(3):
        try:
            return store.load(place, without=("agent", "replay"))
        except store.CheckpointError as error:
            last = error
    raise last


def other_environment(player: Player, parts: Settings) -> Environment:
    """Return the environment of these settings; the run's own if they do not change it.

    Raises BadInput if its observations or actions differ from those of training.
    """
    if parts.env == player.parts.env:
        return player.env
    env = environment(parts)
    old, new = player.env.spec, env.spec
    for name, one, other in (
        ("observations", old.obs, new.obs),
        ("actions", old.action, new.action),
    ):
        if one != other:
            raise BadInput(
                f"with these settings the {name} of {parts.env.id} differ from those the agent was "
                f"trained with: {_space(other)} instead of {_space(one)}."
            )
    return env


def _space(space: Any) -> str:
    kind = space.kind.replace("_", "-")
    top = f" of numbers up to {max(space.top)}" if space.top else ""
    return f"{kind} {list(space.choices or space.shape)}{top}"
