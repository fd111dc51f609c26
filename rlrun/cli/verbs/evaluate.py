"""`rlrun evaluate RUN`: play the trained policies of a run greedily."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from rich.console import Console

from rlrun.cli.verbs.arguments import flag, split
from rlrun.cli.verbs.runs import open_run, warn_inexact
from rlrun.core.fields import Natural, Range
from rlrun.core.schema import construct
from rlrun.core.text import seeds_in_words
from rlrun.core.types import Array
from rlrun.loop import Played
from rlrun.run_folder.reader import RecordedRun, Which
from rlrun.stats import MOST_FOR_MEAN, summary
from rlrun.terminal.final_table import NO_INTERVAL, columns, interval, number

if TYPE_CHECKING:
    from rlrun.playback import Player
    from rlrun.training.evaluator import EvalSettings

HELP = """\
rlrun evaluate RUN [KEY=VALUE ...]   play the trained policies of a run greedily; nothing is saved

  RUN is the folder of a run under outputs/, or `last` for the one started last. Without further
  words the policies of the last step play the episodes of the run's own final evaluation again.

  episodes=N               episodes of each seed (default: eval.final_episodes of the run)
  which=best               each seed's policy at its best evaluation (default: final, the last one),
                           in the same episodes, none of which chose it
  seed=K                   only the learner with seed number K; with seeds=N, N learners from K on
  episode_seed=K           all learners play the episodes of seed number K: other starts, the same
                           for all (default: each plays the episodes of its seed number)
  env.kwargs.NAME=VALUE    set an argument of the environment, such as is_slippery=false
  env.max_episode_steps=N, eval.max_steps=N, device=cpu
  --json                   print only JSON: returns and lengths of every episode, mean, iqm, ci95"""
MOST = 1_000_000  # episodes, and seeds
OWN = ("episodes", "which", "seed", "seeds", "episode_seed")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """The settings of `rlrun evaluate`."""

    episodes: Annotated[int, Range(least=1, most=MOST)] | None = None
    """Episodes of each seed (null: as many as in the run's final evaluation)."""
    which: Which = "final"
    """The policies of the last step, or of each seed's best evaluation."""
    seed: Natural | None = None
    """Number of the first learner (null: that of the run)."""
    seeds: Annotated[int, Range(least=1, most=MOST)] | None = None
    """Number of learners (null: one if ``seed`` is given, else all)."""
    episode_seed: Natural | None = None
    """The seed number whose episodes all learners play (null: each its own)."""

    def learners(self, run: RecordedRun) -> tuple[int, ...] | None:
        """Return the seed numbers of the learners; None for all."""
        if self.seed is None and self.seeds is None:
            return None
        first = run.seeds[0] if self.seed is None else self.seed
        return tuple(range(first, first + (self.seeds or 1)))

    def episodes_per_seed(self, evaluation: EvalSettings) -> int:
        """Return the number of episodes of each learner."""
        default = evaluation.final_episodes or evaluation.episodes
        return default if self.episodes is None else self.episodes


def evaluate(words: list[str]) -> int:
    """Run `rlrun evaluate WORDS` and return the exit code."""
    from rlrun.playback import load_player, play  # imported late: it imports torch

    as_json = flag(words, "--json")
    run = open_run(words, "evaluate")
    values, settings = split(words[1:], OWN, run.settings)
    options = construct(EvaluateOptions, values, "")
    changed = settings if settings != run.settings else None
    player = load_player(run, options.which, options.learners(run), settings["device"])
    warn_inexact(player.env, player.seeds[0])
    episodes = options.episodes_per_seed(player.parts.eval)
    played = play(player, episodes, settings=changed, episode_seed=options.episode_seed)
    result = described(player, played)
    if as_json:
        result |= {"episode_seed": options.episode_seed, "changed": list(words[1:])}
        print(json.dumps(result, allow_nan=False))
    else:
        _print(result, played)
    return 0


def described(player: Player, played: Played) -> dict[str, Any]:
    """Return the results as plain values; a failed seed has None for its scores."""
    scores = played.returns.mean(-1)
    whole = np.isfinite(scores).all()
    total = summary(scores) if whole else {"mean": None, "iqm": None, "ci95": None}
    return {
        "run": str(player.run.folder),
        "agent": player.run.agent,
        "env": player.run.env,
        "which": player.which,
        "step": list(player.steps) if player.which == "best" else player.step,
        "episodes": played.returns.shape[1],
        "seeds": list(player.seeds),
        "returns": _plain(played.returns),
        "lengths": played.lengths.tolist(),
        **total,
        "per_seed": _plain(scores),
        **_agents(player, played),
    }


def _agents(player: Player, played: Played) -> dict[str, Any]:
    """Return the mean returns of each of several agents, by name; {} if there is only one."""
    if played.agents is None:
        return {}
    means = played.agents.mean(1)  # [seed, agent]
    names = player.env.spec.agents
    return {"agents": {name: _plain(means[:, k]) for k, name in enumerate(names)}}


def _plain(values: Array) -> Any:
    """Return nested lists, with None for numbers that are not finite."""
    if values.ndim > 1:
        return [_plain(each) for each in values]
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _print(result: dict[str, Any], played: Played) -> None:
    """Print a line for each seed, and the aggregates over seeds."""
    steps = result["step"]
    when = f"step {steps:,}" if isinstance(steps, int) else "the best evaluation of each seed"
    print(
        f"{result['agent']} on {result['env']}, {seeds_in_words(result['seeds'])}: {result['run']}"
    )
    print(f"policies of {when}, {result['episodes']:,} greedy episodes of each seed")
    at_step = [] if isinstance(steps, int) else ["at step"]
    table = columns("seed", "mean", "std", "least", "most", "steps", *at_step)
    for i, seed in enumerate(result["seeds"]):
        returns, lengths = played.returns[i], played.lengths[i]
        numbers = [returns.mean(), returns.std(), returns.min(), returns.max(), lengths.mean()]
        at = [] if isinstance(steps, int) else [f"{steps[i]:,}"]
        table.add_row(str(seed), *map(number, _plain(np.array(numbers))), *at)
    Console(highlight=False).print(table)
    if agents := result.get("agents"):
        print("returns are sums over agents; their means over seeds:")
        for name, means in agents.items():
            there = [mean for mean in means if mean is not None]
            print(f"  {name}  {number(float(np.mean(there)) if there else None)}")
    if result["mean"] is None:
        print("failed seeds have no scores, so there are no aggregates over all seeds")
        return
    print(f"mean           {number(result['mean'])}")
    if len(result["seeds"]) > MOST_FOR_MEAN:
        print(f"IQM            {number(result['iqm'])}")
    print(NO_INTERVAL if result["ci95"] is None else f"95 % interval  {interval(result['ci95'])}")
