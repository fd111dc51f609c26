"""One training run: drives ``interact`` and decides when to log, evaluate, save and stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlrun import checkpoint
from rlrun.best import Best
from rlrun.checks import at_least, positive
from rlrun.folder import RunFolder
from rlrun.log import Logger
from rlrun.loop import evaluate, interact
from rlrun.portrait import Portrait
from rlrun.progress import Progress
from rlrun.recorder import Clock, Recorder
from rlrun.schedules import due
from rlrun.stats import summary
from rlrun.types import Agent, Array, Envs


class Evaluation:
    """When and how long to evaluate; the keys are the ``eval`` settings.

    Args:
        every: steps between evaluations while training; 0 for none.
        episodes: episodes per seed in each of those.
        final_episodes: episodes per seed at the end; 0 for no evaluation then.
        max_steps: the longest an evaluation episode may last; None: as long as the environment
            lets it.
    """

    def __init__(
        self, *, every: int, episodes: int, final_episodes: int, max_steps: int | None
    ) -> None:
        at_least(0, every=every, final_episodes=final_episodes)
        at_least(1, episodes=episodes)
        positive(max_steps=max_steps)
        self.every, self.episodes, self.final_episodes = every, episodes, final_episodes
        self.max_steps = max_steps

    @staticmethod
    def envs_for(episodes: int) -> int:
        """How many environments per seed share ``episodes`` evenly: at most 10."""
        return max(n for n in range(1, 11) if episodes % n == 0)


@dataclass
class Run:
    """Everything a training run is made of."""

    agent_name: str
    agent: Agent
    envs: Envs
    eval_envs: Callable[[int], Envs]
    """Makes the evaluation's environments: so many per seed."""
    seeds: Sequence[int]
    total_steps: int
    log_every: int
    evaluation: Evaluation
    logger: Logger
    progress: Progress
    folder: RunFolder
    portrait: Portrait | None
    """What the agent's table shows, if it has one."""


def train(run: Run) -> dict[str, Any]:
    """Train to the end, evaluate, save, and return what ``result.json`` says."""
    seeds, stride = len(run.seeds), run.envs.per_seed
    recorder, best = Recorder(run.envs, seeds), Best(seeds)
    eval_envs: Envs | None = None
    clock = Clock()
    evaluated: float | None = None
    ep_return: float | None = None
    step = 0
    for step, _, metrics in interact(run.agent, run.envs):
        recorder.note(metrics)
        row: dict[str, Array] = {}
        at_end = step >= run.total_steps
        if at_end or due(step, run.log_every, stride):
            speed = step * seeds / clock.training
            row = recorder.row() | {"time/fps": np.full(seeds, speed)}
            ep_return = _mean(row["rollout/ep_rew_mean"])
        if due(step, run.evaluation.every, stride):
            with clock.paused():
                if eval_envs is None:
                    eval_envs = run.eval_envs(Evaluation.envs_for(run.evaluation.episodes))
                scores = _evaluate(run, eval_envs, step, best)
            row |= scores
            evaluated = float(scores["eval/mean_reward"].mean())
        if row:
            run.logger.write(step, row)
        if row or run.progress.due():
            speed = step * seeds / clock.training
            run.progress.update(
                step, steps_per_second=speed, ep_return=ep_return, evaluation=evaluated
            )
        if at_end:
            break
    training = clock.training
    if eval_envs is not None:
        eval_envs.close()
    checkpoint.save(run.folder.path / "checkpoint", _state(run, best, step))
    if run.portrait is not None:
        run.portrait.write(run.folder.path)
    final = _final(run, step)
    return {
        "agent": run.agent_name,
        "env": run.envs.spec.env_id,
        "seeds": list(run.seeds),
        "steps": step,
        "final": final,
        "best": _best(run, best),
        "wall_seconds": clock.wall,
        "steps_per_second": step * seeds / training,
        "status": "done",
    }


def _evaluate(run: Run, envs: Envs, step: int, best: Best) -> dict[str, Array]:
    """Evaluate, and save the seeds that are better than ever."""
    returns, lengths = evaluate(run.agent, envs, step, run.evaluation.episodes)
    mean = returns.mean(-1)
    if best.offer(step, mean, run.agent.state_dict()["policy"]):
        checkpoint.save(run.folder.path / "best", best.state_dict())
    run.folder.log(f"step {step}: evaluation {mean.mean():.4g} ({_listed(mean)})")
    row = {"eval/mean_reward": mean, "eval/mean_ep_length": lengths.mean(-1)}
    if run.portrait is not None:
        run.folder.log(f"policy of seed {run.seeds[0]}:\n{run.portrait.text()}")
        run.logger.pictures(step, "eval/table", run.portrait.pictures())
        if (exact := run.portrait.exact()) is not None:
            row["eval/exact_return"] = exact
    return row


def _final(run: Run, step: int) -> dict[str, Any] | None:
    """The evaluation of the last step's weights."""
    episodes = run.evaluation.final_episodes
    if not episodes:
        return None
    run.progress.message(f"final evaluation, episodes of each seed: {episodes}")
    envs = run.eval_envs(Evaluation.envs_for(episodes))
    returns, _ = evaluate(run.agent, envs, step, episodes)
    envs.close()
    mean = returns.mean(-1)
    row = {"final/mean_reward": mean}
    run.folder.log(f"final evaluation {mean.mean():.4g} ({_listed(mean)})")
    result: dict[str, Any] = {"step": step, "episodes": episodes, **summary(mean)}
    exact = None if run.portrait is None else run.portrait.exact()
    if exact is not None:
        row["final/exact_return"] = exact
        run.folder.log(f"exact return {exact.mean():.4g} ({_listed(exact)})")
        result["exact"] = summary(exact)
    run.logger.write(step, row)
    return result


def _best(run: Run, best: Best) -> dict[str, Any] | None:
    if not np.isfinite(best.mean).all():  # no evaluation was due
        return None
    episodes = run.evaluation.episodes
    return {"step": best.step.tolist(), "episodes": episodes, **summary(best.mean)}


def _state(run: Run, best: Best, step: int) -> dict[str, Any]:
    """Everything that decides how the run would go on."""
    return {
        "step": step,
        "agent": run.agent.state_dict(),
        "envs": run.envs.state_dict(),
        "best": best.state_dict(),
    }


def _mean(values: Array) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _listed(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
