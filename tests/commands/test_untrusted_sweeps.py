"""What a sweep's folder may say when the sweep is resumed: settings, and nothing that runs code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlrun.run_folder.files import FolderError
from rlrun.sweep import ledger, plan
from rlrun.sweep.plan import Plan
from tests.support.cli import Rlrun
from tests.support.sweeps import begun

pytestmark = pytest.mark.slow

MADE = Plan("rlrun -m seed=1,2", (), (), ("seed=1,2",), ("seed",), "grid", "2026-01-01")


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


def test_a_ledger_that_is_another_sweeps_is_told(rlrun: Rlrun) -> None:
    folder = begun(rlrun)
    changed(folder, task=["seed=77,2"])
    outcome = rlrun("resume", str(folder))
    assert (outcome.code, outcome.runs) == (2, [])
    assert "disagree on job 1_seed=1" in outcome.err


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
