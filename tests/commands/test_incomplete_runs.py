"""Runs without checkpoints, settings or results that can be used: what the verbs say of them."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rlrun.cli.verbs.dispatch import run_verb
from rlrun.run_folder.folder import RunFolder, record_death
from rlrun.run_folder.reader import read_run
from tests.support.reports import leave
from tests.support.resume import stopped_at
from tests.support.trained import said, trained

ABSENT = object()


def refusal(*words: str) -> str:
    """The one sentence with which a command line is refused."""
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    assert err.startswith("rlrun: ") and err.count("\n") == 1
    return err.removeprefix("rlrun: ").rstrip()


def edit(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.slow
def test_a_run_that_was_killed_before_its_first_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = ("checkpoint.every_steps=0", "checkpoint.every_minutes=null")
    early, later = tmp_path / "early", tmp_path / "later"
    stopped_at(monkeypatch, 20, early, *never)  # after 40 steps, and the first evaluation is at 100
    stopped_at(monkeypatch, 80, later, *never)
    for folder in (early, later):  # what a SIGKILL leaves
        edit(folder, "meta.json", status="running")
    begun = f"{early} has no checkpoint: it was stopped before the first one"
    assert refusal("evaluate", str(early)) == f"{begun}, and rlrun resume {early} begins it again."
    assert refusal("record", str(early)) == refusal("evaluate", str(early))
    assert refusal("evaluate", str(early), "which=best") == (
        f"{early} has no best policies: it ended before its first evaluation, at step 100."
    )
    assert refusal("evaluate", str(later)).endswith(
        "The best policies up to now can be played: write which=best."
    )
    code, out, _ = said("evaluate", str(later), "which=best", "--json")
    assert code == 0
    assert json.loads(out)["step"] == [100, 100]
    edit(later, "meta.json", status="failed")
    assert "it failed before the first one" in refusal("evaluate", str(later))


@pytest.mark.slow
def test_a_running_run_says_when_its_first_checkpoint_is_written(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table", "checkpoint.every_steps=5000")
    shutil.rmtree(folder / "checkpoint")
    shutil.rmtree(folder / "best")
    (folder / "result.json").unlink()
    (folder / "metrics.jsonl").write_text("")
    meta = json.loads((folder / "meta.json").read_text())
    del meta["saved"]
    record = RunFolder(folder, {**meta, "status": "running"})
    run = read_run(folder)
    object.__setattr__(run, "status", "running")  # another process would find the lock
    from rlrun.settings import recorded_settings
    from rlrun.training.missing_policies import no_best, no_checkpoint

    parts = recorded_settings(run.settings, folder)
    assert no_checkpoint(run, parts.checkpoint) == (
        f"{folder} has no checkpoint yet: the first one is written after 5 minutes "
        "(checkpoint.every_minutes), after 5,000 steps (checkpoint.every_steps), or at the end."
    )
    assert no_best(run, parts.eval).endswith(
        "no best policies: its first evaluation is at step 60."
    )
    record.close("done")


@pytest.mark.slow
def test_files_that_were_removed(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table")
    shutil.copytree(folder / "checkpoint", tmp_path / "checkpoint")
    shutil.rmtree(folder / "checkpoint")
    lost = refusal("evaluate", str(folder))
    assert lost.startswith(f"{folder} has lost its checkpoints: the files in {folder}/checkpoint")
    assert lost.endswith("write which=best.")
    shutil.copytree(tmp_path / "checkpoint", folder / "checkpoint")
    shutil.rmtree(folder / "best")
    assert refusal("evaluate", str(folder), "which=best") == (
        f"{folder} has no best policies: the files in {folder}/best are missing. "
        "The policies of its newest checkpoint can be played: write which=final."
    )
    (folder / "config.yaml").unlink()
    for verb in ("evaluate", "record", "resume"):
        assert refusal(verb, str(folder)) == (
            f"{folder}/config.yaml is missing: without its settings a run cannot be played, "
            "resumed or reported."
        )


@pytest.mark.slow
def test_without_evaluations_there_is_no_best(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table", "eval.every=0")
    assert "it is not evaluated in training (eval.every=0)" in refusal(
        "evaluate", str(folder), "which=best"
    )


def keys(settings: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in settings.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys(value, (*path, key))


@pytest.mark.slow
@pytest.mark.parametrize("value", [ABSENT, None, "x", {}], ids=["absent", "null", "text", "empty"])
def test_an_edited_configuration_gets_a_sentence(tmp_path: Path, value: Any) -> None:
    """Each key in turn, for every verb that reads it; a run may still be playable."""
    folder = trained(tmp_path / "run", "table")
    whole: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
    unexpected = []
    paths = [path for path in keys(whole) if len(path) == 1 or path[0] in ("eval", "env", "device")]
    for path in paths:
        settings = copy.deepcopy(whole)
        node = settings
        for key in path[:-1]:
            node = node[key]
        if value is ABSENT:
            del node[path[-1]]
        else:
            node[path[-1]] = value
        OmegaConf.save(OmegaConf.create(settings), folder / "config.yaml")
        for words in (["evaluate", str(folder), "episodes=1"], ["resume", str(folder)]):
            words += ["env.kwargs.is_slippery=false"] * (words[0] == "evaluate")
            code, _, err = said(*words)
            refused = code == 2 and err.startswith("rlrun: ") and err.count("\n") == 1
            if code != 0 and not refused:
                unexpected.append((path, words[0], err[-200:]))
    assert unexpected == []


def test_a_missing_group_is_named(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table", "total_steps=20")
    path = folder / "config.yaml"
    settings: Any = OmegaConf.load(path)
    del settings["eval"]
    OmegaConf.save(settings, path)
    assert refusal("evaluate", str(folder)).startswith(f"{path} is not valid: eval has no value")


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 1e300, "long", None, [3]])
def test_a_wall_time_that_is_none_does_not_end_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: Any
) -> None:
    damaged = leave(tmp_path / "runs" / "a", [1.0, 2.0])
    leave(tmp_path / "runs" / "b", [3.0, 4.0], agent={"lr": 0.5})
    edit(damaged, "result.json", wall_seconds=seconds)
    assert run_verb(["report", str(tmp_path / "runs")]) == 0
    assert f"left out: {damaged}/result.json is damaged" in capsys.readouterr().err
    page = (tmp_path / "runs" / "report" / "index.html").read_text("utf-8")
    assert "3.500" in page


def test_the_death_of_a_process_is_recorded_once(tmp_path: Path) -> None:
    record_death(tmp_path / "nothing", "killed")
    assert not (tmp_path / "nothing").exists()
    RunFolder.create(tmp_path, "rlrun", 10, "torch")._lock.close()  # as when its process has died
    record_death(tmp_path, "killed (SIGKILL)")
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert (meta["status"], meta["reason"]) == ("failed", "killed (SIGKILL)")
    edit(tmp_path, "meta.json", status="done")
    record_death(tmp_path, "another reason")
    assert json.loads((tmp_path / "meta.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_a_report_of_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("report", "last") == "there is no run under outputs/ here."
    for name, started in (("old", "2026-01-02"), ("new", "2026-01-03"), ("mid", "2026-01-01")):
        edit(leave(Path("outputs", name), [1.0, 2.0]), "meta.json", started=started)
    assert run_verb(["report", "last"]) == 0
    assert [path.parts[1] for path in Path("outputs").glob("*/report/index.html")] == ["new"]


@pytest.mark.slow
def test_another_video_is_another_file(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table")
    play = ("record", str(folder), "seed=0", "which=final", "format=gif")
    words: list[list[str]] = [
        [],
        ["episodes=2"],
        ["episode_seed=9"],
        ["env.kwargs.is_slippery=false"],
        ["eval.max_steps=3"],
        ["env.kwargs.is_slippery=false", "eval.max_steps=3"],
        ["env.kwargs.desc=[SFFF,FHFH,FFFH,HFFG]"],
        ["env.kwargs.desc=[SFFF,FHFH,FFFF,HFFG]"],
    ]
    first: dict[str, bytes] = {}
    for count, more in enumerate(words, 1):
        assert said(*play, *more)[0] == 0
        files = {path.name: path.read_bytes() for path in (folder / "videos").iterdir()}
        assert len(files) == count
        assert all(files[name] == content for name, content in first.items())
        first = files
    assert "final-seed_0-step_120-eval.max_steps=3.gif" in first
    assert "final-seed_0-step_120-env.kwargs.is_slippery=false-eval.max_steps=3.gif" in first
    assert said(*play, "eval.max_steps=3", "env.kwargs.is_slippery=false")[0] == 0  # either order
    assert len(list((folder / "videos").iterdir())) == len(words)
    own = ("--out", str(tmp_path / "own.gif"))
    assert "replaces" not in said(*play, *own)[1]
    assert "(it replaces an earlier file)" in said(*play, *own)[1]
