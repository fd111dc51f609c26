"""Early stopping: the conditions that end a run before its ``total_steps``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rlrun.core.fields import Count, Positive


@dataclass(frozen=True, kw_only=True)
class StopSettings:
    """The settings of early stopping (``stop``)."""

    reward: float | None = None
    """Stop when an evaluation's mean over seeds reaches this (null: train to total_steps)."""
    minutes: Positive | None = None
    """Stop after this many minutes of wall time (null: train to total_steps).

    The minutes before an interruption count.
    """
    episodes: Count | None = None
    """Stop each seed after so many of its training episodes (null: train to total_steps).

    A seed stops at the step in which that episode ends, in any of its environments, and the other
    seeds continue. What it has learnt by then is what is evaluated at the end.
    """

    def acting_step(self, step: int) -> int:
        """Return the step at which agents act in the final evaluation of a run that ends at step.

        Seeds that stop do so at different steps, and then it is 0: what a random policy plays must
        not depend on when the other seeds stop.
        """
        return step if self.episodes is None else 0


class Stop(NamedTuple):
    """The reason for an early end: the word in ``result.json``, and a sentence for the log."""

    word: Literal["reward", "minutes", "episodes", "pruned"]
    sentence: str


@dataclass(frozen=True)
class Stopper:
    """Decides after every step whether the run ends early.

    ``past`` is the step that the run had reached before it was last resumed; up to it the run does
    not end again. ``should_prune(step, mean over seeds)`` is called at every evaluation of a
    search's trial, and returns whether to prune the trial.
    """

    settings: StopSettings
    past: int = -1
    should_prune: Callable[[int, float], bool] | None = None

    def reason_to_stop(self, step: int, means: Mapping[str, float], seconds: float) -> Stop | None:
        """Return the reason to end the run at this step, or None.

        ``means`` are the means over seeds of the evaluation at this step by tag: none without an
        evaluation, NaN if a seed has failed. NaN does not reach any threshold. A search compares
        the exact returns where they are known, as it does at the end.
        """
        evaluation = means.get("eval/mean_reward")
        compared = means.get("eval/exact_return", evaluation)
        reward, minutes = self.settings.reward, self.settings.minutes
        if step <= self.past:
            return None
        if reward is not None and evaluation is not None and evaluation >= reward:
            sentence = f"the evaluation reached {evaluation:.4g}, and stop.reward is {reward:g}"
            return Stop("reward", sentence)
        if compared is not None and self.should_prune and self.should_prune(step, compared):
            return Stop("pruned", "the search prunes this trial: others were better at this step")
        if minutes is not None and seconds >= 60 * minutes:
            return Stop("minutes", f"stop.minutes={minutes:g} is reached")
        return None
