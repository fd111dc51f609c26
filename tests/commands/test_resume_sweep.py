"""Going on with a sweep: what is run again, and what may be asked for or have changed."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rlrun.cli.multirun.prepare import _check_unchanged
from rlrun.core.errors import BadInput
from rlrun.run_folder.config_file import write_config
from rlrun.settings import run_settings
from rlrun.sweep import ledger
from tests.support.cli import Rlrun
from tests.support.common import settings
from tests.support.faulty import MENDED
from tests.support.sweeps import FAULTY, VICTIM_WORD, begun, command, states

pytestmark = pytest.mark.slow


def test_only_what_is_missing_is_run(rlrun: Rlrun, tmp_path: Path) -> None:
    folder = begun(rlrun)
    outcome = rlrun("resume", "last")
    assert [settings["seed"] for settings, _ in outcome.runs] == [77]
    assert outcome.runs[0][1] == folder / "0_seed=77"
    assert outcome.err.startswith("Traceback")
    with (folder / ledger.FILE).open() as file:  # as when it was killed while it queued its jobs
        first = file.readline()
    (folder / ledger.FILE).write_text(first)
    outcome = rlrun("resume", str(folder))
    assert [settings["seed"] for settings, _ in outcome.runs] == [77, 1]


def test_a_job_whose_folder_was_removed_is_run_again(rlrun: Rlrun) -> None:
    assert rlrun("-m", "seed=1,2,3").code == 0
    assert rlrun("resume", "last").out.endswith("is done.\n")
    (folder,) = Path("outputs/sweeps").iterdir()
    shutil.rmtree(folder / "1_seed=2")
    assert states(folder) == ["done", "missing", "done"]
    assert ledger.read(folder)["1_seed=2"].value is None
    outcome = rlrun("resume", "last")
    assert [settings["seed"] for settings, _ in outcome.runs] == [2]
    assert "run again, for their folders are missing: 1_seed=2" in outcome.err
    assert states(folder) == ["done"] * 3


@pytest.mark.parametrize(
    "word",
    ["total_steps=9", "agent.lr=1", "hydra.sweep.dir=x", "hydra.launcher._target_=os.system"],
)
def test_what_a_sweep_fixes_stays(rlrun: Rlrun, word: str) -> None:
    folder = begun(rlrun)
    outcome = rlrun("resume", str(folder), word)
    assert (outcome.code, outcome.runs) == (2, [])
    assert outcome.err.startswith(f"rlrun: {word.partition('=')[0]} is fixed by the sweep.")


def test_how_jobs_are_run_is_not_what_they_are(rlrun: Rlrun) -> None:
    outcome = rlrun("-m", "seed=1,2", "sweep.jobs=1")
    assert outcome.commands == ["rlrun seed=1", "rlrun seed=2"]
    for words in (["sweep.jobs=0"], ["sweep.jobs=many"], ["sweep.on_error=go"], ["sweep.jobs=1,2"]):
        refused = rlrun("-m", "seed=1,2", *words)
        assert (refused.code, refused.runs) == (2, [])
        assert refused.err.startswith("rlrun: sweep.")
    assert rlrun("sweep.jobs=0").code == 2
    assert "hydra/sweeper must be ledger" in rlrun("-m", "seed=1", "hydra/sweeper=basic").err


def test_from_elsewhere_with_files_and_odd_names(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = here / "it's = mine"
    (own / "agent").mkdir(parents=True)
    agent = own / "agent" / "mine.yaml"
    agent.write_text("defaults: [q_learning, _self_]\nlr: 0.25\n")
    folder = "a sweep's = 'folder'"
    quoted = folder.replace("'", "\\'")
    words = [w for w in FAULTY if not w.startswith("agent=")]
    words += ["agent=mine", VICTIM_WORD, "env.kwargs.what=raises", "seed=5,6"]
    line = ["-m", "--config-dir", own.name, *words, f"hydra.sweep.dir='{quoted}'"]
    assert command(*line) == 1
    assert states(here / folder) == ["done", "failed"]

    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    Path(MENDED).touch()
    agent.write_text("defaults: [q_learning, _self_]\nlr: 0.5\n")
    capsys.readouterr()
    assert command("resume", os.path.join("..", folder)) == 2
    assert "agent.lr was 0.25 when the job began and would be 0.5 now" in capsys.readouterr().err
    agent.write_text("defaults: [q_learning, _self_]\nlr: 0.25\n")
    assert command("resume", os.path.join("..", folder)) == 0
    assert states(here / folder) == ["done", "done"]


@pytest.mark.parametrize(
    ("then", "now", "sentence"),
    [
        ({"log": {"every": 1000, "histograms": False}}, (), ""),  # as a run of version 0.1.0
        ({"record": None}, (), ""),
        (
            {"log": {"every": 1000, "histograms": False}},
            ("log.seeds=true",),
            "log.seeds was None when the job began and would be True now",
        ),
        (
            {"eval": {"max_steps": None}},  # not missing, but null
            ("eval.max_steps=7",),
            "eval.max_steps was None when the job began and would be 7 now",
        ),
        ({"explore": {"start": 0.5}}, (), "explore.start was 0.5 when the job began"),
    ],
)
def test_a_setting_that_an_older_version_did_not_have_is_unchanged_if_it_has_its_default(
    tmp_path: Path, then: dict[str, Any], now: tuple[str, ...], sentence: str
) -> None:
    words = ("agent=q_learning", "env=FrozenLake-v1", "tuned=none")
    old, today = settings(*words), settings(*words, *now)
    for group, values in then.items():
        if group == "log":
            old[group] = values
        elif values is None:
            del old[group]
        else:
            old[group] |= values
    write_config(run_settings(old), tmp_path)
    refused = pytest.raises(BadInput, match=sentence) if sentence else contextlib.nullcontext()
    with refused:
        _check_unchanged(tmp_path, OmegaConf.create(today))
