"""The command line as a person meets it: what runs, what fails, and what is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from rlrun import __version__
from rlrun.cli.commands import OPTIONAL, REQUIRED
from rlrun.cli.config import paths
from rlrun.cli.config.paths import claim, config_root, discard, slug
from rlrun.cli.help import overview, run_wide
from rlrun.core.errors import BadInput
from rlrun.terminal.commands import command_line
from tests.support.cli import Rlrun, tree, write_files

pytestmark = pytest.mark.slow


def test_a_run_gets_its_settings_and_a_folder_of_its_own(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seeds=3", "agent.lr=2e-3", "env=MountainCar-v0")
    assert outcome.code == 0, outcome.err
    ((settings, folder),) = outcome.runs
    assert (settings["seeds"], settings["agent"]["lr"]) == (3, 2e-3)
    assert settings["env"]["id"] == "MountainCar-v0"
    assert "hydra" not in settings
    assert folder.parent == tmp_path / "outputs" / "MountainCar-v0" / "dqn"
    assert tree(folder) == ["result.json"]


def test_flags_may_stand_anywhere_and_experiments_take_a_plus(rlrun: Rlrun, tmp_path: Path) -> None:
    write_files(tmp_path)
    outcome = rlrun("seed=5", "--config-dir", "my", "+experiment=two", "total_steps=7")
    assert outcome.code == 0, outcome.err
    settings, _ = outcome.runs[0]
    assert [settings[key] for key in ("seed", "seeds", "total_steps")] == [5, 2, 7]


def test_a_folder_that_is_named_is_used(rlrun: Rlrun, tmp_path: Path) -> None:
    assert rlrun("hydra.run.dir='a b/c=d'").runs[0][1] == tmp_path / "a b" / "c=d"


def test_bad_input_found_by_the_run_leaves_nothing(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seed=66")
    assert (outcome.code, outcome.err) == (2, "rlrun: seed 66 is bad luck.\n")
    assert tree(tmp_path) == []


def test_the_run_checks_again_where_the_hooks_are_switched_off(
    rlrun: Rlrun, tmp_path: Path
) -> None:
    outcome = rlrun("~hydra.callbacks.rlrun", "agent.lr=-1")
    assert outcome.code == 2
    assert "rlrun: agent.lr must" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(("seed", "text"), [(77, "exploded"), (88, "sys.exit(3)")])
def test_a_crash_shows_where_it_was(rlrun: Rlrun, seed: int, text: str) -> None:
    outcome = rlrun(f"seed={seed}")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert text in outcome.err
    assert "hydra/_internal" not in outcome.err


def test_the_full_traceback_on_request(rlrun: Rlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    bad, crash = rlrun("agent=dqnn"), rlrun("seed=77")
    assert (bad.code, crash.code) == (2, 1)
    assert "Did you mean dqn?" in bad.err
    assert "config_loader_impl.py" in bad.err
    assert "run_job" in crash.err


def test_ctrl_c(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seed=99")
    assert (outcome.code, outcome.err) == (130, "\nrlrun: stopped (Ctrl-C).\n")
    assert tree(tmp_path) == []


def test_a_multirun_makes_a_folder_for_each_job(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("agent=dqn", "-m", "agent.lr=1e-3,1e-4", "env=CartPole-v1,Acrobot-v1")
    assert outcome.code == 0, outcome.err
    assert [folder.name for _, folder in outcome.runs] == [
        "0_lr=0.001_env=CartPole-v1",
        "1_lr=0.001_env=Acrobot-v1",
        "2_lr=0.0001_env=CartPole-v1",
        "3_lr=0.0001_env=Acrobot-v1",
    ]
    (sweep,) = {folder.parent for _, folder in outcome.runs}
    assert sweep.parent == tmp_path / "outputs" / "sweeps"
    assert "job 2 of 4: agent.lr=0.001 env=Acrobot-v1" in outcome.out
    assert outcome.commands[1] == "rlrun agent=dqn agent.lr=0.001 env=Acrobot-v1"


def test_the_command_that_repeats_a_run_makes_a_new_folder(rlrun: Rlrun, tmp_path: Path) -> None:
    write_files(tmp_path)
    words = ["hydra.run.dir=here", "env=Acrobot-v1", "--config-dir", "my", "experiment=two"]
    outcome = rlrun(*words)
    again = "rlrun --config-dir my env=Acrobot-v1 experiment=two"
    assert outcome.commands == [again]
    repeated = rlrun(*again.split()[1:])
    assert repeated.runs[0][0] == outcome.runs[0][0]
    assert repeated.runs[0][1] != outcome.runs[0][1]


def test_the_other_jobs_go_on_after_a_failure(rlrun: Rlrun) -> None:
    outcome = rlrun("-m", "seed=77,1,88,66,2")
    assert outcome.code == 1
    assert [settings["seed"] for settings, _ in outcome.runs] == [77, 1, 88, 66, 2]
    assert "RuntimeError: exploded" in outcome.err
    assert "rlrun: seed 66 is bad luck." in outcome.err
    (sweep,) = {folder.parent for _, folder in outcome.runs}
    assert outcome.err.endswith(
        "rlrun: 3 of 5 jobs failed:\n"
        "  job 1 of 5: seed=77: RuntimeError: exploded\n"
        "  job 3 of 5: seed=88: RuntimeError: the run ended itself with sys.exit(3)\n"
        "  job 4 of 5: seed=66: seed 66 is bad luck.\n"
        f"rlrun: to resume the sweep: {command_line('resume', os.path.relpath(sweep))}\n"
    )


def test_runs_and_sweeps_of_the_same_second_never_share_a_folder(
    rlrun: Rlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlrun.cli.config.paths.stamp", lambda: "now")
    monkeypatch.setattr("rlrun.cli.config.resolvers.stamp", lambda: "now")
    from rlrun.cli.config import resolvers

    resolvers.register()
    try:
        made = [rlrun().runs[0][1] for _ in range(3)]
        swept = [rlrun("-m", "seeds=1,2").runs[0][1].parent for _ in range(2)]
    finally:
        monkeypatch.undo()
        resolvers.register()
    assert [folder.name for folder in made] == ["now", "now-2", "now-3"]
    assert [folder.name for folder in swept] == ["now", "now-2"]


def test_cfg_shows_the_configuration_and_makes_nothing(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seeds=3", "env=Acrobot-v1", "--cfg", "job")
    shown = OmegaConf.create(outcome.out)
    assert (outcome.code, shown.seeds, shown.env.id) == (0, 3, "Acrobot-v1")
    assert (outcome.runs, tree(tmp_path)) == ([], [])


def test_help_and_version(rlrun: Rlrun) -> None:
    assert rlrun("--version").out == f"rlrun {__version__}\n"
    assert rlrun("--help").out == rlrun("-h").out == overview() + "\n"


NAMES = {"null": "None", "true": "True", "false": "False"}


def test_help_tells_the_truth(rlrun: Rlrun) -> None:
    root = config_root()
    text = overview()
    groups = {path.name for path in root.iterdir() if path.is_dir()}
    assert groups == {*REQUIRED, *OPTIONAL}
    for group in groups - {"search"}:
        for path in (root / group).rglob("*.yaml"):
            if not path.name.startswith("_"):
                assert path.relative_to(root / group).with_suffix("").as_posix() in text
    shown = OmegaConf.create(rlrun("tuned=none", "--cfg", "job").out)
    rows = run_wide((root / "config.yaml").read_text().splitlines())
    for key, value, comment in rows:
        assert str(OmegaConf.select(shown, key)) == NAMES.get(value, value)
        assert comment
    assert {key.partition(".")[0] for key, _, _ in rows} == set(shown) - set(REQUIRED)


def test_help_is_quick_because_it_imports_nothing() -> None:
    code = (
        "import sys; sys.argv = ['rlrun', '--help']\n"
        "from rlrun.__main__ import main\n"
        "main(); print([m for m in ('hydra', 'torch', 'yaml', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rlrun", "agent=dqnn"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rlrun: there is no agent 'dqnn'. Did you mean dqn?")


def test_claim_and_discard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (claim(Path("a/b"), requested=False) for _ in range(2))
    assert (first, second) == (Path("a/b"), Path("a/b-2"))
    assert claim(Path("a/b"), requested=True) == first  # nothing is in it yet
    (first / "file").touch()
    with pytest.raises(BadInput, match="exists already"):
        claim(Path("a/b"), requested=True)
    discard(first)
    discard(second)
    assert tree(tmp_path) == ["a", "a/b", "a/b/file"]
    assert slug("ALE/Pong-v5") == "ALE-Pong-v5"
    assert len({paths.stamp() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "words", [("--help",), ("agent=random", "seeds=1", "total_steps=200", "eval.final_episodes=1")]
)
@pytest.mark.parametrize("both", [False, True])
def test_a_reader_that_leaves_ends_nothing(
    words: tuple[str, ...], both: bool, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "rlrun", *words]
    reader, writer = os.pipe()
    os.close(reader)  # whatever is written meets a closed pipe
    errors = writer if both else subprocess.PIPE
    done = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=errors, text=True)
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert both or "Error" not in done.stderr
    if words != ("--help",):
        (result,) = tmp_path.glob("outputs/*/*/*/result.json")
        assert json.loads(result.read_text())["status"] == "done"
