"""The figures of a search: the scores of its trials in their order, and what they depend on."""

from __future__ import annotations

from itertools import accumulate

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlrun.results.report.canvas import COLOURS, INK, blank, legend, style
from rlrun.tuning.history import SearchHistory

FEW = 50  # trials below which importances mean little


def progress(title: str, search: SearchHistory, score: str) -> Figure:
    """Draw the score of every finished trial, and the best one so far as a line."""
    numbers, values = list(search.scores), list(search.scores.values())
    with style():
        figure, axes = blank(title, "trial", score)
        points = axes.plot(numbers, values, "o", color=COLOURS[0], markersize=4, label="trial")
        best = axes.step(
            numbers,
            list(accumulate(values, max)),
            where="post",
            color=COLOURS[3],
            label="best so far",
        )
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        legend(figure, [*points, *best])
    return figure


def progress_notes(search: SearchHistory, is_exact: bool) -> list[str]:
    """Return the captions of `progress`."""
    notes = ["The best score of many trials is partly luck: train it again with other seeds."]
    if is_exact:
        notes.append("Scores are exact returns where these are known, computed from the model.")
    if search.others:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(search.others.items()))
        notes.append(f"Trials without a score: {counts}.")
    return notes


def importance(title: str, search: SearchHistory) -> Figure:
    """Draw a bar for the importance of each setting, the highest at the top."""
    keys, shares = list(search.importance), list(search.importance.values())
    with style():
        figure, axes = blank(title, "share of the importance", "", 0.9 + 0.34 * len(keys))
        axes.barh(range(len(keys)), shares, 0.6, color=COLOURS[0])
        for y, share in enumerate(shares):
            axes.text(share + 0.01, y, f"{share:.2f}", va="center", color=INK)
        axes.set_yticks(range(len(keys)), keys)
        axes.set_ylim(len(keys) - 0.5, -0.5)
        axes.set_xlim(0, 1.1)
    return figure


def importance_notes(search: SearchHistory) -> list[str]:
    """Return the captions of `importance`."""
    count = len(search.scores)
    notes = [
        "How much each setting distinguishes the best trials from all finished ones (PED-ANOVA, "
        "Watanabe et al. 2023), within the search space and for these seeds."
    ]
    if count < FEW:
        notes.append(f"With {count} finished trials, fewer than {FEW}, this means little.")
    return notes
