"""The command `rlrun report`: where its page goes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlrun.run_folder.files import FolderError
from tests.support.reports import leave, page_of, report


def test_another_page_is_not_overwritten(tmp_path: Path) -> None:
    leave(tmp_path / "a", [1.0, 2.0])
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("mine")
    with pytest.raises(FolderError, match="is not a report"):
        page_of(tmp_path)
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["index.html"]


def test_several_folders_share_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    a, b = (leave(tmp_path / "all" / name, [1.0, 2.0]) for name in "ab")
    assert report([str(a), str(b)]) == 0
    assert (tmp_path / "all" / "report" / "index.html").exists()
    assert report([str(a), "--out", str(tmp_path / "x")]) == report([str(a), f"--out={tmp_path}/y"])
    assert (tmp_path / "x" / "index.html").exists() and (tmp_path / "y" / "index.html").exists()
    assert capsys.readouterr().err == ""
    monkeypatch.chdir(a)
    assert report([str(a), str(b)]) == 2
    assert capsys.readouterr().err.endswith("write --out DIR.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "there is no folder nowhere."),
        (["outputz"], "there is no folder outputz. Did you mean outputs?"),
        (["empty"], "empty holds no runs."),
        (["--uot=x", "outputs"], "there is no flag --uot=x. Did you mean --out?"),
        (["--out"], "--out needs a value: --out DIR."),
        (["--out=x"], "name the folder of a run"),
        (["outputs", "--out", "file"], "--out must be a folder, but file is a file."),
        (["outputs"], "is damaged"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (leave(tmp_path / "outputs" / "run") / "config.yaml").write_text("{")
    assert report(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("rlrun: ") and told in err and err.count("\n") == 1
    assert not list(tmp_path.rglob("index.html"))


@pytest.mark.parametrize("link", ["report", "report/figures", "report/index.html"])
def test_no_page_is_written_through_a_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    leave(tmp_path / "sweep" / "0", [1.0], seeds=1)
    path = tmp_path / "sweep" / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(elsewhere)
    assert report([str(tmp_path / "sweep")]) == 2
    assert "is a link: write --out DIR to use another folder" in capsys.readouterr().err
    assert not list(elsewhere.iterdir())
