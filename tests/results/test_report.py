"""The page of `rlrun report`: what it says, and that what it is made from stays data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlrun import stats
from rlrun.results.report.model import gather
from rlrun.results.report.page import write
from rlrun.run_folder.files import FolderError, check_files
from rlrun.run_folder.folder import RunFolder, read_meta
from rlrun.run_folder.reader import find_runs, read_run
from tests.support.reports import Page, leave, page_of, report

CURVE = {50: [1.0, 2.0], 100: [3.0, 4.0]}
EVIL = "<script>alert(1)</script>&\"'$x$"
ODD = ("\x07\x00", "中文 \U0001f600", "\u202ea\nb", "x" * 300, "%d {x} \\frac $")


def row_of(page: Page, label: str) -> list[str]:
    return next(row for row in page.rows if row[0].startswith(label))


def test_the_table_shows_the_results_and_the_statistics(tmp_path: Path) -> None:
    scores = [10.0, 20.0, 30.0, 70.0, 250.0]
    leave(tmp_path / "a", scores, seeds=5)
    leave(tmp_path / "b", [1.25], seeds=1, agent={"lr": 0.1})
    page = page_of(tmp_path)
    low, high = stats.bootstrap_ci(scores)
    first, second = (row_of(page, f"agent.lr={lr}") for lr in ("0.001", "0.1"))
    assert first[1:4] == ["5", "76.0", "40.0"]  # the middle three of five: 20, 30, 70
    assert first[4] == f"{low:.1f} to {high:.1f}"
    assert first[5:] == ["40.0", "100", "1:01"]
    assert second[1:5] == ["1", "1.250", "1.250 (mean)", "fewer than 5 seeds"]
    assert "2 runs of 2 settings, with 1 to 5 seeds each" in page.text
    assert page.codes == ["rlrun agent=dqn"] * 2
    assert ["rlrun", read_meta(tmp_path / "a")["versions"]["rlrun"]] in page.rows


def test_settings_with_the_best_scores_come_first_and_environments_apart(tmp_path: Path) -> None:
    for i, (lr, env) in enumerate([(0.1, "B-v0"), (0.2, "B-v0"), (0.3, "A-v0"), (0.4, "B-v0")]):
        scores = None if i == 3 else [float(i)] * 2
        leave(tmp_path / str(i), scores, CURVE, agent={"lr": lr}, env={"id": env})
    content = gather([tmp_path])
    assert [part.env for part in content.parts] == ["A-v0", "B-v0"]
    assert [each.label for each in content.parts[1].variants] == [
        f"agent.lr=0.{i}" for i in (2, 1, 4)
    ]


def test_runs_of_other_seeds_are_one_row_and_a_lost_seed_is_counted(tmp_path: Path) -> None:
    leave(tmp_path / "a", [1.0, 3.0], eval={"every": 10})
    leave(tmp_path / "b", [5.0, None], seed=2, eval={"every": 20})
    row = row_of(page_of(tmp_path), "as configured")
    assert row[1:4] == ["3 of 4", "3.000", "fewer than 5 seeds"]
    assert "IQM" not in page_of(tmp_path).rows[0]  # of so few seeds it is the mean


def test_the_unit_of_runs_that_learnt_from_data_is_named(tmp_path: Path) -> None:
    leave(tmp_path / "data", [1.0, 2.0], CURVE, data="outputs/earlier")
    alone = page_of(tmp_path)
    assert "2 seeds and 100 updates of each seed." in alone.text
    leave(tmp_path / "steps", [3.0, 4.0], CURVE, data=None)
    both = page_of(tmp_path)
    assert "100 environment steps (updates, where data is set) of each seed" in both.text
    steps = {row[0]: row[5] for row in both.rows if len(row) == 7}
    assert steps["data=outputs/earlier"] == "100 updates" and steps["data=null"] == "100"


def test_runs_that_are_not_done_are_reported_with_their_step(tmp_path: Path) -> None:
    leave(tmp_path / "done", [1.0, 2.0], CURVE)
    leave(tmp_path / "lost", None, CURVE, status="failed", reason="the disk is full", seed=9)
    going = leave(tmp_path / "going", None, CURVE, agent={"lr": 0.5})
    open_run = RunFolder.reopen(going, read_meta(going), "rlrun resume")
    open_run.inexact("there was no replay")
    try:
        command = [sys.executable, "-m", "rlrun", "report", str(tmp_path)]
        subprocess.run(command, check=True)  # only another process sees the lock
    finally:
        open_run.close("done")
    page = Page((tmp_path / "report" / "index.html").read_text("utf-8"))
    assert "Not all are finished: 1 finished, 1 failed, 1 running." in page.text
    assert row_of(page, "agent.lr=0.5")[0].endswith("still running at step 100 of 100")
    assert row_of(page, "agent.lr=0.5")[2:5] == ["-", "-", "-"]
    assert "failed at step 100 of 100: the disk is full." in page.text
    assert page.text.count("going: not exact; run.log says why.") == 1


def test_a_damaged_run_is_named_and_left_out(tmp_path: Path) -> None:
    leave(tmp_path / "a", [1.0, 2.0])
    bad = leave(tmp_path / "b", [1.0, 2.0], agent={"lr": 7.0})
    (bad / "metrics.jsonl").write_text("nothing\n")
    page = page_of(tmp_path)
    assert f"Left out: {bad}/metrics.jsonl is damaged" in page.text
    assert not any("7.0" in cell for row in page.rows for cell in row)
    with pytest.raises(FolderError, match="is damaged"):
        gather([bad])


def test_what_a_folder_holds_is_text(tmp_path: Path) -> None:
    agent = {"name": EVIL, EVIL: EVIL, "lr": 0.1}
    for i, other in enumerate((EVIL, f"{EVIL}2", f"{EVIL}3")):
        changes: dict[str, Any] = {"agent": {**agent, "kind": other}, "env": {"id": f"{EVIL}/../x"}}
        tag = f"train/loss{EVIL}"
        leave(
            tmp_path / EVIL.replace("/", "_") / str(i),
            [1.0, 2.0 + i][: 1 + (i < 2)],
            {50: [1.0, 2.0][: 1 + (i < 2)]},
            seeds=1 + (i < 2),  # of a single seed there is a note
            tag=tag,
            status="failed",
            reason=EVIL,
            command=f"rlrun {EVIL}",
            **changes,
        )
    page = page_of(tmp_path)
    assert "script" not in page.tags
    assert f"rlrun {EVIL}" in page.codes
    assert any(f"kind={EVIL}" in row[0] for row in page.rows)
    left = {path.relative_to(tmp_path / "report").parts[0] for path in tmp_path.glob("report/**/*")}
    assert left == {"index.html", "figures"}


@pytest.mark.slow
def test_letters_that_no_font_has_are_no_obstacle(tmp_path: Path) -> None:
    for i, odd in enumerate(ODD):
        leave(tmp_path / str(i), [1.0, i], CURVE, agent={"kind": odd}, env={"id": "A-v0"})
    for path, text in (("config.yaml", "hidden:"), ("meta.json", '"command": "')):
        file = tmp_path / "0" / path
        told = file.read_text().replace(
            text, text + "\\ud800" if "json" in path else 'more: "\\uD800"\n  hidden:'
        )
        file.write_text(told)
    page = page_of(tmp_path)
    assert "kind=中文 \U0001f600" in page.text
    assert "?rlrun agent=dqn" in page.codes
    drawn = list((tmp_path / "report" / "figures").iterdir())
    assert {path.suffix for path in drawn} == {".svg", ".png"}
    assert all(path.stat().st_size > 1000 for path in drawn)


def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    for i in range(2):
        leave(tmp_path / str(i), [1.0 + i, 2.0], CURVE, agent={"lr": 10.0**-i})
    page_of(tmp_path)
    text = (tmp_path / "report" / "index.html").read_text("utf-8")
    page = Page(text)
    assert not re.search(r"http|@import|<link|<img|url\((?!#)", text)
    assert page.links and all(link.startswith("#") for link in page.links)
    assert page.tags.count("svg") == page.tags.count("figure") == 4
    for link in (*page.links, *re.findall(r"url\((#[^)]+)\)", text)):
        assert text.count(f'id="{link[1:]}"') == 1


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for i in range(3):
        leave(tmp_path / str(i), [1.0 + i, 2.0], CURVE, agent={"lr": 10.0**-i})
    files = []
    for out in (tmp_path / "x", tmp_path / "y"):
        write(gather([tmp_path]), out, "today")
        files.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*.*")})
    assert files[0] == files[1]
    assert {path.suffix for path in files[0]} == {".html", ".svg", ".png"}


def test_a_report_in_a_run_is_no_obstacle_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = leave(tmp_path / "run", [1.0, 2.0], CURVE)
    assert report([str(folder)]) == 0
    assert capsys.readouterr().out.strip() == os.path.relpath(folder / "report" / "index.html")
    assert list((folder / "report" / "figures").glob("*.png"))
    check_files(folder)
    assert find_runs([folder]) == [folder]
    assert read_run(folder).status == "done"
    (folder / "report" / "link").symlink_to("/etc")
    with pytest.raises(FolderError, match="is a link"):
        check_files(folder)


@pytest.mark.slow
def test_figures_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    leave(tmp_path / "a", [1.0, 2.0], CURVE, tag="train/loss")
    page_of(tmp_path)
    leave(tmp_path / "b", [1.0, 2.0], agent={"lr": 1.0})
    pictures = tmp_path / "report" / "figures"
    (pictures / "curves-old.svg").write_text("")
    (pictures / "mine.png").write_text("")
    page_of(tmp_path)
    assert not (pictures / "curves-old.svg").exists()
    assert (pictures / "mine.png").exists()


def test_a_narrow_page_lists_every_cell_with_its_heading(tmp_path: Path) -> None:
    """There is no room for all columns on a phone: those on the right would be out of sight."""
    leave(tmp_path / "a", [1.0, 2.0, 3.0, 4.0, 5.0], seeds=5, agent={"<b>": 1})
    leave(tmp_path / "b", [1.0, 2.0], agent={"<b>": '"'})
    page_of(tmp_path)
    text = (tmp_path / "report" / "index.html").read_text("utf-8")
    for block in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        heads = re.findall(r"<th(?: [^>]*)?>(.*?)</th>", block)
        for row in re.findall(r"<tr>(?!<th)(.*?)</tr>", block, re.DOTALL):
            assert re.findall(r'<td[^>]* data-head="([^"]*)">', row) == heads
    assert 'data-head="95\u00a0% interval">' in text
    narrow = re.search(r"@media screen and \(max-width: 640px\) \{(.*?)\n\}", text, re.DOTALL)
    assert narrow is not None
    assert "td::before { content: attr(data-head);" in narrow[1]
    assert "tr, td { display: block; }" in narrow[1]


def test_a_printed_page_shows_the_folded_parts(tmp_path: Path) -> None:
    leave(tmp_path / "a", [1.0, 2.0], CURVE)
    page = page_of(tmp_path)
    assert "details" in page.tags
    text = (tmp_path / "report" / "index.html").read_text("utf-8")
    (printed,) = re.findall(r"@media print \{(.*?)\n\}", text, re.DOTALL)
    assert "details::details-content { content-visibility: visible;" in printed
