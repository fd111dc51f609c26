"""The report page: one self-contained HTML file, and the figures as separate files."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import get_args

from rlrun.results.grouping import steps_of
from rlrun.results.report import tables
from rlrun.results.report.canvas import files, inline
from rlrun.results.report.layout import DrawnFigure, Section, draw
from rlrun.results.report.model import Content
from rlrun.results.tuned import mixture
from rlrun.run_folder.files import FolderError
from rlrun.stats import FEWEST_SEEDS, MOST_FOR_MEAN

MARK = '<meta name="generator" content="rlrun report">'
INTERVAL = (
    "The interquartile mean (IQM) is the mean of the middle half of the seeds; the interval holds "
    "95\u00a0% of the IQMs of 2,000 bootstrap resamples of the seeds, and needs at least "
    f"{FEWEST_SEEDS} seeds. Of up to {MOST_FOR_MEAN} seeds the IQM is the mean."
)


def write(content: Content, folder: Path, date: str) -> Path:
    """Write `index.html` and `figures/` into ``folder`` and return the page's path.

    ``date`` is printed on the page. The same runs and date give the same bytes. Figures of an
    earlier report in the folder are removed. Raises FolderError if it holds another page.
    """
    path, pictures = folder / "index.html", folder / "figures"
    if path.exists() and MARK.encode() not in path.read_bytes()[:1000]:
        raise FolderError(f"{path} is not a report: choose another folder with --out DIR.")
    pictures.mkdir(parents=True, exist_ok=True)
    for section in get_args(Section):
        for old in pictures.glob(f"{section}-*.[sp][vn]g"):
            old.unlink()
    figures: list[tuple[DrawnFigure, str]] = []
    names: set[str] = set()
    for drawn in draw(content):
        name = drawn.name[:80]
        while name in names:
            name += "_"
        names.add(name)
        svg, png = files(drawn.figure, name)
        (pictures / f"{name}.svg").write_text(svg, encoding="utf-8")
        (pictures / f"{name}.png").write_bytes(png)
        figures.append((drawn, inline(svg, drawn.title)))
    path.write_text(html(content, figures, date), encoding="utf-8", errors="replace")
    return path


def html(content: Content, figures: Sequence[tuple[DrawnFigure, str]], date: str) -> str:
    """Return the whole page; ``figures`` come with their SVG."""
    title = escape(_title(content))
    several = len(content.parts) > 1
    sections = [
        ("Results", "results", f"<p>{_results_intro(content)}</p>" + _results(content, several)),
        ("Learning curves", "curves", _curves(content, figures)),
        ("Search", "search", _boxes(figures, "search", "")),
        ("Comparison", "comparison", _comparison(content, figures)),
        ("Hyperparameters", "effects", _boxes(figures, "effects", EFFECTS)),
        ("Settings", "settings", "\n".join(map(tables.settings, content.parts))),
        (
            "Commands",
            "commands",
            "<p>These commands repeat the runs; a click selects a line.</p>"
            + tables.commands(content.runs),
        ),
        ("Versions", "versions", tables.versions(content.runs)),
    ]
    filled = [(head, name, body) for head, name, body in sections if body]
    links = "\n".join(f'<a href="#{name}">{head}</a>' for head, name, _ in filled)
    bodies = "\n".join(
        f'<section id="{name}">\n<h2>{head}</h2>\n{body}\n</section>' for head, name, body in filled
    )
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{_lead(content)}</p>
<p class="soft">Made {escape(date)} by rlrun report.</p>
{_warnings(content)}
<nav>
{links}
</nav>
</header>
<main>
{bodies}
</main>
</body>
</html>
"""


CURVES = "Lines are the IQM over seeds, bands its 95\u00a0% interval, if there are enough seeds."
EFFECTS = (
    "A point is the final score of a seed, a diamond the IQM of the seeds at that value. Lines "
    "join settings that differ in nothing else."
)
PROFILE = (
    "A performance profile shows the fraction of seeds that score more than the value on the x "
    "axis: higher is better. The other figure compares the best setting with each of the others: "
    "the probability that one of its seeds scores more than one of theirs, ties counted half; if "
    "the 95\u00a0% interval contains 0.5, the seeds do not show which is better. With fewer than "
    f"{FEWEST_SEEDS} seeds there is neither a band nor an interval: then an exact rank test "
    "(Mann and Whitney) shows whether so few seeds can distinguish the two."
)


def _title(content: Content) -> str:
    agents = list(dict.fromkeys(variant.agent for variant in content.variants))
    envs = [part.env for part in content.parts]
    who = ", ".join(agents) if len(agents) <= 4 else f"{len(agents)} agents"
    where = ", ".join(envs) if len(envs) <= 3 else f"{len(envs)} environments"
    return f"{who} on {where}"


def _lead(content: Content) -> str:
    """Return one or two sentences on what was run."""
    runs, variants = content.runs, content.variants
    seeds = [variant.num_seeds for variant in variants]
    steps = [variant.steps for variant in variants]
    words = [_count(len(runs), "run")]
    if len(runs) > 1:
        words.append(f"of {_count(len(variants), 'setting')}")
    if len(content.parts) > 1:
        words.append(f"in {len(content.parts)} environments")
    each = " each" if len(variants) > 1 else ""
    return (
        f"{' '.join(words)}, with {_range(seeds)} {'seed' if set(seeds) == {1} else 'seeds'}{each} "
        f"and {_range(steps)} {steps_of(variants)} of each seed. {_finished(content)}"
    )


def _finished(content: Content) -> str:
    statuses = [run.status for run in content.runs]
    if set(statuses) == {"done"}:
        return "All are finished." if len(statuses) > 1 else "It is finished."
    if len(statuses) == 1:
        return "It is not finished."
    counts = ", ".join(
        f"{statuses.count(status)} {'finished' if status == 'done' else escape(status)}"
        for status in dict.fromkeys(["done", *sorted(statuses)])
        if status in statuses
    )
    return f"Not all are finished: {counts}."


def _warnings(content: Content) -> str:
    """Return a box of warnings; "" if there are none.

    They are about mixtures of tuned and other settings, runs that are not done or not exact, and
    folders left out.
    """
    items = [escape(text) for part in content.parts if (text := mixture(part.variants))]
    items += [
        f"{escape(str(run.folder))}: {escape(tables.state(run))}."
        for run in content.runs
        if run.status != "done"
    ]
    items += [
        f"{escape(str(run.folder))}: not exact; run.log says why."
        for run in content.runs
        if run.meta.get("exact") is False
    ]
    items += [f"Left out: {escape(why)}" for why in content.damaged]
    if not items:
        return ""
    listed = "\n".join(f"<li>{item}</li>" for item in items)
    box = f"<ul>\n{listed}\n</ul>"
    if len(items) > tables.LISTED:
        box = f"<details><summary>{len(items)} warnings</summary>{box}</details>"
    return f'<div class="warn">{box}</div>'


def _results_intro(content: Content) -> str:
    is_exact = any(variant.exact for variant in content.variants)
    exact = (
        " Where the environment has a model and the agent a table, exact is the IQM of the "
        "expected returns, and decides the order."
    )
    return (
        "Mean return over the seeds, with the weights of the last step; best is the IQM of each "
        f"seed's best evaluation during training. {INTERVAL}{exact * is_exact}"
    )


def _results(content: Content, several: bool) -> str:
    return "\n".join(
        (f"<h3>{escape(part.env)}</h3>" if several else "") + tables.results(part)
        for part in content.parts
    )


def _curves(content: Content, figures: Sequence[tuple[DrawnFigure, str]]) -> str:
    text = _boxes(figures, "curves", CURVES)
    losses = _boxes(figures, "losses", "")
    if losses:
        text += f"<details><summary>Losses</summary>{losses}</details>"
    return text


def _comparison(content: Content, figures: Sequence[tuple[DrawnFigure, str]]) -> str:
    return _boxes(figures, "comparison", PROFILE)


def _boxes(figures: Sequence[tuple[DrawnFigure, str]], section: Section, intro: str) -> str:
    """Return the figures of a section; "" if it has none."""
    boxes = [
        f"<figure>\n{svg}\n"
        + "".join(f"<figcaption>{escape(note)}</figcaption>\n" for note in drawn.notes)
        + "</figure>"
        for drawn, svg in figures
        if drawn.section == section
    ]
    if not boxes:
        return ""
    start = f"<p>{intro}</p>\n" if intro else ""
    return start + '<div class="figures">\n' + "\n".join(boxes) + "\n</div>\n"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
