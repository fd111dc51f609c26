"""The figures of a report: which there are, in which section, with which notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from rlrun import stats
from rlrun.results.grouping import Variant, steps_of
from rlrun.results.references import Reference, shared_reference
from rlrun.results.report.by_episode import episode_curves
from rlrun.results.report.canvas import MOST_LINES
from rlrun.results.report.curves import JoinedCurve, join_curves
from rlrun.results.report.effects import effect, effects, is_together
from rlrun.results.report.figures import Places, improvement, learning_curves, profile
from rlrun.results.report.model import Content, EnvSection
from rlrun.results.report.searches import importance, importance_notes, progress, progress_notes
from rlrun.run_folder.episodes import LAST, group_size
from rlrun.tuning.history import Scale, SearchHistory

Section = Literal["curves", "losses", "comparison", "search", "effects"]
MOST_SHOWN = 10  # variants of a figure, if there are more than `MOST_LINES`
RETURN = "mean return"
CURVES = (
    ("eval/mean_reward", "Evaluation"),
    ("rollout/ep_rew_mean", "Training, the latest episodes"),
)


@dataclass(frozen=True)
class DrawnFigure:
    """A figure and its section; ``name`` is the stem of its files, ``notes`` are its captions.

    ``env`` is "" for a figure about runs in any environment.
    """

    env: str
    section: Section
    name: str
    title: str
    figure: Figure
    notes: list[str]


def draw(content: Content) -> Iterator[DrawnFigure]:
    """Yield all figures of a report."""
    scales = {key: scale for search in content.searches for key, scale in search.scales.items()}
    labels = list(dict.fromkeys(variant.label for variant in content.variants))
    for part in content.parts:
        variants, note = _shown_variants(part)
        # the same colours in all environments, if there are enough colours
        own = labels if len(labels) <= MOST_LINES else [variant.label for variant in variants]
        places = {label: place for place, label in enumerate(own)}
        yield from _curves(part, variants, places, note)
        yield from _by_episode(part, variants, places, note)
        yield from _comparison(part, variants, places, note)
        yield from _effects(part, scales)
    for number, search in enumerate(content.searches):
        yield from _search(content, search, number)


def _shown_variants(part: EnvSection) -> tuple[list[Variant], str]:
    """Return the variants that an environment's figures show, best first, and a note on others."""
    variants = sorted(part.variants, key=lambda each: -_rank_score(each))
    if len(variants) <= MOST_LINES:
        return variants, ""
    note = f"Only the {MOST_SHOWN} best of {len(variants)} settings are shown."
    return variants[:MOST_SHOWN], note


def _rank_score(variant: Variant) -> float:
    """Return the IQM of the scores; of the latest evaluation if there is no final one yet."""
    if variant.score:
        return variant.score["iqm"]
    curve = join_curves(variant, "eval/mean_reward")
    return -np.inf if curve is None else stats.iqm(curve.values[:, -1])


def _curves(
    part: EnvSection, variants: Sequence[Variant], places: Places, note: str
) -> Iterator[DrawnFigure]:
    tags = {tag: (title, RETURN) for tag, title in CURVES}
    every = {tag for variant in variants for run in variant.runs for tag in run.curves}
    tags |= {tag: (tag, tag.partition("/")[2]) for tag in sorted(every) if _is_loss(tag)}
    for tag, (title, score) in tags.items():
        curves: list[tuple[str, JoinedCurve]] = []
        for variant in variants:
            curve = join_curves(variant, tag)
            if curve is not None:
                curves.append((variant.label, curve))
        if not curves:
            continue
        notes = [note, *(curve.note for _, curve in curves)]
        if len(curves) == 1 and len(curves[0][1].seeds) > 1:
            notes.append("Thin lines are single seeds.")
        few = [label for label, curve in curves if len(curve.seeds) < stats.FEWEST_SEEDS]
        notes += _about(few, curves, f"Fewer than {stats.FEWEST_SEEDS} seeds have no band")
        means = [label for label, curve in curves if len(curve.seeds) <= stats.MOST_FOR_MEAN]
        notes += _about(means, curves, f"Up to {stats.MOST_FOR_MEAN} seeds: the line is the mean")
        envs = (run.settings["env"] for run in part.runs)
        known = shared_reference(envs) if tag == "eval/mean_reward" else None
        if known is not None and known.line.kind == "published" and known.published is not None:
            notes.append(f"Published: {known.published.source}.")
        line = None if known is None else (_line_label(known), known.line.score)
        counted = steps_of(variants)
        figure = learning_curves(f"{part.env}: {title}", curves, places, score, line, counted)
        section: Section = "losses" if _is_loss(tag) else "curves"
        yield _figure(part, section, tag, title, figure, notes)


def _by_episode(
    part: EnvSection, variants: Sequence[Variant], places: Places, note: str
) -> Iterator[DrawnFigure]:
    """Yield the returns of training episodes by their number, if they are known."""
    every = {variant.label: episode_curves(variant) for variant in variants}
    known = {label: curves for label, curves in every.items() if curves is not None}
    if not known:
        return
    means = [(label, curves.mean) for label, curves in known.items()]
    notes = [note, *(curve.note for _, curve in means)]
    notes.append(f"The line is the mean of the last {LAST} episodes, or of all so far.")
    behind = None
    if len(known) == 1:
        curves = next(iter(known.values()))
        behind = curves.episodes
        averages = ", averaged over the seeds" if len(curves.mean.seeds) > 1 else ""
        notes.append(f"The thin line is the return of single episodes{averages}.")
        if group_size(int(behind.steps[-1])) > 1:
            notes.append("From episode 10,001 on it has means of 10 episodes or more.")
    title = "Training, by episode"
    figure = learning_curves(
        f"{part.env}: {title}", means, places, "return", None, "training episodes", behind
    )
    yield _figure(part, "curves", "by-episode", title, figure, notes)


def _about(
    labels: Sequence[str], curves: Sequence[tuple[str, JoinedCurve]], sentence: str
) -> list[str]:
    """Return a note on some of the curves, which lists them unless it is on all of them."""
    listed = f": {', '.join(labels)}" if len(labels) < len(curves) else ""
    return [f"{sentence}{listed}."] if labels else []


def _line_label(known: Reference) -> str:
    """Return the label of the line at a reference score."""
    kind = "counts as solved" if known.line.kind == "threshold" else "published"
    return f"{kind}: {known.line.score:g}"


def _is_loss(tag: str) -> bool:
    return tag.startswith("train/") and ("loss" in tag or tag == "train/td_error")


def _comparison(
    part: EnvSection, variants: Sequence[Variant], places: Places, note: str
) -> Iterator[DrawnFigure]:
    """Yield the comparison of the variants with two or more scored seeds."""
    compared = [each for each in variants if each.num_scores >= 2]
    if len(compared) < 2:
        return
    notes = [note, *map(_missing_seeds, compared)]
    title = "Performance profile"
    figure = profile(f"{part.env}: {title.lower()}", compared, places)
    yield _figure(part, "comparison", "profile", title, figure, notes)
    first = compared[0].label
    title = f"{first} against the others"
    bias = f"{first} was selected by the same scores, which flatters it." * (len(compared) > 2)
    figure = improvement(f"{part.env}: {title}", compared, places)
    yield _figure(part, "comparison", "improvement", title, figure, [*notes, bias])


def _missing_seeds(variant: Variant) -> str:
    """Return a note if some seeds of a variant have no final score, else ""."""
    if variant.num_scores == variant.num_seeds:
        return ""
    return f"{variant.label}: only {variant.num_scores} of {variant.num_seeds} seeds have a score."


def _effects(part: EnvSection, scales: Mapping[str, Scale]) -> Iterator[DrawnFigure]:
    drawn, left_out = effects(part)
    for agent, key, variants in drawn:
        several = len({variant.agent for variant in part.variants}) > 1
        title = f"{part.env}, {agent}" if several else part.env
        title = f"{title}: {key}"
        exact = (
            "exact final return" if all(v.score is v.exact for v in variants) else "final return"
        )
        figure = effect(title, key, variants, exact, scales.get(key))
        notes = [f"No room for: {', '.join(left_out)}."] if key == drawn[-1][1] and left_out else []
        notes += map(_missing_seeds, variants)
        if is_together(key, variants):
            notes.append("Settings with the same value are pooled, even if other settings differ.")
        yield _figure(part, "effects", f"{agent}-{key}", title, figure, notes)


def _search(content: Content, search: SearchHistory, number: int) -> Iterator[DrawnFigure]:
    """Yield the figures of a search with finished trials."""
    if not search.scores:
        return
    folder = search.folder.resolve()
    trials = [run for run in content.runs if run.folder.resolve().parent == folder]
    is_exact = any(run.is_exact for run in trials)
    where = f"{search.folder.name}: " if len(content.searches) > 1 else ""
    title = f"{where}Best score by trial"
    figure = progress(title, search, "mean final return over seeds")
    notes = progress_notes(search, is_exact)
    yield DrawnFigure("", "search", f"search-{number}-progress", title, figure, notes)
    if search.importance:
        title = f"{where}Importance of the settings"
        figure = importance(title, search)
        notes = importance_notes(search)
        yield DrawnFigure("", "search", f"search-{number}-importance", title, figure, notes)


def _figure(
    part: EnvSection, section: Section, what: str, title: str, figure: Figure, notes: Sequence[str]
) -> DrawnFigure:
    name = re.sub(r"[^A-Za-z0-9._]+", "-", f"{section}-{part.env}-{what}").strip(".-")
    captions = list(dict.fromkeys(note for note in notes if note))
    return DrawnFigure(part.env, section, name, title, figure, captions)
