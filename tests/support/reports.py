"""Runs as they are left behind, for the tests of what reads them; and a page read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from rlrun import stats
from rlrun.cli.verbs.dispatch import run_verb
from rlrun.results.report.model import gather
from rlrun.results.report.page import write
from rlrun.run_folder.folder import RunFolder, Status

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "seeds": 2,
    "total_steps": 100,
    "eval": {"every": 10},
    "agent": {"name": "dqn", "lr": 1e-3, "hidden": [64, 64]},
    "env": {"id": "CartPole-v1"},
}
Points = Mapping[int, Sequence[float | None]]  # step -> a value for each seed


def leave(
    folder: Path,
    scores: Sequence[float | None] | None = None,
    curve: Points | None = None,
    *,
    best: Sequence[float] | None = None,
    tag: str = "eval/mean_reward",
    status: Status = "done",
    reason: str | None = None,
    command: str = "rlrun agent=dqn",
    **changes: Any,
) -> Path:
    """A run's folder with settings changed, as `agent={"lr": 1.0}`, `seeds=3`.

    Without scores it has no result; the best ones are those at the end, if nothing else is said.
    """
    settings = OmegaConf.merge(SETTINGS, changes)
    folder.mkdir(parents=True)
    OmegaConf.save(settings, folder / "config.yaml")
    run = RunFolder.create(folder, command, 100, "torch")
    first = settings.seed
    with (folder / "metrics.jsonl").open("w") as file:
        for step, values in (curve or {}).items():
            for row, value in enumerate(values):
                told = {} if value is None else {tag: value}
                file.write(json.dumps({"step": step, "seed": first + row, **told}) + "\n")
    if scores is not None:
        known = [score for score in scores if score is not None]
        final = {"step": 100, "episodes": 1, **stats.summary(known), "per_seed": list(scores)}
        result = {"seeds": list(range(first, first + settings.seeds)), "final": final}
        highest = final | {"per_seed": list(best or scores)}
        run.result(result | {"best": highest, "status": status, "wall_seconds": 61.0})
    run.close(status, reason)
    return folder


def report(words: list[str]) -> int:
    """The exit code of `rlrun report WORDS`."""
    return run_verb(["report", *words])


class Page(HTMLParser):
    """What a browser would make of a page: elements, the rows of tables, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.codes: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "code":
            self.codes.append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            return
        self.words.append(data)
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data.replace("\u00a0", " ")
        if "code" in self._open:
            self.codes[-1] += data


def page_of(*folders: Path) -> Page:
    """The page that a report about the folders is."""
    path = write(gather(folders), folders[0] / "report", "today")
    return Page(path.read_text("utf-8"))
