"""What a user or a power failure may have left in the folder of a sweep that is resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlrun.sweep import ledger
from tests.support.sweeps import LONG, command, states

WORDS = ("-m", *LONG, "total_steps=500", "agent.lr=0.1,0.2", "hydra.sweep.dir=S")


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep in the current directory, of whose two jobs the first was interrupted."""
    monkeypatch.chdir(tmp_path)
    assert command(*WORDS) == 0
    job = Path("S", "0_lr=0.1")
    meta = json.loads((job / "meta.json").read_text())
    (job / "meta.json").write_text(json.dumps(meta | {"status": "interrupted"}))
    ledger.record(Path("S"), job.name, "interrupted")
    return job


def test_half_a_line_does_not_become_the_beginning_of_another(begun: Path) -> None:
    with (begun.parent / ledger.FILE).open("a") as file:
        file.write('{"job": "1_lr=0.2", "sta')
    assert command("resume", "S") == 0
    assert states(begun.parent) == ["done", "done"]
    assert command("resume", "S") == 0


@pytest.mark.slow
def test_a_job_is_not_run_through_a_link(begun: Path, tmp_path: Path) -> None:
    elsewhere = begun.rename(tmp_path / "elsewhere")
    begun.symlink_to(elsewhere)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    assert command("resume", "S") == 1
    assert "is a link" in ledger.read(begun.parent)[begun.name].reason
    after = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.slow
def test_nothing_is_printed_through_a_link(begun: Path, tmp_path: Path) -> None:
    """Neither the folder of a job nor its output.txt may lead out of the sweep's folder."""
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    (begun / "output.txt").unlink()
    (begun / "output.txt").symlink_to(victim)
    assert command("resume", "S") == 1
    assert victim.read_text() == "mine"


@pytest.mark.slow
def test_a_job_does_not_import_what_its_folder_holds(begun: Path, tmp_path: Path) -> None:
    """Not even by the name that it has in the directory above."""
    config = begun / "config.yaml"
    config.write_text(config.read_text().replace("id: FrozenLake-v1", "id: S.code:E-v0"))
    (begun.parent / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert command("resume", "S") != 0
    assert not (tmp_path / "ran").exists()
