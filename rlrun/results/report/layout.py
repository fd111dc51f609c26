"""Which figures a report has, in which section, and what is said of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from rlrun import stats
from rlrun.results.grouping import Variant
from rlrun.results.references import Reference, shared_reference
from rlrun.results.report.canvas import MOST_LINES
from rlrun.results.report.curves import Joined, joined
from rlrun.results.report.effects import effect, effects, is_together
from rlrun.results.report.figures import Places, improvement, learning_curves, profile
from rlrun.results.report.model import Content, EnvSection

Section = Literal["curves", "losses", "comparison", "effects"]
SHOWN = 10  # settings of a figure, where there are more than it has lines for
RETURN = "mean return"
CURVES = (
    ("eval/mean_reward", "Evaluation"),
    ("rollout/ep_rew_mean", "Training, the latest episodes"),
)


@dataclass(frozen=True)
class DrawnFigure:
    """A figure and where it belongs; ``name`` is that of its files, ``notes`` stand under it."""

    env: str
    section: Section
    name: str
    title: str
    figure: Figure
    notes: list[str]


def draw(content: Content) -> Iterator[DrawnFigure]:
    """All figures, one after another."""
    labels = list(dict.fromkeys(setting.label for setting in content.settings))
    for part in content.parts:
        settings, note = shown(part)
        # the same colours in all environments, if there are enough of them
        own = labels if len(labels) <= MOST_LINES else [setting.label for setting in settings]
        places = {label: place for place, label in enumerate(own)}
        yield from _curves(part, settings, places, note)
        yield from _comparison(part, settings, places, note)
        yield from _effects(part)


def shown(part: EnvSection) -> tuple[list[Variant], str]:
    """The settings that the figures of an environment show, the best first; and what to say."""
    settings = sorted(part.settings, key=lambda each: -_standing(each))
    if len(settings) <= MOST_LINES:
        return settings, ""
    best = f"Shown are the {SHOWN} of {len(settings)} settings with the best scores."
    return settings[:SHOWN], best


def _standing(setting: Variant) -> float:
    """The final IQM, or that of the latest evaluation of a setting that has none yet."""
    if setting.final:
        return setting.final["iqm"]
    curve = joined(setting, "eval/mean_reward")
    return -np.inf if curve is None else stats.iqm(curve.values[:, -1])


def _curves(
    part: EnvSection, settings: Sequence[Variant], places: Places, note: str
) -> Iterator[DrawnFigure]:
    tags = {tag: (title, RETURN) for tag, title in CURVES}
    every = {tag for setting in settings for run in setting.runs for tag in run.curves}
    tags |= {tag: (tag, tag.partition("/")[2]) for tag in sorted(every) if _is_loss(tag)}
    for tag, (title, score) in tags.items():
        curves: list[tuple[str, Joined]] = []
        for setting in settings:
            curve = joined(setting, tag)
            if curve is not None:
                curves.append((setting.label, curve))
        if not curves:
            continue
        notes = [note, *(curve.note for _, curve in curves)]
        if len(curves) == 1 and len(curves[0][1].seeds) > 1:
            notes.append("Thin lines are the seeds.")
        single = [label for label, curve in curves if len(curve.seeds) == 1]
        if single:
            notes.append(f"A single seed has no interval: {', '.join(single)}.")
        envs = (run.settings["env"] for run in part.runs)
        known = shared_reference(envs) if tag == "eval/mean_reward" else None
        if known is not None and known.line.kind == "published" and known.published is not None:
            notes.append(f"Published: {known.published.source}.")
        line = None if known is None else (_named(known), known.line.score)
        figure = learning_curves(f"{part.env}: {title}", curves, places, score, line)
        section: Section = "losses" if _is_loss(tag) else "curves"
        yield _drawn(part, section, tag, title, figure, notes)


def _named(known: Reference) -> str:
    """What the line of a reference score is called."""
    kind = "counts as solved" if known.line.kind == "threshold" else "published"
    return f"{kind}: {known.line.score:g}"


def _is_loss(tag: str) -> bool:
    return tag.startswith("train/") and ("loss" in tag or tag == "train/td_error")


def _comparison(
    part: EnvSection, settings: Sequence[Variant], places: Places, note: str
) -> Iterator[DrawnFigure]:
    """Only of settings of which two seeds or more have a final score."""
    able = [each for each in settings if each.told >= 2]
    if len(able) < 2:
        return
    notes = [note, *map(_lost, able)]
    title = "Performance profile"
    figure = profile(f"{part.env}: {title.lower()}", able, places)
    yield _drawn(part, "comparison", "profile", title, figure, notes)
    first = able[0].label
    title = f"{first} against the others"
    chosen = f"{first} was picked by the same scores, which flatters it." * (len(able) > 2)
    figure = improvement(f"{part.env}: {title}", able, places)
    yield _drawn(part, "comparison", "improvement", title, figure, [*notes, chosen])


def _lost(setting: Variant) -> str:
    """What is to be said where seeds of a setting have no final score."""
    told, asked, label = setting.told, setting.seeds, setting.label
    return f"Of {label} only {told} of {asked} seeds have a score." if told < asked else ""


def _effects(part: EnvSection) -> Iterator[DrawnFigure]:
    drawn, left_out = effects(part)
    for agent, key, settings in drawn:
        several = len({setting.agent for setting in part.settings}) > 1
        title = f"{part.env}, {agent}" if several else part.env
        title = f"{title}: {key}"
        figure = effect(title, key, settings, "final return")
        notes = [f"No room for: {', '.join(left_out)}."] if key == drawn[-1][1] and left_out else []
        notes += map(_lost, settings)
        if is_together(key, settings):
            notes.append("Settings that share a value are taken together, whatever else differs.")
        yield _drawn(part, "effects", f"{agent}-{key}", title, figure, notes)


def _drawn(
    part: EnvSection, section: Section, what: str, title: str, figure: Figure, notes: Sequence[str]
) -> DrawnFigure:
    name = re.sub(r"[^A-Za-z0-9._]+", "-", f"{section}-{part.env}-{what}").strip(".-")
    told = list(dict.fromkeys(note for note in notes if note))
    return DrawnFigure(part.env, section, name, title, figure, told)
