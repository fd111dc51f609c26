"""Going on with a sweep: what may be asked for or have changed, and what a folder may say."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rlrun.cli.multirun.prepare import _check_unchanged
from rlrun.core.errors import BadInput
from rlrun.run_folder.config_file import write_config
from rlrun.run_folder.files import FolderError
from rlrun.settings import run_settings
from rlrun.sweep import ledger, plan
from rlrun.sweep.plan import Plan
from tests.support.cli import Rlrun
from tests.support.common import settings
from tests.support.faulty import MENDED
from tests.support.sweeps import FAULTY, VICTIM_WORD, command, states

pytestmark = pytest.mark.slow

MADE = Plan("rlrun -m seed=1,2", (), (), ("seed=1,2",), ("seed",), "grid", "2026-01-01")


def begun(rlrun: Rlrun, *words: str) -> Path:
    """A sweep of two jobs of which the first one failed; the training is a stand-in."""
    outcome = rlrun("-m", "seed=77,1", *words)
    assert outcome.code == 1, outcome.err
    return outcome.runs[0][1].parent


def changed(folder: Path, **values: Any) -> None:
    path = folder / plan.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_plan_is_read_back(tmp_path: Path) -> None:
    plan.write(tmp_path, MADE)
    assert plan.read(tmp_path) == MADE


EVIL: list[dict[str, Any]] = [
    {"task": ["hydra.launcher._target_=os.system"]},
    {"task": ["++hydra.job.env_set.LD_PRELOAD=/x"]},
    {"task": ["~hydra.callbacks.rlrun"]},
    {"task": ["+agent.x={_target_:os.system}"]},
    {"task": ["agent@hydra.launcher=x"]},
    {"task": ["seed=${oc.env:HOME}"]},
    {"task": ["--config-dir"]},
    {"task": ["-m"]},
    {"hydra": ["hydra.callbacks.x._target_=os.system"]},
    {"hydra": ["hydra.launcher._target_=os.system"]},
    {"hydra": ["+hydra.launcher.x={_target_: os.system}"]},
    {"hydra": ["hydra/launcher=../x"]},
    {"hydra": ["hydra.searchpath=[/tmp]"]},
    {"hydra": ["hydra.job.env_set.LD_PRELOAD=/x"]},
    {"hydra": ["hydra.job={env_set:{LD_PRELOAD:/x}}"]},
    {"hydra": ["++hydra.job.chdir=true"]},
    {"hydra": ["hydra.job.name=${oc.env:HOME}"]},
    {"hydra": ["hydra.verbosely=true"]},
    {"flags": ["--config-dir", "here"]},
    {"flags": ["--experimental-rerun", "/x"]},
    {"task": "seed=1"},
    {"task": [1]},
    {"version": 2},
    {"kind": None},
    {"more": 1},
]


@pytest.mark.parametrize("values", EVIL, ids=str)
def test_a_plan_may_not_ask_for_more_than_settings(tmp_path: Path, values: dict[str, Any]) -> None:
    plan.write(tmp_path, MADE)
    changed(tmp_path, **values)
    with pytest.raises(FolderError, match=r"sweep\.json"):
        plan.read(tmp_path)


def test_files_in_the_folder_of_a_sweep_are_no_configuration(tmp_path: Path) -> None:
    plan.write(tmp_path, MADE)
    changed(tmp_path, flags=["--config-dir", str(tmp_path / "0")])
    with pytest.raises(FolderError, match="is in the sweep's own folder"):
        plan.read(tmp_path)


TRAPS = {
    "agent/trap.yaml": "# @package _global_\nhydra: {launcher: {_target_: builtins.print}}\n",
    "hydra/launcher/trap.yaml": "_target_: os.system\n",
    "experiment/trap.yaml": "# @package _global_\nhydra: {job: {env_set: {A: b}}}\n",
}


@pytest.mark.parametrize("name", TRAPS)
def test_files_that_a_sweep_names_may_only_set_what_a_run_is(
    rlrun: Rlrun, tmp_path: Path, name: str
) -> None:
    folder = begun(rlrun)
    (tmp_path / "my" / name).parent.mkdir(parents=True)
    (tmp_path / "my" / name).write_text(TRAPS[name])
    group = name.partition("/")[0]
    words = ["seed=77,1", *([f"{group}=trap"] if group != "hydra" else [])]
    hydra = [] if group != "hydra" else ["hydra/launcher=trap"]
    changed(folder, task=words, flags=["--config-dir", str(tmp_path / "my")], hydra=hydra)
    outcome = rlrun("resume", str(folder))
    assert (outcome.code, outcome.runs) == (2, [])
    assert "the sweep's configuration would" in outcome.err


def test_words_of_the_ledger_are_checked_too(rlrun: Rlrun) -> None:
    folder = begun(rlrun)
    words = ["seed=1", "+hydra.job.env_set.A=b"]
    ledger.record(folder, "1_seed=1", "queued", overrides=words)
    outcome = rlrun("resume", str(folder))
    assert (outcome.code, outcome.runs) == (2, [])
    assert "is not allowed in a sweep's file" in outcome.err


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


@pytest.mark.parametrize(
    "word",
    ["hydra.verbose=true", "hydra.verbose=[rlrun]", "hydra.job.name=mine", "++hydra.job.num=3"],
)
def test_harmless_words_for_hydra_are_kept(rlrun: Rlrun, word: str) -> None:
    folder = begun(rlrun, word)
    assert word in plan.read(folder).hydra
    outcome = rlrun("resume", str(folder))
    assert [settings["seed"] for settings, _ in outcome.runs] == [77]


def test_a_sweep_that_cannot_be_resumed_says_so_at_its_start(rlrun: Rlrun) -> None:
    word = "+hydra.job.env_set.A=b"
    outcome = rlrun("-m", "seed=1,2", word)
    assert outcome.code == 0
    assert outcome.err == f"rlrun: this sweep cannot be resumed, because of {word}\n"
    assert rlrun("resume", "last").code == 2
    assert "cannot be resumed" not in rlrun("-m", "seed=1,2", "hydra.verbose=false").err


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


def test_a_ledger_that_is_another_sweeps_is_told(rlrun: Rlrun) -> None:
    folder = begun(rlrun)
    changed(folder, task=["seed=77,2"])
    outcome = rlrun("resume", str(folder))
    assert (outcome.code, outcome.runs) == (2, [])
    assert "disagree on job 1_seed=1" in outcome.err


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
