"""`rlrun record-data RUN`: episodes of trained policies as a file to imitate and to learn from."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rlrun.cli.verbs.arguments import option, split
from rlrun.cli.verbs.runs import open_run, warn_inexact
from rlrun.core.errors import BadInput
from rlrun.core.fields import Natural, Range
from rlrun.core.schema import construct
from rlrun.core.text import seeds_in_words
from rlrun.run_folder.reader import RecordedRun, Which

if TYPE_CHECKING:
    from rlrun.replay.demonstrations import Demonstration

HELP = """\
rlrun record-data RUN [KEY=VALUE ...]   write episodes of trained policies to a file

  RUN is the folder of a run under outputs/, or `last` for the one started last. The file,
  RUN/demonstrations.npz, is one that demos.expert and data take. Its episodes are neither those of
  training nor those of evaluations, and every call records the same ones.

  episodes=N               episodes of each seed (default: 10)
  which=best               each seed's policy at its best evaluation (default: final, the last one)
  sample=true              act as in training, with exploration (default: false, greedily)
  seed=K                   only the learner with seed number K; with seeds=N, N learners from K on
  env.kwargs.NAME=VALUE    set an argument of the environment, such as is_slippery=false
  env.max_episode_steps=N, eval.max_steps=N, device=cpu
  --out FILE               write only this file, whose name must end with .npz"""
MOST = 100_000  # episodes, and seeds
OWN = ("episodes", "which", "sample", "seed", "seeds")
NAME = "demonstrations.npz"


@dataclass(frozen=True, kw_only=True)
class RecordDataOptions:
    """The settings of `rlrun record-data`."""

    episodes: Annotated[int, Range(least=1, most=MOST)] = 10
    """Episodes of each seed."""
    which: Which = "final"
    """The policies of the last step, or of each seed's best evaluation."""
    sample: bool = False
    """Act with exploration."""
    seed: Natural | None = None
    """Number of the first learner (null: that of the run)."""
    seeds: Annotated[int, Range(least=1, most=MOST)] | None = None
    """Number of learners (null: one if ``seed`` is given, else all)."""

    def learners(self, run: RecordedRun) -> tuple[int, ...] | None:
        """Return the seed numbers of the learners; None for all."""
        if self.seed is None and self.seeds is None:
            return None
        first = run.seeds[0] if self.seed is None else self.seed
        return tuple(range(first, first + (self.seeds or 1)))


def record_data(words: list[str]) -> int:
    """Run `rlrun record-data WORDS` and return the exit code."""
    from rlrun.data.demonstrations import write
    from rlrun.playback import load_player, other_environment  # imported late: it imports torch
    from rlrun.settings import Settings
    from rlrun.transfer.demonstrations import play_episodes

    out = option(words, "--out", "FILE")
    run = open_run(words, "record-data")
    values, settings = split(words[1:], OWN, run.settings)
    options = construct(RecordDataOptions, values, "")
    path = run.folder / NAME if out is None else Path(out)
    if path.suffix != ".npz":
        raise BadInput(f"--out {out} must end with .npz.")
    player = load_player(run, options.which, options.learners(run), settings["device"])
    parts = construct(Settings, settings, "")
    env = other_environment(player, parts)
    if env.spec.agents:
        raise BadInput(f"{run.env} has several agents: only episodes of one can be recorded.")
    warn_inexact(env, player.seeds[0])
    given = player.agent, parts, env, player.seeds, options.episodes
    episodes = play_episodes(*given, step=player.step, explore=options.sample)
    replaced = " (it replaces an earlier file)" if path.exists() else ""
    try:
        write(path, parts.env, [each for own in episodes for each in own])
    except OSError as error:
        print(f"rlrun: {path} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"{run.agent} on {run.env}, {seeds_in_words(player.seeds)}: {_described(episodes)}")
    print(f"file:  {path}{replaced}")
    return 0


def _described(episodes: list[list[Demonstration]]) -> str:
    """Return how much was recorded, and the mean of the returns."""
    every = [each for own in episodes for each in own]
    steps = sum(len(each.action) for each in every)
    mean = sum(float(each.reward.sum()) for each in every) / len(every)
    return f"{len(episodes[0]):,} episodes of each, {steps:,} steps, mean return {mean:,.4g}"
