"""Evaluations of a run: their schedule, their metrics, and the best of each seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlrun.checkpoint import store
from rlrun.core.abilities import HasHistograms, value_of
from rlrun.core.fields import Count, Natural, Share
from rlrun.core.rng import Purpose
from rlrun.core.types import Agent, Array, Envs
from rlrun.loop import Played, evaluate
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger
from rlrun.stats import summary
from rlrun.tables.report import TableReport
from rlrun.training.best import Best
from rlrun.training.failed_seeds import FailedSeeds
from rlrun.training.stopped_seeds import StoppedSeeds

MOST_STEPS_BETWEEN = 5000  # two evaluations, unless eval.every is set


@dataclass(frozen=True, kw_only=True)
class EvalSettings:
    """When and how long to evaluate (``eval``)."""

    every: Natural | Share | None = None
    """Steps between evaluations, or a fraction of the run (null: 0.1, at most 5000; 0: none)."""
    episodes: Count = 10
    """Episodes of each seed in an evaluation during training (multiples of 10 are fast)."""
    final_episodes: Natural = 100
    """Episodes of each seed in the evaluation at the end (0: none)."""
    max_steps: Count | None = None
    """Longest episode (null: the environment's limit, or 1000 where it has none)."""

    @staticmethod
    def envs_for(episodes: int) -> int:
        """How many environments per seed share ``episodes`` evenly: at most 10."""
        return max(n for n in range(1, 11) if episodes % n == 0)

    def steps_between(self, horizon: int) -> int:
        """Return the steps between two evaluations of a run planned with ``horizon`` steps.

        By default there are 10 evaluations or a few more: the tenth of the steps is rounded down to
        two digits. Runs longer than 50,000 steps have one every 5,000. 0 means none.
        """
        if isinstance(self.every, float):
            return max(1, round(self.every * horizon))
        if self.every is not None:
            return self.every
        tenth = max(1, horizon // 10)
        unit: int = 10 ** max(0, len(str(tenth)) - 2)
        return min(MOST_STEPS_BETWEEN, tenth // unit * unit)


class Evaluator:
    """Evaluates the agent of one run, and keeps each seed's best evaluation.

    Args:
        settings: when and how long to evaluate.
        agent: the agent that plays.
        make_envs: opens so many environments per seed, with the episodes of a purpose.
        seeds: the seed numbers.
        folder, logger: where evaluations are logged.
        table: the report on the agent's table, if it has one.
        histograms: whether to log the agent's histograms.
        failed: the failed seeds, which get no scores.
        stopped: the stopped seeds, whose best evaluations are from before they stopped.
        check: called at every step; an exception it raises ends the evaluation.
    """

    def __init__(
        self,
        settings: EvalSettings,
        agent: Agent,
        make_envs: Callable[[int, Purpose], Envs],
        seeds: tuple[int, ...],
        folder: RunFolder,
        logger: Logger,
        table: TableReport | None,
        histograms: bool,
        failed: FailedSeeds,
        stopped: StoppedSeeds,
        check: Callable[[], None],
    ) -> None:
        self._settings = settings
        # of the planned steps: a run that is resumed to train longer keeps its steps
        self.every = settings.steps_between(folder.horizon)
        self._agent, self._make_envs, self._seeds = agent, make_envs, seeds
        self._folder, self._logger, self._table = folder, logger, table
        self._failed, self._stopped, self._check = failed, stopped, check
        self._value = value_of(agent)
        self._histograms = None
        if histograms and isinstance(agent, HasHistograms):
            self._histograms = agent.histograms
        elif histograms:
            folder.log("log.histograms is true, but this agent has no histograms to show")
        self.best = Best(len(seeds))
        self._envs: Envs | None = None
        self._shown_step = -1  # the last step at which `show` logged anything

    def run(self, step: int) -> dict[str, Array]:
        """Evaluate during training, save policies that are new bests, and return the metrics."""
        if self._envs is None:
            num_envs = EvalSettings.envs_for(self._settings.episodes)
            self._envs = self._make_envs(num_envs, Purpose.EVAL_EPISODES)
        episodes = self._settings.episodes
        played = self._play(self._envs, step, episodes, self._value)
        mean = self._failed.without(played.returns.mean(-1))
        offered = self._stopped.without(mean, step)
        if self.best.offer(step, offered, self._agent.state_dict()["policy"]):
            self.save_best()
        self._folder.log(f"step {step}: evaluation {mean.mean():.4g} ({_as_text(mean)})")
        row = {"eval/mean_reward": mean, "eval/mean_ep_length": played.lengths.mean(-1)}
        by_agent = self._by_agent(self._envs, played)
        row |= {f"eval/mean_reward/{name}": each for name, each in by_agent.items()}
        row |= _value_metrics(played)
        if (exact := self._exact()) is not None:
            row["eval/exact_return"] = exact
        return row

    def _exact(self) -> Array | None:
        """Return the exact returns ``[seed]`` of tables with a known model, else None."""
        exact = None if self._table is None else self._table.exact()
        return None if exact is None else self._failed.without(exact)

    def _play(
        self, envs: Envs, step: int, episodes: int, value: Callable[..., Array] | None = None
    ) -> Played:
        """Evaluate, and add seeds whose numbers are not finite to the failed ones."""
        played = evaluate(self._agent, envs, step, episodes, self._check, value)
        self._failed.add(step, envs.faults, " in an evaluation")
        return played

    def _by_agent(self, envs: Envs, played: Played) -> dict[str, Array]:
        """Return the mean return ``[seed]`` of each agent by its name; {} if there is only one."""
        if played.agents is None:
            return {}
        means = [played.agents[..., i].mean(-1) for i in range(len(envs.spec.agents))]
        return dict(zip(envs.spec.agents, map(self._failed.without, means), strict=True))

    def show(self, step: int) -> None:
        """Log the agent's table as text and pictures, and its histograms; at most once per step."""
        if step == self._shown_step:
            return
        self._shown_step = step
        if self._table is not None:
            self._folder.log(f"policy of seed {self._seeds[0]}:\n{self._table.text()}")
            self._logger.pictures(step, "eval/table", self._table.pictures())
        if self._histograms is not None:
            rows = self._histograms()
            masked = {tag: self._failed.without(values) for tag, values in rows.items()}
            masked = {tag: self._stopped.without(each, step) for tag, each in masked.items()}
            self._logger.histograms(step, masked)

    def save_best(self) -> None:
        """Write each seed's policy at its best evaluation."""
        store.save(self._folder.path / "best", self.best.state_dict())

    def final(self, step: int) -> dict[str, Any] | None:
        """Evaluate the final weights, and log the result and each seed's best evaluation.

        Returns what result.json contains as ``final``; None without a final evaluation.
        """
        if self._table is not None:
            self._table.write(self._folder.path)
        self.show(step)
        row = {"final/best_mean_reward": self.best.mean} if self.best.policy else {}
        result = None
        if self._settings.final_episodes:
            result, scores = self._evaluate_final(step, self._settings.final_episodes)
            row |= scores
        if row:
            self._logger.write(step, row)
        return result

    def _evaluate_final(self, step: int, episodes: int) -> tuple[dict[str, Any], dict[str, Array]]:
        """Run the final evaluation; return its entry in result.json, and the metrics.

        Its episodes differ from those that selected the best policies, or ended or pruned the run.
        """
        envs = self._make_envs(EvalSettings.envs_for(episodes), self._folder.final_purpose)
        with closing(envs):
            played = self._play(envs, self._stopped.settings.acting_step(step), episodes)
            by_agent = self._by_agent(envs, played)
        mean = self._failed.without(played.returns.mean(-1))
        row = {"final/mean_reward": mean}
        self._folder.log(f"final evaluation {mean.mean():.4g} ({_as_text(mean)})")
        result: dict[str, Any] = {"step": step, "episodes": episodes, **self._summary(mean)}
        if by_agent:
            result["agents"] = {name: self._summary(each) for name, each in by_agent.items()}
        if (exact := self._exact()) is not None:
            row["final/exact_return"] = exact
            self._folder.log(f"exact return {exact.mean():.4g} ({_as_text(exact)})")
            result["exact"] = self._summary(exact)
        return result, row

    def best_so_far(self) -> dict[str, Any] | None:
        """Return the entry of result.json on each seed's best evaluation; None without any."""
        if not self.best.policy:
            return None
        return {
            "step": self.best.step.tolist(),
            "episodes": self._settings.episodes,
            **self._summary(self.best.mean),
        }

    def _summary(self, values: Array) -> Mapping[str, Any]:
        """Summarise all seeds; if one has no score, list only the scores of the others.

        It has failed, or stopped before its first evaluation.
        """
        if not self._failed.reasons and np.isfinite(values).all():
            return summary(values)
        per_seed = [float(value) if np.isfinite(value) else None for value in values]
        return {"per_seed": per_seed, "mean": None, "iqm": None, "ci95": None}

    def close(self) -> None:
        if self._envs is not None:
            self._envs.close()


def _value_metrics(played: Played) -> dict[str, Array]:
    """Return the discounted return and the value bias, ``[seed]`` each; {} if they are unknown.

    As in van Hasselt et al. 2016, figure 3: a bias above 0 means that the values of the episodes'
    starts are too high.
    """
    if played.values is None or played.discounted is None:
        return {}
    with np.errstate(invalid="ignore"):  # infinite values have no difference
        bias = (played.values - played.discounted).mean(-1)
        return {"eval/discounted_return": played.discounted.mean(-1), "eval/q_bias": bias}


def _as_text(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
