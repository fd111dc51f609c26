"""When a run ends before its ``total_steps``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rlrun.core.fields import Positive


@dataclass(frozen=True, kw_only=True)
class StopSettings:
    """When to end a run early (``stop``)."""

    reward: float | None = None
    """Stop when an evaluation's mean over seeds reaches this (null: train to total_steps)."""
    minutes: Positive | None = None
    """Stop after this many minutes of wall time (null: train to total_steps).

    The minutes before an interruption count.
    """


class Stop(NamedTuple):
    """Why a run ends early: the word in ``result.json``, and a sentence for people."""

    word: Literal["reward", "minutes", "pruned"]
    sentence: str


@dataclass(frozen=True)
class Stopper:
    """Decides after every step of one run.

    ``past`` is a step at which the run has ended before, if it was asked to go on from there:
    up to it nothing is decided again. ``hopeless`` is asked at every evaluation, with the step and
    the mean over seeds, whether a run that is a trial of a search is to be given up.
    """

    settings: StopSettings
    past: int = -1
    hopeless: Callable[[int, float], bool] | None = None

    def why(self, step: int, evaluation: float | None, seconds: float) -> Stop | None:
        """Why to end here, if at all.

        ``evaluation`` is the mean over seeds of the evaluation at this step, None where there was
        none, and NaN, which reaches nothing, where a seed was given up.
        """
        reward, minutes = self.settings.reward, self.settings.minutes
        if step <= self.past:
            return None
        if reward is not None and evaluation is not None and evaluation >= reward:
            reached = f"the evaluation gave {evaluation:.4g}, and stop.reward is {reward:g}"
            return Stop("reward", reached)
        if evaluation is not None and self.hopeless and self.hopeless(step, evaluation):
            return Stop("pruned", "it is a trial of a search, and others were better by now")
        if minutes is not None and seconds >= 60 * minutes:
            return Stop("minutes", f"stop.minutes={minutes:g} are over")
        return None
